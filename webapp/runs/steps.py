"""Carry out one step: bounded attempts, a signature for each failure, no third try of the same.

Each kind of step has one function below; those that call Vagrant share `vagrant_step`.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from webapp.catalog.manifests import ManifestError
from webapp.catalog.spec import LabSpec
from webapp.catalog.version_labels import VersionError
from webapp.diagnosis.rules import Rule
from webapp.executions.record import Recorder, make_spool, nothing, record_child
from webapp.labs.actions import lab_folder, record_states
from webapp.labs.folder import FolderError, prepare_folder
from webapp.labs.models import Lab
from webapp.labs.settle import settle_versions
from webapp.logs.patience import for_ever
from webapp.logs.redact import Redactor
from webapp.planning.plan import StepKind
from webapp.process import Child
from webapp.runs.findings import StepWatch
from webapp.runs.host_steps import download, preflight
from webapp.runs.inputs import InputError, step_inputs
from webapp.runs.models import Step
from webapp.runs.outcome import Outcome, StepContext, canceled, failure_signature, wait_or_stop
from webapp.runs.output import VagrantOutput
from webapp.spool import Exit, remove_spool
from webapp.vagrant.driver import RehearsalDriver, VagrantDriver, find_vagrant
from webapp.vagrant.errors import MachineNotCreated, MachineNotFound, VagrantError, WinrmMissing
from webapp.vagrant.states import RUNNING

logger = logging.getLogger(__name__)

LOCKED_TRIES = 6
LOCKED_PAUSE_S = 5.0
BACKOFF_S = 2.0
SHELL_TIMEOUT_S = 120
TAKES_DOWN = (StepKind.HALT, StepKind.DESTROY)
StepKinds = Mapping[StepKind, Callable[[StepContext], Outcome]]


def run_step(context: StepContext, kinds: StepKinds) -> Outcome:
    """Try the step until it succeeds, fails twice the same way or beyond mending, or runs out of attempts."""
    attempts = max(context.step.attempts, 1)
    previous = ""
    watch = watch_of(context)
    context = replace(context, watch=watch)
    for attempt in range(1, attempts + 1):
        for_ever(partial(Step.objects.filter(pk=context.row.pk).update, attempt=attempt))
        outcome = try_once(context, kinds)
        if attempt > 1 and context.step.kind == StepKind.UP and outcome.status == Step.Status.SUCCEEDED:
            outcome = check_shell(context)
        outcome = replace(outcome, attempt=attempt)
        cause = watch.end_attempt(is_failed=outcome.status == Step.Status.FAILED)
        if outcome.status != Step.Status.FAILED:
            return outcome
        if cause is not None:
            outcome = explained(outcome, cause)
            if cause.retry is False:
                return outcome
        if outcome.signature and outcome.signature == previous:
            sentence = f"{outcome.sentence} It failed twice in the same way, so it is not tried again."
            return replace(outcome, sentence=sentence)
        if attempt == attempts:
            return outcome
        previous = outcome.signature
        context.note(f"── {outcome.sentence} Attempt {attempt + 1} of {attempts} ──")
        if wait_or_stop(context, BACKOFF_S * attempt):
            return canceled()
    raise AssertionError("unreachable: the last attempt returns")


def try_once(context: StepContext, kinds: StepKinds) -> Outcome:
    """Carry out one attempt; a Vagrant that refuses, or is gone, is a failure and no fault of ours."""
    try:
        return kinds[context.step.kind](context)
    except VagrantError as error:
        return Outcome.failed(str(error), failure_signature(type(error).__name__, str(error)))


def watch_of(context: StepContext) -> StepWatch:
    """Return what looks at this step's lines; a step of no machine has no role."""
    machines = LabSpec.from_json(context.lab.spec).machines
    role = next((str(machine.role) for machine in machines if machine.name == context.step.machine), "")
    return StepWatch(context.run, context.row, name=context.row.name, role=role)


def explained(outcome: Outcome, cause: Rule) -> Outcome:
    """Say the known failure in place of Vagrant's words, which stay in the log."""
    hopeless = " It is not tried again, since that cannot help." if cause.retry is False else ""
    sentence = f"{cause.title}. {cause.advice}{hopeless}"
    return replace(outcome, sentence=sentence, signature=f"{cause.id} {outcome.signature}")


