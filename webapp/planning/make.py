"""A verb on a lab becomes a plan. Contract: docs/plan.md.

Pure: the lab's spec, the kit's steps and a verb in, a frozen `Plan` out. The plan goes to `runs.actions`
(stored as rows) and `runs.execute` (walked).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from webapp.catalog.kit_steps import KitStep
from webapp.catalog.spec import LabSpec, MachineSpec
from webapp.planning.plan import (
    BUILDS,
    DOWNLOADS,
    LOOK,
    PREFLIGHT,
    VALIDATE,
    Plan,
    PlanError,
    PlannedStep,
    StepKind,
    Verb,
)

# kind: (title, usual seconds on Linux and Windows, limit, attempts)
MACHINE_STEPS: dict[StepKind, tuple[str, int, int, int, int]] = {
    StepKind.UP: ("Bring up", 120, 360, 3600, 2),
    StepKind.WAIT_FOR: ("Wait for the remote shell", 10, 60, 1200, 1),
    StepKind.HALT: ("Halt", 15, 60, 600, 2),
    StepKind.SUSPEND: ("Suspend", 15, 30, 600, 1),
    StepKind.RESUME: ("Resume", 20, 40, 900, 1),
    StepKind.RELOAD: ("Reload", 60, 240, 1800, 1),
    StepKind.DESTROY: ("Destroy", 10, 15, 600, 2),
    StepKind.SNAPSHOT_SAVE: ("Save snapshot", 20, 60, 1800, 1),
    StepKind.SNAPSHOT_RESTORE: ("Restore snapshot", 30, 90, 1800, 1),
    StepKind.SNAPSHOT_DELETE: ("Delete snapshot", 10, 20, 900, 1),
}
SIMPLE_VERBS = {
    Verb.HALT: StepKind.HALT,
    Verb.SUSPEND: StepKind.SUSPEND,
    Verb.DESTROY: StepKind.DESTROY,
    Verb.SNAPSHOT_SAVE: StepKind.SNAPSHOT_SAVE,
    Verb.SNAPSHOT_DELETE: StepKind.SNAPSHOT_DELETE,
}
PLANNED_ELSEWHERE = frozenset({Verb.INJECT, Verb.ROLL_BACK})
BOOT_VERBS = {
    Verb.LAUNCH: StepKind.UP,
    Verb.UP: StepKind.UP,
    Verb.RESUME: StepKind.RESUME,
    Verb.RELOAD: StepKind.RELOAD,
    Verb.SNAPSHOT_RESTORE: StepKind.SNAPSHOT_RESTORE,
}


def make_plan(
    spec: LabSpec, kit_steps: Sequence[KitStep], verb: Verb, *, machine: str = "", with_: str = ""
) -> Plan:
    """Plan `verb` for the whole lab, or for one machine.

    Raises PlanError for a machine or a provisioner that the lab does not have.
    """
    machines = chosen_machines(spec, machine)
    if verb in PLANNED_ELSEWHERE:
        raise PlanError(f"{verb} is asked for from a binary's page or a machine's, not by its name alone.")
    if verb == Verb.PROVISION:
        body = [VALIDATE, *provision_steps(spec, kit_steps, machines, Verb.LAUNCH, only=with_)]
    elif verb in BOOT_VERBS:
        body = boot_plan(spec, kit_steps, machines, verb)
    else:
        body = [*workers_first(machines, SIMPLE_VERBS[verb])]
    return Plan((*with_lab_steps(body), LOOK))


def with_lab_steps(steps: list[PlannedStep]) -> list[PlannedStep]:
    """Put the lab's own steps `downloads` and `builds` in, beside the boots, where some step needs them."""
    needed = {need for step in steps for need in step.needs}
    keys = {step.key for step in steps}
    first = sum(step.key in ("validate", "preflight") for step in steps)
    needs = tuple(key for key in ("validate", "preflight") if key in keys)[-1:]
    own = [replace(step, needs=needs) for step in (DOWNLOADS, BUILDS) if step.key in needed]
    return [*steps[:first], *own, *steps[first:]]


def chosen_machines(spec: LabSpec, machine: str) -> list[MachineSpec]:
    chosen = [m for m in spec.machines if machine in ("", m.name)]
    if not chosen:
        known = ", ".join(m.name for m in spec.machines)
        raise PlanError(f"This lab has no machine {machine!r}; it has {known}.")
    return chosen


def machine_step(machine: MachineSpec, kind: StepKind, needs: tuple[str, ...] = ()) -> PlannedStep:
    title, linux_s, windows_s, limit_s, attempts = MACHINE_STEPS[kind]
    return PlannedStep(
        key=f"{machine.name} {kind}",
        kind=kind,
        machine=machine.name,
        title=title,
        needs=needs,
        usual_s=windows_s if machine.os == "windows" else linux_s,
        limit_s=limit_s,
        attempts=attempts,
    )


