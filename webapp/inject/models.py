"""What was put into labs, one row for each binary on each machine and time."""

from django.conf import settings
from django.db import models

from webapp.builds.models import Artifact
from webapp.labs.models import Lab
from webapp.runs.models import Run


class Injection(models.Model):
    """One binary for one place on one machine: injected, or rolled back to what lay there before.

        asked ──► changing ──► in-place ──► taken-out (rolled back by a person, or followed by another)
                     └──► back (rolled back by itself) | broken (neither the new nor the old one came up)

    Each but the last three may be entered anew: Retry goes over the same row.
    """

    class Kind(models.TextChoices):
        INJECT = "inject", "Injected"
        ROLL_BACK = "roll-back", "Rolled back"

    class State(models.TextChoices):
        ASKED = "asked", "Not begun"
        CHANGING = "changing", "Being replaced"
        IN_PLACE = "in-place", "In place"
        BACK = "back", "Rolled back by itself"
        BROKEN = "broken", "Broken"
        TAKEN_OUT = "taken-out", "Replaced since"

    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="injections")
    machine = models.CharField(max_length=15)
    # The run that was asked for first; a Retry of it goes over the same row.
    run = models.ForeignKey(Run, null=True, on_delete=models.CASCADE, related_name="injections")
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.INJECT)
    state = models.CharField(max_length=12, choices=State.choices, default=State.ASKED)
    component = models.CharField(max_length=40)
    path = models.CharField(max_length=210)  # on the machine
    runner = models.JSONField()  # runners.Runner
    artifact = models.ForeignKey(Artifact, null=True, on_delete=models.PROTECT, related_name="injections")
    undoes = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="undone_by")
    sha256 = models.CharField(max_length=64)
    version = models.CharField(max_length=120, blank=True)
    commit = models.CharField(max_length=40, blank=True)
    before_sha256 = models.CharField(max_length=64, blank=True)  # "" = not looked yet, "none" = no such file
    before_version = models.CharField(max_length=120, blank=True)
    is_forced = models.BooleanField(default=False)  # although the flag lint has errors
    findings = models.JSONField(default=list)  # flaglint.FlagFinding
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    asked_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(null=True)  # when it came into its state

    class Meta:
        ordering = ("-id",)
        indexes = [models.Index(fields=["lab", "machine", "component", "state"])]

    def __str__(self) -> str:
        return f"{self.component} {self.sha256[:12]} on {self.machine}"

    @property
    def can_roll_back(self) -> bool:
        """It is in place, and what lay there before is kept on the machine."""
        return self.state == self.State.IN_PLACE and len(self.before_sha256) == 64
