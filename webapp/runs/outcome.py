"""What a step's thread knows, and how a step ends. `runs.steps` and `runs.host_steps` fill it in."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from webapp.labs.models import Lab
from webapp.logs import store
from webapp.logs.redact import redact_words
from webapp.planning.plan import PlannedStep
from webapp.runs.findings import StepWatch
from webapp.runs.models import Run, Step

VARIABLE_PART = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8,}|\d+(?:[.:]\d+)*", re.IGNORECASE)


@dataclass(frozen=True)
class Outcome:
    """How a step, or one attempt of it, ended. `signature` tells equal failures apart from new ones."""

    status: Step.Status
    sentence: str = ""
    signature: str = ""
    exit_code: int | None = None
    attempt: int = 1

    @classmethod
    def succeeded(cls, sentence: str = "", exit_code: int | None = None) -> "Outcome":
        return cls(Step.Status.SUCCEEDED, sentence, exit_code=exit_code)

    @classmethod
    def failed(cls, sentence: str, signature: str, exit_code: int | None = None) -> "Outcome":
        return cls(Step.Status.FAILED, sentence, signature, exit_code)


@dataclass(frozen=True)
class StepContext:
    """What a step's thread may know: its run, its plan, its row, and whether to stop."""

    run: Run
    step: PlannedStep
    row: Step
    is_stopping: Callable[[], bool]
    watch: StepWatch | None = None  # looks at what the step's children say

    @property
    def lab(self) -> Lab:
        return self.run.lab

    def note(self, text: str) -> None:
        """Append a line, whenever the database takes it; it may quote a child."""
        machine, number, said = self.step.machine, self.row.number, redact_words(text)
        store.note(self.run.log_id, said, machine=machine, step=number, patience_s=store.FOREVER)


def wait_or_stop(context: StepContext, seconds: float) -> bool:
    """Wait; return True at once when the run is stopping."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if context.is_stopping():
            return True
        time.sleep(0.1)
    return context.is_stopping()


def canceled() -> Outcome:
    return Outcome(Step.Status.CANCELED, "Stopped; the machine is left as it is.")


def failure_signature(error_class: str, text: str) -> str:
    """Pure: the same failure gives the same text, whatever the times, numbers and addresses in it."""
    return f"{error_class}:{VARIABLE_PART.sub('#', text).strip().lower()}"[:200]
