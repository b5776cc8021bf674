"""What the run page shows: one run, its steps as rows, what can be done now and why not."""

from dataclasses import dataclass
from datetime import datetime

from webapp.labs.models import Lab
from webapp.runs.actions import retry_refusal
from webapp.runs.findings import FindingRow, finding_rows
from webapp.runs.models import Run, Step
from webapp.runs.timeline import is_slow

# Shape and word, so that a state is never colour alone.
MARKS = {
    Step.Status.WAITING: ("○", "waiting"),
    Step.Status.RUNNING: ("◐", "running"),
    Step.Status.SUCCEEDED: ("✓", "done"),
    Step.Status.FAILED: ("■", "failed"),
    Step.Status.SKIPPED: ("–", "not run"),
    Step.Status.CANCELED: ("▲", "canceled"),
    Step.Status.INTERRUPTED: ("▲", "interrupted"),
}


@dataclass(frozen=True)
class StepRow:
    """One step as it is listed; `since` only while it runs, `took_s` only when it has ended."""

    number: int
    title: str
    machine: str
    status: str
    mark: str
    word: str
    attempt: int
    since: datetime | None
    took_s: float | None
    usual_s: int | None
    is_slow: bool
    is_carried: bool
    sentence: str
    first_line: int | None
    findings: tuple[FindingRow, ...] = ()
    noise_count: int = 0

    @property
    def line_before(self) -> int:
        """The line after which the step's own begin, for `?after=`."""
        return -1 if self.first_line is None else self.first_line - 1


@dataclass(frozen=True)
class RunPage:
    """A run with its lab and its steps; `newest` is the lab's newest run (itself, usually)."""

    run: Run
    steps: tuple[StepRow, ...]
    newest: Run

    @property
    def lab(self) -> Lab:
        return self.run.lab

    @property
    def done_count(self) -> int:
        return sum(step.status == Step.Status.SUCCEEDED for step in self.steps)

    @property
    def cancel_refusal(self) -> str:
        """Why the run cannot be canceled now; "" if it can."""
        if not self.run.is_open:
            return "The run has ended."
        if self.run.cancel_requested_at is not None:
            return f"{name_of(self.run.cancel_requested_by)} has asked it to stop."
        return ""

    @property
    def retry_refusal(self) -> str:
        """Why the run cannot be retried now; "" if it can."""
        return retry_refusal(self.run, self.newest)


def run_page(slug: str, number: int, now: datetime) -> RunPage:
    """Read a run with everything its page shows, in 6 queries; raises Run.DoesNotExist."""
    run = (
        Run.objects.select_related(
            "lab__host",
            "lab__revision__definition",
            "requested_by",
            "cancel_requested_by",
            "continues",
            "log",
        )
        .prefetch_related("lab__members", "lab__machines")
        .get(lab__slug=slug, number=number)
    )
    newest = Run.objects.filter(lab=run.lab_id).order_by("-number")[0]
    steps = tuple(step_row(step, now) for step in run.steps.prefetch_related("findings"))
    return RunPage(run, steps, newest)


def step_row(step: Step, now: datetime) -> StepRow:
    """Turn a step into its row. Pure."""
    mark, word = MARKS[Step.Status(step.status)]
    is_running = step.status == Step.Status.RUNNING and step.started_at is not None
    seconds = (now - step.started_at).total_seconds() if is_running and step.started_at else step.duration_s
    return StepRow(
        number=step.number,
        title=step.title,
        machine=step.machine,
        status=step.status,
        mark=mark,
        word=word,
        attempt=step.attempt,
        since=step.started_at if is_running else None,
        took_s=None if step.is_carried else step.duration_s,
        usual_s=step.usual_s,
        is_slow=is_slow(seconds, step.usual_s),
        is_carried=step.is_carried,
        sentence=step.sentence,
        first_line=step.first_line,
        findings=finding_rows(step.findings.all()) if step.pk else (),
        noise_count=step.noise_count,
    )


def name_of(user: object) -> str:
    """Name a person who may have been deleted."""
    return str(user) if user is not None else "Somebody"
