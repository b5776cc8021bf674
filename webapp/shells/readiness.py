"""May a machine's terminals be connected now? Asked before each connection and while it lasts.

A logged-on user blocks Restart-Computer, so while a run's step may reboot a Windows machine its sessions are
logged off and stay off; the same while a step stops, resets or removes any machine.
"""

from dataclasses import dataclass

from webapp.executions.models import Status
from webapp.planning.plan import Plan, StepKind
from webapp.runs.models import Run, Step
from webapp.shells.models import Terminal
from webapp.vagrant.states import NOT_CREATED, is_on

STOPPING = frozenset(
    {
        StepKind.HALT,
        StepKind.SUSPEND,
        StepKind.RELOAD,
        StepKind.DESTROY,
        StepKind.UP,
        StepKind.RESUME,
        StepKind.SNAPSHOT_RESTORE,
    }
)


@dataclass(frozen=True)
class Readiness:
    """Whether it may be connected; else why not, in one sentence."""

    is_ready: bool
    sentence: str = ""
    is_gone: bool = False  # for ever: the terminal is to be closed


def readiness_of(terminal: Terminal) -> Readiness:
    """Look at the lab, the open run and what Vagrant last said of the machine. At most four queries."""
    machine = terminal.machine
    machine.refresh_from_db(fields=["state"])
    terminal.lab.refresh_from_db(fields=["destroyed_at"])
    if terminal.lab.destroyed_at is not None:
        return Readiness(False, "The lab was destroyed.", is_gone=True)
    run = Run.objects.filter(lab=terminal.lab, status=Status.RUNNING).first()
    for step in Step.objects.filter(run=run, machine=machine.name, status=Step.Status.RUNNING) if run else ():
        assert run is not None
        if step.kind in STOPPING and not (step.kind == StepKind.UP and is_on(machine.state)):
            return Readiness(False, f"{step.title}: the terminal comes back when {machine.name} is up.")
        if machine.is_windows and may_reboot(run, step):
            return Readiness(
                False,
                f"{machine.name} may reboot now ({step.title}), and nobody may be logged on; "
                "the terminal comes back by itself.",
            )
    return judge_state(machine.name, machine.state)


def may_reboot(run: Run, step: Step) -> bool:
    return any(planned.may_reboot for planned in Plan.from_json(run.plan).steps if planned.key == step.key)


def judge_state(name: str, state: str) -> Readiness:
    """Pure. A state that nobody knows is worth a try."""
    if state == NOT_CREATED:
        return Readiness(False, f"{name} is not created yet; the terminal opens when it is up.")
    if state and is_on(state) is False:
        return Readiness(False, f"{name} is off; the terminal opens when it is up.")
    return Readiness(True)