def check_shell(context: StepContext) -> Outcome:
    """Believe a second `up` only when the machine answers: Vagrant ends with 0 for one that merely runs."""
    try:
        answered = (
            driver_for(context.lab).run(context.step.machine, "exit 0", timeout_s=SHELL_TIMEOUT_S).code == 0
        )
    except VagrantError as error:
        return Outcome.failed(f"The machine runs, but its remote shell does not answer: {error}", "deaf")
    return (
        Outcome.succeeded() if answered else Outcome.failed("The machine's remote shell is broken.", "deaf")
    )


# -- steps of our own ------------------------------------------------------------


def validate(context: StepContext) -> Outcome:
    """Make the lab's folder if need be, and check that it is what the lab was pinned to."""
    folder, environments = lab_folder(context.lab), Path(settings.ENVIRONMENTS_DIR)
    try:
        for text in settle_versions(context.lab, folder, environments):
            context.note(text)
        prepare_folder(context.lab, folder, environments)
    except (FolderError, VersionError, ManifestError, OSError) as error:
        return Outcome.failed(str(error), failure_signature(type(error).__name__, str(error)))
    context.note(
        f"Kit {context.lab.kit_digest[:12]}, provider {context.lab.provider}, subnet {context.lab.subnet}"
    )
    return Outcome.succeeded()


def look(context: StepContext) -> Outcome:
    """Ask Vagrant for every machine's state and store what it says."""
    if not (lab_folder(context.lab) / "lab.json").exists():
        return Outcome.succeeded("There is no folder yet, so there is no machine.")
    try:
        states = {name: status.state for name, status in driver_for(context.lab).status().items()}
    except VagrantError as error:
        return Outcome.failed(f"The machines' states are unknown: {error}", "look")
    for_ever(lambda: record_states(context.lab, states, timezone.now()))
    return Outcome.succeeded(", ".join(f"{name} {state}" for name, state in states.items()))


def wait_for(context: StepContext) -> Outcome:
    """Wait until the machine's remote shell answers."""
    driver = driver_for(context.lab)
    end = time.monotonic() + context.step.limit_s
    told = ""
    while time.monotonic() < end:
        try:
            if driver.run(context.step.machine, "exit 0", timeout_s=60).code == 0:
                return Outcome.succeeded("The remote shell answers.")
        except (MachineNotCreated, MachineNotFound, WinrmMissing):  # no waiting helps
            raise
        except VagrantError as error:
            if str(error) != told:
                told = str(error)
                context.note(f"Not yet: {told}")
        if wait_or_stop(context, 3):
            return canceled()
    return Outcome.failed(f"The remote shell did not answer within {context.step.limit_s} s.", "no-shell")


# -- steps that call Vagrant -------------------------------------------------------


def driver_for(lab: Lab) -> VagrantDriver:
    """Return the driver of the lab's folder: real Vagrant, or the rehearsal."""
    folder, home = lab_folder(lab), Path(settings.LAB_VAGRANT_HOME)
    if lab.is_rehearsal:
        player = Path(settings.ENVIRONMENTS_DIR) / "rehearsal" / "vagrant"
        return RehearsalDriver(folder, executable=player, vagrant_home=home)
    executable = find_vagrant(settings.LAB_VAGRANT)
    if executable is None:
        raise VagrantError(
            "VagrantNotFound", "Vagrant is not installed on this lab host; see the Hosts page."
        )
    return VagrantDriver(folder, executable=executable, vagrant_home=home)


def start_child(driver: VagrantDriver, context: StepContext, spool: Path) -> Child:
    """Call the driver's verb for this kind of step."""
    step, provider = context.step, context.lab.provider
    match step.kind:
        case StepKind.UP:
            return driver.up(step.machine, provider=provider, spool=spool)
        case StepKind.PROVISION | StepKind.INJECT:
            return driver.provision(step.machine, step.with_, spool=spool)
        case StepKind.SNAPSHOT_SAVE | StepKind.SNAPSHOT_RESTORE | StepKind.SNAPSHOT_DELETE:
            verb = getattr(driver, step.kind.replace("-", "_"))
            child: Child = verb(step.machine, context.run.snapshot, spool=spool)
            return child
        case _:
            simple: Child = getattr(driver, str(step.kind))(step.machine, spool=spool)
            return simple


