"""How a walked run ends: a status and one sentence, from its steps and why it was stopped. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from webapp.executions.models import Status
from webapp.planning.plan import Plan, StepKind
from webapp.runs.models import Step


@dataclass
class Stop:
    """Why a walk is being stopped, if it is; asked by the steps' threads, set by the walker."""

    canceled: bool = False
    lost: bool = False
    shut_down: bool = False
    broken: bool = False  # by a fault of ours

    def __bool__(self) -> bool:
        return self.canceled or self.is_for_good

    @property
    def is_for_good(self) -> bool:
        """Nothing is begun any more; a cancel alone lets what was half done be put right."""
        return self.lost or self.shut_down or self.broken


def verdict(plan: Plan, rows: Mapping[str, Step], stop: Stop) -> tuple[Status, str]:
    """Judge a run all of whose steps have ended; the look at the machines decides nothing."""
    judged = [row for row in rows.values() if row.kind != StepKind.LOOK]
    is_whole = all(row.status == Step.Status.SUCCEEDED for row in judged)
    failed = next((row for row in judged if row.status == Step.Status.FAILED), None)
    if stop.shut_down and not is_whole:
        return Status.INTERRUPTED, "The worker was shut down; the machines are as they were. Retry goes on."
    if stop.canceled and not is_whole:
        return Status.CANCELED, f"Canceled. {rescued(plan, rows) or 'The machines are left as they are.'}"
    if failed is not None:
        where = f"{failed.machine}: " if failed.machine else ""
        sentence = f"{where}{failed.title} failed. {failed.sentence} {rescued(plan, rows)}"
        return Status.FAILED, sentence.strip()
    return Status.SUCCEEDED, ""


def rescued(plan: Plan, rows: Mapping[str, Step]) -> str:
    """Return what the steps say that have put something right again."""
    keys = [step.key for step in plan.steps if step.rescues]
    done = [rows[key] for key in keys if rows[key].status == Step.Status.SUCCEEDED]
    return " ".join(row.sentence for row in done)
