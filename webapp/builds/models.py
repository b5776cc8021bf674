"""Builds, what they leave, and the components that users added."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from webapp.executions.models import Execution, Status
from webapp.labs.models import Lab
from webapp.logs.models import Log

# A request that meets one of these with its key is answered with it.
ANSWERS = (Status.PENDING, Status.RUNNING, Status.SUCCEEDED)


class Build(Execution):
    """Components of one commit compiled for some targets, or published binaries fetched.

    `key` is the identity (recipe.build_key). `is_outdated`: its artifacts are gone or were asked for anew,
    so it answers no more requests. `continues`: the interrupted build that this one goes on after.
    """

    class Kind(models.TextChoices):
        COMPILE = "compile", "Built"
        FETCH = "fetch", "Fetched"

    class Stage(models.TextChoices):
        WAITING = "waiting", "Waiting for its turn"
        FETCHING = "fetching", "Fetching"
        CHECKING_OUT = "checking-out", "Checking out"
        COMPILING = "compiling", "Compiling"
        STORING = "storing", "Storing"
        ENDED = "ended", "Ended"

    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.COMPILE)
    key = models.CharField(max_length=64, db_index=True)
    url = models.CharField(max_length=400)
    ref = models.CharField(max_length=200)  # as it was asked for
    ref_name = models.CharField(max_length=240, blank=True)  # its full name; "" for a commit
    commit = models.CharField(max_length=40, blank=True)
    recipe = models.JSONField()
    names_text = models.CharField(max_length=400)  # " kubelet kube-proxy ", for the list's filter
    stage = models.CharField(max_length=16, choices=Stage.choices, default=Stage.WAITING)
    packages_done = models.PositiveIntegerField(default=0)
    packages_total = models.PositiveIntegerField(default=0)  # 0 while it is not known
    version = models.CharField(max_length=120, blank=True)  # what is stamped
    stamped_date = models.CharField(max_length=20, blank=True)  # the commit's, as it is stamped
    go_wanted = models.CharField(max_length=20, blank=True)
    go_version = models.CharField(max_length=20, blank=True)
    warning = models.CharField(max_length=300, blank=True)
    findings = models.JSONField(default=list)  # [{path, line, column, text}]
    is_outdated = models.BooleanField(default=False)
    continues = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="continued_by")
    log = models.OneToOneField(Log, on_delete=models.PROTECT, related_name="build")

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=["key"],
                condition=Q(status__in=[str(status) for status in ANSWERS], is_outdated=False),
                name="one_build_per_key",
            ),
        ]

    def __str__(self) -> str:
        return f"build {self.pk}"

    @property
    def names(self) -> list[str]:
        """Return the components' names."""
        return [item["name"] for item in self.recipe["components"]]

    def save(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's own arguments
        self.names_text = f" {' '.join(self.names)} "[:400]
        super().save(*args, **kwargs)

    @property
    def targets(self) -> list[str]:
        return list(self.recipe["targets"])


class Artifact(models.Model):
    """One binary. Its content lies below ARTIFACT_DIR by its sha256; several rows may share it."""

    class Origin(models.TextChoices):
        BUILD = "build", "Built here"
        FETCH = "fetch", "Published"
        UPLOAD = "upload", "Uploaded"

    build = models.ForeignKey(Build, null=True, on_delete=models.CASCADE, related_name="artifacts")
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.BUILD)
    component = models.CharField(max_length=40)
    target = models.CharField(max_length=20)  # "windows/amd64"
    file_name = models.CharField(max_length=80)
    sha256 = models.CharField(max_length=64, db_index=True)
    size_bytes = models.PositiveBigIntegerField()
    facts = models.JSONField(default=dict)  # pe.facts_of
    version = models.CharField(max_length=120, blank=True)
    source_url = models.CharField(max_length=400, blank=True)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    added_at = models.DateTimeField(auto_now_add=True)
    is_kept = models.BooleanField(default=False)  # somebody wants it kept whatever the quota says
    removed_at = models.DateTimeField(null=True)  # the quota took its content

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.file_name} {self.sha256[:12]}"


class ArtifactUse(models.Model):
    """A machine of a lab has (had) this binary in place; while it has, the quota leaves it alone."""

    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="uses")
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="+")
    machine = models.CharField(max_length=15)
    since = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)


class UserComponent(models.Model):
    """A Go program that a user added, shared with the team; `component` is catalog's Component as JSON."""

    name = models.CharField(max_length=40, unique=True)
    component = models.JSONField()
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Follow(models.Model):
    """A branch that is built again whenever it moves; asked for by beat.

    `lab`: what is built anew is put on its machines. `injected_build` is the last one that was handed on
    there (or was there when that was asked for), `injected_run` the lab's run of it.
    """

    url = models.CharField(max_length=400)
    ref = models.CharField(max_length=200)
    recipe = models.JSONField()
    commit = models.CharField(max_length=40, blank=True)  # the last one that was built
    asked_at = models.DateTimeField(null=True)
    sentence = models.CharField(max_length=300, blank=True)  # why the last look failed; "" if it did not
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)
    last_build = models.ForeignKey(Build, null=True, on_delete=models.SET_NULL, related_name="+")
    lab = models.ForeignKey(Lab, null=True, on_delete=models.SET_NULL, related_name="+")
    injected_build = models.ForeignKey(Build, null=True, on_delete=models.SET_NULL, related_name="+")
    injected_run = models.PositiveIntegerField(null=True)  # its number in the lab
    inject_sentence = models.CharField(max_length=300, blank=True)  # why it could not be put there

    class Meta:
        ordering = ("-id",)
