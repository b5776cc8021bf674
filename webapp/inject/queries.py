"""What the pages of injections read; a fixed number of queries, however many machines."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import QuerySet

from webapp.builds.models import Artifact
from webapp.builds.queries import all_components
from webapp.catalog.components import Component, Place
from webapp.catalog.spec import LabSpec
from webapp.cluster.facts import MachineFacts
from webapp.cluster.gather import is_answered, problem_of
from webapp.cluster.models import Sighting
from webapp.inject.actions import InjectError, component_of, runner_on
from webapp.inject.models import Injection
from webapp.inject.passports import Known, MachineSeen, Meant, Passport, make_passport
from webapp.inject.runners import Runner
from webapp.kube.stored import from_json
from webapp.labs.models import Lab, Machine
from webapp.runs.models import Run

MOST_CHOICES = 60
# Not built by the kit's components, but on each machine, and worth a look.
CONTAINERD = Component(
    "containerd",
    "The container runtime",
    "",
    (".",),
    places={
        "windows": Place("C:\\Program Files\\containerd\\containerd.exe", "service containerd"),
        "linux": Place("/usr/bin/containerd", "service containerd"),
    },
)


def passports(lab: Lab) -> tuple[Passport, ...]:
    """Return each machine's panel."""
    machines = list(lab.machines.all())
    sightings = {row.machine: row for row in Sighting.objects.filter(cluster__lab=lab)}
    seen = [machine_seen(machine, sightings.get(machine.name)) for machine in machines]
    known = known_hashes({binary.sha256 for one in seen for binary in one.binaries or ()})
    meant = meant_by_injections(lab)
    components = {CONTAINERD.name: CONTAINERD, **all_components()}
    spec = LabSpec.from_json(lab.spec)
    return tuple(
        make_passport(one, components.values(), spec, meant.get(one.name, {}), known) for one in seen
    )


def machine_seen(machine: Machine, sighting: Sighting | None) -> MachineSeen:
    """Return what the newest look that was answered told; a machine that is silent told nothing."""
    answered = sighting is not None and is_answered(sighting)
    facts = from_json(MachineFacts, sighting.facts) if answered and sighting is not None else None
    return MachineSeen(
        name=machine.name,
        system="windows" if machine.is_windows else "linux",
        role=machine.role,
        seen_at=sighting.seen_at if sighting is not None else None,
        problem=problem_of(sighting),
        binaries=facts.binaries if facts is not None else None,
    )


def known_hashes(hashes: Iterable[str]) -> dict[str, Known]:
    """Return what the store knows of these files; a build's row before an upload's."""
    rows = Artifact.objects.filter(sha256__in=[one for one in hashes if one]).select_related("build")
    found: dict[str, Known] = {}
    for row in rows.order_by("id"):
        commit = row.build.commit if row.build is not None else ""
        if row.sha256 not in found or commit:
            found[row.sha256] = Known(row.pk, row.version, commit, row.build_id)
    return found


def meant_by_injections(lab: Lab) -> dict[str, dict[str, Meant]]:
    """Return machine → component → what was put there last and is meant to lie there still."""
    found: dict[str, dict[str, Meant]] = {}
    for row in Injection.objects.filter(lab=lab, state=Injection.State.IN_PLACE).order_by("id"):
        is_back = row.kind == Injection.Kind.ROLL_BACK
        found.setdefault(row.machine, {})[row.component] = Meant(
            why="rolled back to" if is_back else "injected",
            sha256=row.sha256,
            version=row.version,
            commit=row.commit,
            artifact=row.artifact_id,
            injection=row.pk,
            can_roll_back=row.can_roll_back and not is_back,
            at=row.changed_at,
        )
    return found


# -- choosing -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """One machine that a binary could go to; `refusal` says why it cannot."""

    machine: Machine
    runner: Runner | None = None
    refusal: str = ""


def choices(machine: Machine, component: str) -> QuerySet[Artifact]:
    """Return kept binaries of a component for this machine's system, newest first."""
    system = "windows" if machine.is_windows else "linux"
    rows = Artifact.objects.filter(removed_at=None, target__startswith=f"{system}/", component=component)
    return rows.select_related("build", "added_by").order_by("-id")[:MOST_CHOICES]


def targets(labs: Iterable[Lab], artifact: Artifact) -> list[tuple[Lab, list[Target]]]:
    """Return each lab's machines with who would run the binary there. `labs` have their machines at hand."""
    known = all_components()
    return [(lab, [target(lab, machine, artifact, known) for machine in lab.machines.all()]) for lab in labs]


def target(lab: Lab, machine: Machine, artifact: Artifact, known: Mapping[str, Component]) -> Target:
    try:
        return Target(machine, runner_on(lab, machine, artifact, component_of(artifact, known)))
    except InjectError as error:
        return Target(machine, refusal=str(error))


def injections_of(run: Run) -> QuerySet[Injection]:
    """Return what a run is about; a Retry is about its first run's."""
    about = [step.get("about") for step in run.plan.get("steps", [])]
    rows = Injection.objects.filter(pk__in=[pk for pk in about if pk]).order_by("id")
    return rows.select_related("artifact", "lab")


def last_injections(lab: Lab, count: int = 10) -> QuerySet[Injection]:
    return Injection.objects.filter(lab=lab).select_related("artifact", "run", "asked_by")[:count]