def workers_first(machines: Sequence[MachineSpec], kind: StepKind) -> list[PlannedStep]:
    """Workers side by side, then the control plane: a worker drains while its API still answers."""
    workers = [machine_step(m, kind) for m in machines if m.role != "control-plane"]
    after = tuple(step.key for step in workers)
    return [*workers, *(machine_step(m, kind, after) for m in machines if m.role == "control-plane")]


def boot_plan(
    spec: LabSpec, kit_steps: Sequence[KitStep], machines: Sequence[MachineSpec], verb: Verb
) -> list[PlannedStep]:
    """Machines boot side by side; each machine's provisioning waits for its own boot only."""
    boots = [machine_step(m, BOOT_VERBS[verb], ("preflight",)) for m in machines]
    waits = [machine_step(m, StepKind.WAIT_FOR, (f"{m.name} {BOOT_VERBS[verb]}",)) for m in machines]
    # `up` and `reload` wait for the remote shell themselves; the other two return at once.
    ready = waits if verb in (Verb.RESUME, Verb.SNAPSHOT_RESTORE) else []
    after_boot = provision_steps(spec, kit_steps, machines, verb, boots=ready or boots)
    return [VALIDATE, PREFLIGHT, *boots, *ready, *after_boot]


def provision_steps(
    spec: LabSpec,
    kit_steps: Sequence[KitStep],
    machines: Sequence[MachineSpec],
    verb: Verb,
    *,
    boots: Sequence[PlannedStep] = (),
    only: str = "",
) -> list[PlannedStep]:
    """Return the kit's steps for these machines, needs first.

    A need on a step that this plan does not hold is dropped: it was done before.
    """
    boot_of = {step.machine: step.key for step in boots}
    wanted = [
        (machine, kit_step)
        for kit_step in kit_steps
        for machine in machines
        if applies(kit_step, machine, spec, verb) and only in ("", kit_step.name)
    ]
    if only and not wanted:
        raise PlanError(f"There is no provisioning step {only!r} for {', '.join(m.name for m in machines)}.")
    keys = {step_key(machine, kit_step.name) for machine, kit_step in wanted} | lab_keys(spec)
    steps = [provision_step(machine, kit_step, spec, keys, boot_of) for machine, kit_step in wanted]
    return needs_first(steps)


def lab_keys(spec: LabSpec) -> set[str]:
    """Return the lab's own steps that its machines' steps may need."""
    return {DOWNLOADS.key, *([BUILDS.key] if spec.built else [])}


def applies(kit_step: KitStep, machine: MachineSpec, spec: LabSpec, verb: Verb) -> bool:
    """Tell whether this step of the kit belongs on this machine for this verb."""
    belongs = kit_step.belongs_on(role=machine.role, os=machine.os, scope=spec.scope, cni=spec.cni.name)
    return belongs and str(verb) in kit_step.on_verbs


def step_key(machine: MachineSpec, name: str) -> str:
    return f"{machine.name} {name}"


def provision_step(
    machine: MachineSpec, kit_step: KitStep, spec: LabSpec, keys: set[str], boot_of: dict[str, str]
) -> PlannedStep:
    needs = [key for need in kit_step.needs for key in resolve_need(need, machine, spec) if key in keys]
    boot = boot_of.get(machine.name)
    return PlannedStep(
        key=step_key(machine, kit_step.name),
        kind=StepKind.PROVISION,
        machine=machine.name,
        title=kit_step.title,
        needs=(*([boot] if boot else ["validate"]), *needs),
        with_=kit_step.name,
        inputs=kit_step.inputs,
        usual_s=kit_step.usual_s,
        limit_s=kit_step.limit_s,
        attempts=kit_step.attempts,
        may_reboot=kit_step.may_reboot,
    )


def resolve_need(need: str, machine: MachineSpec, spec: LabSpec) -> Iterable[str]:
    """Turn "NAME", "control-plane:NAME", "workers:NAME" or "lab:downloads" into step keys."""
    where, _, name = need.rpartition(":")
    if where == "lab":
        return [name]
    if where == "control-plane":
        return [step_key(m, name) for m in spec.machines if m.role == "control-plane"]
    if where == "workers":
        return [step_key(m, name) for m in spec.machines if m.role != "control-plane"]
    return [step_key(machine, name)]


def needs_first(steps: Sequence[PlannedStep]) -> list[PlannedStep]:
    """Order steps so that each comes after what it needs; PlanError on a circle."""
    ordered: list[PlannedStep] = []
    keys = {step.key for step in steps}
    placed: set[str] = set()
    waiting = list(steps)
    while waiting:
        ready = [s for s in waiting if all(need in placed or need not in keys for need in s.needs)]
        if not ready:
            raise PlanError(
                "The kit's steps need each other in a circle: " + ", ".join(s.key for s in waiting)
            )
        ordered += ready
        placed |= {step.key for step in ready}
        waiting = [step for step in waiting if step.key not in placed]
    return ordered
