"""Walk a run's plan: start what is ready, side by side, and end truthfully.

One walker per run, in one Celery task; each step in a thread of its own. The
walker alone decides what starts and how the run ends; steps only report.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, connections
from django.utils import timezone

from webapp.executions.holder import holder_name
from webapp.executions.models import Status
from webapp.labs.actions import forget_lab
from webapp.labs.folder import remove_folder
from webapp.logs import store
from webapp.logs.patience import for_ever
from webapp.logs.redact import redact_words
from webapp.planning.plan import Plan, PlannedStep, Verb
from webapp.runs import serving
from webapp.runs.actions import announce_run
from webapp.runs.models import Run, Step
from webapp.runs.outcome import Outcome, StepContext
from webapp.runs.steps import KINDS, StepKinds, run_step
from webapp.runs.verdict import Stop, verdict

logger = logging.getLogger(__name__)

TICK_S = 0.5
STOPPED_WITHIN_S = 30  # a child's ladder of signals takes 20
FAULT = "A fault of the dashboard ended this run; its administrator finds it in the worker's log."
DONE = {Step.Status.SUCCEEDED}
OPEN_STEP = {Step.Status.WAITING, Step.Status.RUNNING}
BEGUN_IN_VAIN = {Step.Status.FAILED, Step.Status.CANCELED, Step.Status.INTERRUPTED}
# Set when this worker process is told to end: every walker stops its children.
SHUTTING_DOWN = threading.Event()


def execute_run(run_id: int, more_kinds: StepKinds | None = None) -> None:
    """Claim a pending run and walk it; a run that another worker has is left alone.

    `more_kinds`: kinds of steps of rooms that this one does not know.
    """
    run = Run.objects.select_related("lab__host", "requested_by").get(pk=run_id)
    if not run.start(holder_name(settings.LAB_HOST), timezone.now()):
        return
    logger.info("run %s lab %s: %s begins", run.pk, run.lab_id, run.verb)
    announce_run(run)
    walker = Walker(run, {**KINDS, **(more_kinds or {})})
    try:
        walker.walk()
    except Exception:
        logger.exception("run %s lab %s: the walker failed", run.pk, run.lab_id)
        walker.break_off()
        raise
    finally:
        serving.stop(run.pk)


class Walker:
    """One run under way. Threads hand their outcomes in through a queue."""

    def __init__(self, run: Run, kinds: StepKinds) -> None:
        self.run = run
        self.kinds = kinds
        self.plan = Plan.from_json(run.plan)
        self.rows = {step.key: step for step in run.steps.all()}
        self.outcomes: queue.Queue[tuple[str, Outcome]] = queue.Queue()
        self.threads: dict[str, threading.Thread] = {}
        self.stop = Stop()
        self.next_beat = 0.0
        self.is_cut_off = False
        self.run_states: dict[str, str] = {}

    def walk(self) -> None:
        self.note_beginning()
        while any(row.status in OPEN_STEP for row in self.rows.values()):
            self.heartbeat()
            if self.stop.lost:
                self.abandon()
                return
            self.skip_hopeless()
            self.start_ready()
            self.take_outcomes()
        self.end(*verdict(self.plan, self.rows, self.stop))

    def note_beginning(self) -> None:
        by = self.run.requested_by.username if self.run.requested_by else "the system"
        count = len(self.plan.steps)
        again = f", going on after #{self.run.continues.number}" if self.run.continues else ""
        machine = f" of {self.run.machine}" if self.run.machine else ""
        self.note(f"#{self.run.number} {self.run.verb}{machine}, asked for by {by}{again}: {count} steps")

    def note(self, text: str, row: Step | None = None) -> int:
        """Append a line, whenever the database takes it; return its number."""
        machine, number = (row.machine, row.number) if row else ("", 0)
        return store.note(self.run.log_id, text, machine=machine, step=number, patience_s=store.FOREVER)

    # -- what may start ---------------------------------------------------------

    def start_ready(self) -> None:
        for step in self.plan.steps:
            if self.is_ready(step):
                self.start(step)

    def is_ready(self, step: PlannedStep) -> bool:
        if self.rows[step.key].status != Step.Status.WAITING or self.is_busy(step.machine):
            return False
        if step.always:
            others = (row for key, row in self.rows.items() if key != step.key)
            return all(row.status not in OPEN_STEP for row in others)
        if step.rescues:
            return not self.stop.is_for_good and self.is_wanted(step) is True
        return not self.stop and all(self.status(need) in DONE for need in step.needs)

    def is_wanted(self, rescue: PlannedStep) -> bool | None:
        """Tell whether something has to be put right again; None while that is open."""
        statuses = {self.status(key) for key in rescue.rescues}
        if statuses & OPEN_STEP:
            return None
        return bool(statuses & BEGUN_IN_VAIN)

    def is_busy(self, machine: str) -> bool:
        """Vagrant works on one machine with one process at a time."""
        return machine != "" and any(
            self.rows[key].machine == machine for key, thread in self.threads.items() if thread.is_alive()
        )

    def status(self, key: str) -> str:
        return self.rows[key].status if key in self.rows else Step.Status.SUCCEEDED

    def skip_hopeless(self) -> None:
        """Mark steps that cannot come to their turn: a need failed, or the run is stopping."""
        for step in self.plan.steps:
            row = self.rows[step.key]
            if row.status != Step.Status.WAITING or step.always:
                continue
            if step.rescues and not self.stop.is_for_good:
                if self.is_wanted(step) is False:
                    self.update(row, status=Step.Status.SKIPPED, sentence="Not needed.")
                continue
            broken = [n for n in step.needs if self.status(n) not in DONE and self.status(n) not in OPEN_STEP]
            if broken or self.stop:
                why = f"{named(self.rows[broken[0]])} did not succeed" if broken else "the run was stopped"
                self.update(row, status=Step.Status.SKIPPED, sentence=f"Not run: {why}.")

    def start(self, step: PlannedStep) -> None:
        row = self.rows[step.key]
        first = self.note(f"▶ {step.title}", row)
        self.update(row, status=Step.Status.RUNNING, started_at=timezone.now(), first_line=first)
        context = StepContext(self.run, step, row, self.stop_of(step))
        thread = threading.Thread(target=self.carry_out, args=(context,), name=step.key, daemon=True)
        self.threads[step.key] = thread
        thread.start()
        announce_run(self.run)

    def carry_out(self, context: StepContext) -> None:
        """Thread body: always hands in an outcome, whatever happens."""
        try:
            outcome = run_step(context, self.kinds)
        except Exception as error:
            logger.exception("run %s step %s: a fault of ours", self.run.pk, context.step.key)
            outcome = Outcome.failed(f"A fault of the dashboard: {type(error).__name__}: {error}", "fault")
        finally:
            connections.close_all()
        self.outcomes.put((context.step.key, outcome))

    # -- what has happened ------------------------------------------------------

    def take_outcomes(self) -> None:
        try:
            key, outcome = self.outcomes.get(timeout=TICK_S)
        except queue.Empty:
            return
        self.threads.pop(key).join()
        self.settle(self.rows[key], outcome)

    def settle(self, row: Step, outcome: Outcome) -> None:
        status, sentence = outcome.status, redact_words(outcome.sentence)
        if status == Step.Status.CANCELED and self.stop.shut_down:
            status = Step.Status.INTERRUPTED
        mark = "✓" if status == Step.Status.SUCCEEDED else "■"
        last = self.note(f"{mark} {row.title}: {sentence or status.label.lower()}", row)
        self.update(
            row,
            status=status,
            finished_at=timezone.now(),
            last_line=last,
            attempt=outcome.attempt,
            exit_code=outcome.exit_code,
            signature=redact_words(outcome.signature)[:200],
            sentence=sentence[:500],
        )
        logger.info("run %s lab %s: step %s %s", self.run.pk, self.run.lab_id, row.key, status)
        announce_run(self.run)

    def stop_of(self, step: PlannedStep) -> Callable[[], bool]:
        """Return what a step asks; a rescue is not stopped by the cancel that made it necessary."""
        return (lambda: self.stop.is_for_good) if step.rescues else (lambda: bool(self.stop))

    def update(self, row: Step, **fields: object) -> None:
        for_ever(lambda: Step.objects.filter(pk=row.pk).update(**fields))
        for name, value in fields.items():
            setattr(row, name, value)

    def heartbeat(self) -> None:
        """Say "alive" every few seconds, and learn of a cancel, a shutdown or a lost claim."""
        if SHUTTING_DOWN.is_set():
            self.stop.shut_down = True
        try:
            self.ask_and_tell()
        except (OperationalError, InterfaceError) as error:  # full, locked or away: the children go on
            if not self.is_cut_off:
                logger.warning("run %s: the database does not answer: %s", self.run.pk, error)
            self.is_cut_off = True
            connection.close_if_unusable_or_obsolete()
        else:
            self.is_cut_off = False

    def ask_and_tell(self) -> None:
        row = Run.objects.filter(pk=self.run.pk).values("status", "holder", "cancel_requested_at").get()
        if row["status"] != Status.RUNNING or row["holder"] != self.run.holder:
            self.stop.lost = True
        elif row["cancel_requested_at"] is not None:
            self.stop.canceled = True
        if not self.stop.lost and time.monotonic() >= self.next_beat:
            Run.objects.filter(pk=self.run.pk, holder=self.run.holder).update(heartbeat_at=timezone.now())
            self.next_beat = time.monotonic() + settings.LAB_HEARTBEAT_S

    def abandon(self) -> None:
        """Somebody declared this walker lost: stop the children, write nothing more."""
        logger.warning("run %s lab %s: claim lost, leaving", self.run.pk, self.run.lab_id)
        self.wait_for_threads()

    def wait_for_threads(self) -> None:
        for thread in self.threads.values():
            thread.join(timeout=STOPPED_WITHIN_S)

    def break_off(self) -> None:
        """After a fault of ours: stop the children first, so that nothing works on unseen, then end."""
        self.stop.broken = True
        self.wait_for_threads()
        for row in self.rows.values():
            if row.status == Step.Status.RUNNING:
                self.update(row, status=Step.Status.FAILED, finished_at=timezone.now(), sentence=FAULT)
            elif row.status == Step.Status.WAITING:
                self.update(row, status=Step.Status.SKIPPED, sentence="Not run: the run was stopped.")
        if self.run.is_open:
            self.end(Status.FAILED, FAULT)

    # -- the end ----------------------------------------------------------------

    def end(self, status: Status, sentence: str) -> None:
        is_destroyed = self.run.verb == Verb.DESTROY and status == Status.SUCCEEDED
        if is_destroyed and for_ever(lambda: forget_lab(self.run.lab, timezone.now())):
            remove_folder(Path(settings.LAB_HOME) / self.run.lab.slug)
        self.note(f"#{self.run.number} {self.run.verb} {status.label.lower()}. {sentence}".strip())
        for_ever(lambda: self.run.finish(status, timezone.now(), sentence))
        store.finish(self.run.log_id, status, patience_s=store.FOREVER)
        logger.info("run %s lab %s: %s", self.run.pk, self.run.lab_id, status)
        announce_run(self.run)


def named(row: Step) -> str:
    """Return a step's name within a sentence."""
    return f"“{row.title}” on {row.machine}" if row.machine else f"“{row.title}”"
