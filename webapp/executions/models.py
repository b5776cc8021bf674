"""What runs and builds have in common: a status that only moves along TRANSITIONS.

    pending ──► running ──► succeeded | failed | canceled | interrupted
       └──────► canceled | interrupted

`interrupted` means the process that did the work was lost; nobody knows how far
it came until somebody looks. Ends are final: to go on, make a new execution.
"""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models

from webapp.executions.moves import Moving


class Status(models.TextChoices):
    PENDING = "pending", "Waiting"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELED = "canceled", "Canceled"
    INTERRUPTED = "interrupted", "Interrupted"


OPEN = (Status.PENDING, Status.RUNNING)
ENDED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELED, Status.INTERRUPTED)


class Execution(Moving):
    """A piece of work that a worker does once, with a heartbeat while it does."""

    TRANSITIONS = {
        Status.PENDING: (Status.RUNNING, Status.CANCELED, Status.INTERRUPTED),
        Status.RUNNING: ENDED,
    }

    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PENDING, db_index=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    requested_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    # Which worker process holds it: "<host>:<pid>:<start id>"; "" while pending.
    holder = models.CharField(max_length=80, blank=True)
    cancel_requested_at = models.DateTimeField(null=True)
    cancel_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    # Why it ended as it did, one sentence for the user.
    sentence = models.CharField(max_length=500, blank=True)

    class Meta:
        abstract = True

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def duration_s(self) -> float | None:
        """Seconds from start to end, None while it has not ended."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()

    def start(self, holder: str, now: datetime) -> bool:
        """Claim it: of all workers that were handed this execution, one gets True."""
        return self.move(Status.RUNNING, (Status.PENDING,), holder=holder, started_at=now, heartbeat_at=now)

    def finish(self, to: Status, now: datetime, sentence: str = "") -> bool:
        """End a running execution."""
        return self.move(to, (Status.RUNNING,), finished_at=now, sentence=sentence[:500])

    def refreshed(self) -> Self:
        self.refresh_from_db()
        return self