def vagrant_step(context: StepContext) -> Outcome:
    """Run one Vagrant command, record it, and read from its end how it went."""
    for tries_left in reversed(range(LOCKED_TRIES)):
        outcome = vagrant_attempt(context)
        is_locked = outcome.signature.startswith(
            ("MachineActionLocked", "MachineLocked", "EnvironmentLocked")
        )
        if not is_locked or tries_left == 0:
            return outcome
        context.note("Another Vagrant process works on this machine; waiting for it.")
        if wait_or_stop(context, LOCKED_PAUSE_S):
            return canceled()
    raise AssertionError("unreachable: the last try returns")


def vagrant_attempt(context: StepContext) -> Outcome:
    try:
        driver = driver_for(context.lab)
        with step_inputs(
            driver,
            lab_folder(context.lab),
            names=context.step.inputs,
            machine=context.step.machine,
            control_plane=LabSpec.from_json(context.lab.spec).control_plane.name,
        ) as spend:
            outcome = record_verb(context, driver)
            if outcome.status == Step.Status.SUCCEEDED and (left := spend()):
                context.note(left)
            return outcome
    except (VagrantError, InputError, OSError) as error:
        return Outcome.failed(str(error), failure_signature(type(error).__name__, str(error)))


def record_verb(context: StepContext, driver: VagrantDriver) -> Outcome:
    """Start the child, store all it says, and judge its end."""
    folder = new_spool_folder(context)
    spool = make_spool(context.run.log_id, context.row.number, folder)
    output = VagrantOutput(context.step.machine)
    end = time.monotonic() + context.step.limit_s
    with start_child(driver, context, folder) as child:
        look = context.watch.look if context.watch is not None else nothing
        recorder = Recorder(spool, output.translate, Redactor(()), look)
        ended = record_child(child, recorder, lambda: context.is_stopping() or time.monotonic() > end)
    remove_spool(folder)
    return judge_end(context, ended, output)


def new_spool_folder(context: StepContext) -> Path:
    stamp = f"{time.time_ns():x}"
    return Path(settings.SPOOL_DIR) / f"run{context.run.pk}-step{context.row.number}-{stamp}"


def judge_end(context: StepContext, ended: Exit, output: VagrantOutput) -> Outcome:
    """Turn the child's end into an outcome; exit 0 alone is not believed where Vagrant is known to lie."""
    if ended.stopped and context.is_stopping():
        return canceled()
    if ended.stopped:
        minutes = round(context.step.limit_s / 60)
        return Outcome.failed(f"It took longer than {minutes} min and was stopped.", "time-limit", ended.code)
    if ended.code != 0:
        reason = output.reason or f"Vagrant {ended}."
        return Outcome.failed(reason, failure_signature(output.error_class, reason), ended.code)
    if lie := exit_0_lie(context.step.kind, output):
        return lie
    note_state(context)
    return Outcome.succeeded(exit_code=0)


def exit_0_lie(kind: StepKind, output: VagrantOutput) -> Outcome | None:
    """Vagrant ends with 0 when there was nothing to act upon; what is gone need not be taken down."""
    if kind in TAKES_DOWN:
        return None
    if output.was_not_created:
        return Outcome.failed("The machine is not created, so nothing was done.", "not-created", 0)
    if output.was_not_running:
        return Outcome.failed("The machine is not running, so nothing was done.", "not-running", 0)
    if kind in (StepKind.PROVISION, StepKind.INJECT) and not output.has_provisioned:
        return Outcome.failed("Vagrant ran no provisioner of this name, so nothing was done.", "not-run", 0)
    return None


def note_state(context: StepContext) -> None:
    """`vagrant up` that ends with 0 has waited for a running machine; the look at the end says the rest."""
    if context.step.kind in (StepKind.UP, StepKind.RELOAD):
        for_ever(lambda: record_states(context.lab, {context.step.machine: RUNNING}, timezone.now()))


KINDS: StepKinds = {
    **dict.fromkeys(StepKind, vagrant_step),
    StepKind.VALIDATE: validate,
    StepKind.PREFLIGHT: preflight,
    StepKind.DOWNLOAD: download,
    StepKind.WAIT_FOR: wait_for,
    StepKind.LOOK: look,
}
