"""Runs and their steps: one verb carried out on one lab."""

from django.db import models
from django.db.models import Q

from webapp.executions.models import OPEN, Execution
from webapp.labs.models import Lab
from webapp.logs.models import Log


class Run(Execution):
    """One verb on one lab (or one of its machines), walked by one worker.

    `number` counts from 1 in each lab. `continues` is the run whose done steps
    this one carries over (Retry).
    """

    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="runs")
    number = models.PositiveIntegerField()
    verb = models.CharField(max_length=24)  # planning.plan.Verb
    machine = models.CharField(max_length=15, blank=True)  # "" = the whole lab
    snapshot = models.CharField(max_length=60, blank=True)
    plan = models.JSONField()
    continues = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    log = models.OneToOneField(Log, on_delete=models.PROTECT, related_name="run")

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=["lab", "number"], name="one_run_per_number"),
            models.UniqueConstraint(
                fields=["lab"], condition=Q(status__in=[str(s) for s in OPEN]), name="one_open_run_per_lab"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lab} #{self.number} {self.verb}"


class Step(models.Model):
    """One node of a run's plan. `number` (from 1) is the step mark of its log lines."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Done"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Not run"
        CANCELED = "canceled", "Canceled"
        INTERRUPTED = "interrupted", "Interrupted"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    number = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=80)  # "winw1 join"; unique in the run
    kind = models.CharField(max_length=24)  # planning.plan.StepKind
    machine = models.CharField(max_length=15, blank=True)
    title = models.CharField(max_length=80)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.WAITING)
    attempt = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    usual_s = models.PositiveIntegerField(null=True)
    first_line = models.PositiveBigIntegerField(null=True)
    last_line = models.PositiveBigIntegerField(null=True)
    exit_code = models.IntegerField(null=True)
    signature = models.CharField(max_length=200, blank=True)
    sentence = models.CharField(max_length=500, blank=True)
    is_carried = models.BooleanField(default=False)  # done by the run that this one continues
    noise_count = models.PositiveIntegerField(default=0)  # lines that are known to look worse than they are

    class Meta:
        ordering = ("number",)
        indexes = [models.Index(fields=["finished_at"], name="step_by_end")]
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="one_step_per_number"),
            models.UniqueConstraint(fields=["run", "key"], name="one_step_per_key"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def name(self) -> str:
        """What a rule of failures.yaml knows it by: the kit's step ("windows-join"), or its kind ("up")."""
        return self.key.rpartition(" ")[2] if self.kind in ("provision", "inject") else self.kind

    @property
    def duration_s(self) -> float | None:
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


class Finding(models.Model):
    """A known failure (kit/failures.yaml) at one line of a run's log; the rule's words as they were then."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="findings")
    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="findings")
    line = models.PositiveBigIntegerField()
    machine = models.CharField(max_length=15, blank=True)
    rule = models.CharField(max_length=60)
    kind = models.CharField(max_length=10)  # diagnosis.rules.Kind
    title = models.CharField(max_length=200)
    explanation = models.TextField(blank=True)
    advice = models.TextField(blank=True)
    link = models.CharField(max_length=300, blank=True)
    found_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("line", "id")
        constraints = [
            models.UniqueConstraint(fields=["run", "line", "rule"], name="one_finding_per_line_and_rule"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} at line {self.line}"
