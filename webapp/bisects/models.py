"""Bisects and their trials: everything that beat needs to carry one on after any crash."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from webapp.accounts.models import User
from webapp.builds.models import Build
from webapp.labs.models import Lab
from webapp.runs.models import Run


class Bisect(models.Model):
    """A search between a good and a bad commit on one machine of a lab.

        running ──► found | failed | canceled

    `commits`: [{commit, subject}] from the good one to the bad one, along first parents.
    """

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        FOUND = "found", "Found"
        FAILED = "failed", "Failed"
        CANCELED = "canceled", "Canceled"

    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="bisects")
    machine = models.CharField(max_length=15)
    component = models.CharField(max_length=40)
    target = models.CharField(max_length=20)
    url = models.CharField(max_length=400)
    good_ref = models.CharField(max_length=200)
    bad_ref = models.CharField(max_length=200)
    good_commit = models.CharField(max_length=40)
    bad_commit = models.CharField(max_length=40)
    commits = models.JSONField(default=list)
    snapshot = models.CharField(max_length=60, blank=True)  # "" = the machine is not reset between trials
    trial_check = models.JSONField()  # checks.Check
    skips_crashes = models.BooleanField(default=False)  # else a binary that does not come up is a bad one
    tries_ends = models.BooleanField(default=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    sentence = models.CharField(max_length=500, blank=True)
    first_bad = models.CharField(max_length=40, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    asked_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=["lab"], condition=Q(state="running"), name="one_running_bisect_per_lab"
            ),
        ]

    def __str__(self) -> str:
        return f"bisect {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state == self.State.RUNNING

    @property
    def asker(self) -> User:
        """Return in whose name it goes on; `walk` ends the search of one who is gone."""
        assert self.asked_by is not None
        return self.asked_by


class Trial(models.Model):
    """One commit on the machine.

    building ──► resetting ──► injecting ──► checking ──► ended      (each may end it)
    """

    class Stage(models.TextChoices):
        BUILDING = "building", "Building"
        RESETTING = "resetting", "Restoring the snapshot"
        INJECTING = "injecting", "Injecting"
        CHECKING = "checking", "Checking"
        ENDED = "ended", "Ended"

    class Verdict(models.TextChoices):
        GOOD = "good", "Good"
        BAD = "bad", "Bad"
        SKIPPED = "skipped", "Skipped"

    bisect = models.ForeignKey(Bisect, on_delete=models.CASCADE, related_name="trials")
    number = models.PositiveIntegerField()
    position = models.PositiveIntegerField()  # in the bisect's commits
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.BUILDING)
    verdict = models.CharField(max_length=8, choices=Verdict.choices, blank=True)
    sentence = models.CharField(max_length=500, blank=True)
    build = models.ForeignKey(Build, null=True, on_delete=models.SET_NULL, related_name="+")
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="+")  # of this stage
    attempts = models.PositiveSmallIntegerField(default=0)  # of this stage, after lost workers
    check_asked_at = models.DateTimeField(null=True)
    exit_code = models.IntegerField(null=True)
    output = models.TextField(blank=True)  # the end of what the check said
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("number",)
        constraints = [
            models.UniqueConstraint(fields=["bisect", "position"], name="one_trial_per_commit"),
        ]

    def __str__(self) -> str:
        return f"{self.bisect} trial {self.number}"

    @property
    def commit(self) -> str:
        return str(self.bisect.commits[self.position]["commit"])

    @property
    def subject(self) -> str:
        return str(self.bisect.commits[self.position]["subject"])
