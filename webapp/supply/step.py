"""The plan's step `builds`: ask for the lab's binaries beside its booting machines, and bring them.

A branch means its newest commit at launch: what was brought once stays (brought.json), so that a later
provisioning, or a retry, puts the same binaries in place.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from webapp.builds.actions import request_build
from webapp.builds.artifacts import path_of
from webapp.builds.errors import BuildError
from webapp.builds.models import Artifact, Build
from webapp.builds.queries import all_components
from webapp.catalog import library
from webapp.catalog.spec import LabSpec, Override
from webapp.downloads.cache import Cache, Cached
from webapp.downloads.local import LocalError, collect, read_brought, write_brought
from webapp.executions.models import Status
from webapp.labs.actions import lab_folder
from webapp.planning.plan import StepKind
from webapp.runs import serving
from webapp.runs.host_steps import GIB
from webapp.runs.outcome import Outcome, StepContext, canceled, wait_or_stop
from webapp.runs.steps import StepKinds
from webapp.supply.uses import use_artifact
from webapp.supply.wanted import SupplyError, WantedBuild, component_name, wanted_builds

LOOK_S = 1.0


def build_binaries(context: StepContext) -> Outcome:
    """Bring every built binary of the definition, each build asked for at once."""
    folder, spec = lab_folder(context.lab), LabSpec.from_json(context.lab.spec)
    end = time.monotonic() + context.step.limit_s
    try:
        missing = [one for one in wanted(spec) if not is_brought(one, folder)]
        asked = [(one, ask(context, one)) for one in missing]
        for one, build in asked:
            ended = wait_for(context, build, end)
            if ended is None:
                return canceled()
            bring(context, folder, one, ended)
        offer(context, folder)
        return Outcome.succeeded(f"{len(spec.built)} of this lab's binaries are built and served.")
    except (SupplyError, BuildError, LocalError, OSError) as error:
        return Outcome.failed(str(error), f"build {error}"[:200])


def wanted(spec: LabSpec) -> Sequence[WantedBuild]:
    return wanted_builds(spec, all_components(), library.versions(Path(settings.ENVIRONMENTS_DIR)))


def is_brought(one: WantedBuild, folder: Path) -> bool:
    """Tell whether all of a build's binaries are with the lab, and their content is still there."""
    brought = read_brought(folder)
    files = [brought.get((override.os, override.binary)) for override in one.overrides]
    return all(file is not None and file.path.exists() for file in files)


def ask(context: StepContext, one: WantedBuild) -> Build:
    build, is_new = request_build(
        url=one.url, ref=one.ref, names=one.names, targets=[one.target], by=context.run.requested_by
    )
    known = "asked for" if is_new else "known already"
    context.note(f"{one.ref} is {build.commit[:12]}: build #{build.pk} of {', '.join(one.names)}, {known}")
    return build


def wait_for(context: StepContext, build: Build, end: float) -> Build | None:
    """Wait for the build's end, over the builds that continue a lost one; None when the run is stopping.

    Raises SupplyError when it did not succeed, or not before `end` (of the steady clock): builds may have no
    worker.
    """
    seen = (0, 0)
    while True:
        build = Build.objects.get(pk=build.pk)
        following = build.continued_by.first() if build.status == Status.INTERRUPTED else None
        if following is not None:
            context.note(f"Build #{build.pk} was interrupted; #{following.pk} goes on.")
            build = following
        elif not build.is_open and not is_awaited(build):
            return succeeded(build)
        progress = (build.packages_done, build.packages_total)
        if build.packages_total and (progress[0] - seen[0] > progress[1] // 10):
            seen = progress
            context.note(f"Build #{build.pk}: {progress[0]} of at most {progress[1]} packages")
        if time.monotonic() > end:
            minutes = round(context.step.limit_s / 60)
            raise SupplyError(f"Build #{build.pk} is {build.status} after {minutes} min; look at its page.")
        if wait_or_stop(context, LOOK_S):
            return None


def is_awaited(build: Build) -> bool:
    """Tell whether a lost build may still be continued: the reaper closes its log first."""
    return build.status == Status.INTERRUPTED and not build.log.complete


def succeeded(build: Build) -> Build:
    if build.status != Status.SUCCEEDED:
        raise SupplyError(f"Build #{build.pk} {build.status}: {build.sentence}")
    return build


def bring(context: StepContext, folder: Path, one: WantedBuild, build: Build) -> None:
    """Note the build's binaries with the lab, and that its machines use them."""
    for override in one.overrides:
        artifact = build.artifacts.filter(component=component_name(override), target=one.target).first()
        if artifact is None or not path_of(artifact.sha256).exists():
            raise SupplyError(
                f"Build #{build.pk} made {override.binary}, but its file is not on this lab host: "
                "ARTIFACT_DIR has to be the same for lab hosts and the host that builds."
            )
        write_brought(folder, override.os, override.binary, Cached(path_of(artifact.sha256), artifact.sha256))
        use_artifact(artifact, context.lab, machines_of(context, override), timezone.now())
        context.note(told(override, artifact))


def machines_of(context: StepContext, override: Override) -> list[str]:
    machines = LabSpec.from_json(context.lab.spec).machines
    return [machine.name for machine in machines if machine.os == override.os]


def told(override: Override, artifact: Artifact) -> str:
    return f"{override.binary} for {override.os}: {artifact.version}, sha256 {artifact.sha256}"


def offer(context: StepContext, folder: Path) -> None:
    """Serve what was brought to the machines. Raises LocalError, OSError."""
    cache = Cache(Path(settings.LAB_CACHE_DIR), limit_bytes=settings.LAB_CACHE_GIB * GIB)
    built = [one for one in serving.locals_in(folder) if one.source == "build"]
    found = collect(iter(built), cache=cache, files=Path(settings.LAB_FILES), folder=folder)
    serving.offer_overrides(context.run.pk, folder, cache, found)


SUPPLY_KINDS: StepKinds = {StepKind.BUILD: build_binaries}
