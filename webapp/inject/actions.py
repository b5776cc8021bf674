"""Ask for injections and roll backs: each is a run of the lab. Carrying them out is `inject.steps`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction

from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.builds.models import Artifact
from webapp.builds.queries import all_components
from webapp.catalog import library
from webapp.catalog.components import Component
from webapp.catalog.spec import LabSpec
from webapp.executions.models import OPEN
from webapp.inject.models import Injection
from webapp.inject.plan import KitTooOld, Wish, inject_plan
from webapp.inject.runners import Runner, runner_of
from webapp.labs.models import Lab, Machine
from webapp.planning.plan import Verb
from webapp.runs.actions import RunError, announce_run, check_verb, make_run
from webapp.runs.models import Run
from webapp.vagrant.states import is_on


class InjectError(Exception):
    """It cannot be had; a sentence with what would work, where something would."""


class RunIsOpen(InjectError):
    """The lab has an open run; `run` is it."""

    def __init__(self, run: Run) -> None:
        super().__init__(f"Run #{run.number} of this lab is open; ask again when it has ended.")
        self.run = run


@dataclass(frozen=True)
class Wanted:
    """One checked pair of machine and artifact."""

    machine: Machine
    artifact: Artifact
    component: Component
    runner: Runner


def start(
    lab: Lab, machines: Sequence[str], artifacts: Sequence[Artifact], by: User, *, is_forced: bool = False
) -> Run:
    """Put each artifact on each of the machines, in one run.

    `is_forced`: go on although the flag lint has errors. Raises InjectError (RunIsOpen) and stores nothing.
    """
    wanted = [check(lab, name, artifact) for name in machines for artifact in artifacts]
    if not wanted:
        raise InjectError("Which machine, and which binary?")
    twice = len({(one.machine.name, one.component.name) for one in wanted}) < len(wanted)
    if twice:
        raise InjectError("Only one binary of a component can be put on a machine at a time.")
    rows = [row_of(lab, one, by, is_forced=is_forced) for one in wanted]
    return store(lab, Verb.INJECT, rows, by)


def check(lab: Lab, name: str, artifact: Artifact) -> Wanted:
    """Return who runs the binary on this machine; InjectError says why it cannot go there."""
    machine = lab.machines.filter(name=name).first()
    if machine is None:
        raise InjectError(f"{lab.name} has no machine {name[:20]!r}.")
    component = component_of(artifact, all_components())
    return Wanted(machine, artifact, component, runner_on(lab, machine, artifact, component))


def runner_on(lab: Lab, machine: Machine, artifact: Artifact, component: Component) -> Runner:
    """Return who runs the binary on this machine, without a query; InjectError as above."""
    system = "windows" if machine.is_windows else "linux"
    if artifact.removed_at is not None:
        raise InjectError(f"{artifact.file_name} is not kept any more; build or fetch it again.")
    if not artifact.target.startswith(f"{system}/"):
        raise InjectError(
            f"{artifact.file_name} is for {artifact.target}; {machine.name} runs {system.capitalize()}."
        )
    runner = runner_of(component, system, LabSpec.from_json(lab.spec))
    if runner.kind == "unused":
        raise InjectError(runner.sentence)
    if machine.state and is_on(machine.state) is False:
        raise InjectError(f"{machine.name} is {machine.state}; start it first.")
    return runner


def component_of(artifact: Artifact, known_ones: Mapping[str, Component]) -> Component:
    """Return the component as it is now, else as the build's recipe has it."""
    known = known_ones.get(artifact.component)
    if known is not None:
        return known
    recipes = artifact.build.recipe.get("components", []) if artifact.build is not None else []
    for recipe in recipes:
        if recipe.get("name") == artifact.component and "places" in recipe:
            return Component.from_json(recipe)
    raise InjectError(
        f"Nobody knows where {artifact.component} lies on a machine; add it on the page Components."
    )


def row_of(lab: Lab, one: Wanted, by: User, *, is_forced: bool) -> Injection:
    build = one.artifact.build
    return Injection(
        lab=lab,
        machine=one.machine.name,
        component=one.component.name,
        path=one.runner.path,
        runner=one.runner.to_json(),
        artifact=one.artifact,
        sha256=one.artifact.sha256,
        version=one.artifact.version,
        commit=build.commit if build is not None else "",
        is_forced=is_forced,
        asked_by=by,
    )


def roll_back(injection: Injection, by: User) -> Run:
    """Put back what lay there before; a run of its own. Raises InjectError."""
    if not injection.can_roll_back:
        raise InjectError("This injection is not in place, or nothing lay there before.")
    before = Injection.objects.filter(lab=injection.lab, sha256=injection.before_sha256).exclude(
        artifact=None
    )
    earlier = before.first()
    row = Injection(
        lab=injection.lab,
        machine=injection.machine,
        kind=Injection.Kind.ROLL_BACK,
        component=injection.component,
        path=injection.path,
        runner=injection.runner,
        artifact=earlier.artifact if earlier is not None else None,
        undoes=injection,
        sha256=injection.before_sha256,
        version=injection.before_version,
        commit=earlier.commit if earlier is not None else "",
        before_sha256=injection.sha256,
        before_version=injection.version,
        asked_by=by,
    )
    return store(injection.lab, Verb.ROLL_BACK, [row], by)


def store(lab: Lab, verb: Verb, rows: Sequence[Injection], by: User) -> Run:
    """Store the run and its injections together, or nothing."""
    try:
        check_verb(lab, verb, "")
        with transaction.atomic():
            run = store_run(lab, verb, rows, by)
    except (RunError, KitTooOld) as error:
        raise InjectError(str(error)) from error
    except IntegrityError as error:
        open_run = Run.objects.filter(lab=lab, status__in=OPEN).first()
        if open_run is None:
            raise
        raise RunIsOpen(open_run) from error
    announce_run(run)
    return run


def store_run(lab: Lab, verb: Verb, rows: Sequence[Injection], by: User) -> Run:
    """Store the rows first: the plan's steps name them."""
    for row in rows:
        row.save(force_insert=True)
        audit.record(by, f"asked {verb}", f"{row} of {lab.name}"[:200], lab_id=lab.pk)
    kit_steps = library.kit_steps(Path(settings.ENVIRONMENTS_DIR))
    plan = inject_plan([wish_of(row) for row in rows], kit_steps)
    machines = {row.machine for row in rows}
    run = make_run(lab, verb, by, machine=machines.pop() if len(machines) == 1 else "", plan=plan)
    Injection.objects.filter(pk__in=[row.pk for row in rows]).update(run=run)
    return run


def wish_of(row: Injection) -> Wish:
    is_windows = row.lab.machines.get(name=row.machine).is_windows
    return Wish(
        machine=row.machine,
        system="windows" if is_windows else "linux",
        component=row.component,
        about=row.pk,
        is_linted=row.kind == Injection.Kind.INJECT,
    )
