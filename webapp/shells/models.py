"""Terminals of a lab's machines, who holds each one's baton, and recordings.

    waiting ⇄ open ─► closed          waiting: not connected (yet, or again); it connects by itself
       └──────────────►

The rows are the truth about rights and the baton; what is on a screen lives in the
process `shells` only (shells/server.py) and ends with it.
"""

from django.conf import settings
from django.db import models

from webapp.executions.moves import Moving
from webapp.labs.models import Lab, Machine


class Terminal(Moving):
    """One PTY on one machine. `number` counts from 1 in each lab."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        OPEN = "open", "Open"
        CLOSED = "closed", "Closed"

    TRANSITIONS = {
        Status.WAITING: (Status.WAITING, Status.OPEN, Status.CLOSED),
        Status.OPEN: (Status.WAITING, Status.CLOSED),
    }

    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="terminals")
    machine = models.ForeignKey(Machine, on_delete=models.CASCADE, related_name="terminals")
    number = models.PositiveIntegerField()
    pairing_id = models.PositiveBigIntegerField(null=True, db_index=True)  # a plain id: pairings lie above
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.WAITING, db_index=True)
    sentence = models.CharField(max_length=200, blank=True)  # why it waits, or why it was closed
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    opened_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)
    # The baton: who types, who asks for it, to whom it is offered.
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    offered_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    held_since = models.DateTimeField(null=True)

    class Meta:
        ordering = ("number",)
        constraints = [
            models.UniqueConstraint(fields=["lab", "number"], name="one_terminal_per_number"),
        ]

    def __str__(self) -> str:
        return f"{self.machine.name} #{self.number}"

    @property
    def is_closed(self) -> bool:
        return self.status == self.Status.CLOSED

    @property
    def kind(self) -> str:
        """What runs in it: "powershell" on Windows, else "bash"."""
        return "powershell" if self.machine.is_windows else "bash"


class Recording(models.Model):
    """What one terminal showed from start to end: an asciicast v2 file, redacted, below VAR_DIR."""

    terminal = models.ForeignKey(Terminal, on_delete=models.CASCADE, related_name="recordings")
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    size_bytes = models.PositiveBigIntegerField(default=0)
    deleted_at = models.DateTimeField(null=True)  # the file is gone, the row says that there was one

    class Meta:
        ordering = ("-started_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["terminal"], condition=models.Q(ended_at=None), name="one_open_recording_per_terminal"
            ),
        ]

    @property
    def is_running(self) -> bool:
        return self.ended_at is None
