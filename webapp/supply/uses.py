"""Which machine has which binary out of the store, so that the quota leaves it alone."""

from collections.abc import Iterable
from datetime import datetime

from webapp.builds.models import Artifact, ArtifactUse
from webapp.labs.models import Lab


def use_artifact(artifact: Artifact, lab: Lab, machines: Iterable[str], now: datetime) -> None:
    """Note that these machines get this binary in place of another of its component; once, if it is again."""
    for machine in machines:
        open_ones = ArtifactUse.objects.filter(
            lab=lab, machine=machine, artifact__component=artifact.component, ended_at=None
        )
        open_ones.exclude(artifact__sha256=artifact.sha256).update(ended_at=now)
        if not open_ones.filter(artifact__sha256=artifact.sha256).exists():
            ArtifactUse.objects.create(artifact=artifact, lab=lab, machine=machine)
