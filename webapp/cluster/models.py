"""What was last seen of each cluster; changes only are kept as history. Contract: docs/cluster.md.

Cluster (a lab's, or attached) ─► Sighting "" (its API), Sighting per machine ─► Change per rung or service
                              ├─► Fix: something somebody asked the dashboard to repair
                              ├─► NodeLog: a log of a machine or pod, read into a Log of our own
                              ├─► Errand: something slow: a workload, the matrix, readiness, a bundle
                              └─► NamedMachine: reached by SSH or WinRM, without Vagrant
"""

from django.conf import settings
from django.db import models
from django.db.models import Q

from webapp.executions.models import OPEN, Execution
from webapp.labs.models import Lab
from webapp.logs.models import Log


class Cluster(models.Model):
    """What is observed: a lab's cluster, or one that was attached by its kubeconfig."""

    lab = models.OneToOneField(Lab, null=True, on_delete=models.CASCADE, related_name="cluster")
    # Attached ones only. `kubeconfig` is encrypted (cluster/secrets.py).
    name = models.CharField(max_length=60, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    kubeconfig = models.BinaryField(default=bytes)
    server = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    watched_at = models.DateTimeField(null=True)  # when a page last asked; fast looks for a while after

    def __str__(self) -> str:
        return self.lab.name if self.lab is not None else self.name

    @property
    def is_attached(self) -> bool:
        return self.lab_id is None


class Sighting(models.Model):
    """The newest look at one machine, or at the API (`machine` "").

    `seen_at`: the last look that was answered; `tried_at`: the last one at all. `facts` stay those of
    `seen_at` when a later look is not answered; `problem` says why it was not. `polled`: which changes
    of an attached cluster cannot be watched, and why.
    """

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="sightings")
    machine = models.CharField(max_length=63, blank=True)
    facts = models.JSONField(default=dict)
    problem = models.CharField(max_length=500, blank=True)
    polled = models.CharField(max_length=500, blank=True)
    failures = models.PositiveIntegerField(default=0)  # looks in a row that were not answered
    seen_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(null=True)
    next_look_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cluster", "machine"], name="one_sighting_per_machine"),
        ]

    def __str__(self) -> str:
        return f"{self.cluster}/{self.machine or 'API'}"


class Change(models.Model):
    """From `at` on a rung or a service was in `state`; the newest of each is how it is now."""

    class Kind(models.TextChoices):
        RUNG = "rung", "Rung"
        SERVICE = "service", "Service"

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="changes")
    machine = models.CharField(max_length=63)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    key = models.CharField(max_length=63)
    state = models.CharField(max_length=20)
    at = models.DateTimeField()

    class Meta:
        ordering = ("at", "id")
        indexes = [models.Index(fields=["cluster", "machine", "kind", "key", "at"])]

    def __str__(self) -> str:
        return f"{self.machine} {self.key} {self.state}"


class Fix(Execution):
    """Something safe that somebody asked for: `kind` is one of fixes.FIXES; `argument` what it acts on."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="fixes")
    machine = models.CharField(max_length=63, blank=True)
    kind = models.CharField(max_length=24)
    argument = models.CharField(max_length=253, blank=True)
    output = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "machine"],
                condition=Q(status__in=[str(status) for status in OPEN]),
                name="one_open_fix_per_machine",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cluster} {self.machine} {self.kind}".replace("  ", " ")


class NamedMachine(models.Model):
    """A machine of an attached cluster that is reached without Vagrant.

    `secret` is a password or a private key, encrypted; `host_key` is what it showed at first sight, and
    a machine that shows another is not spoken to.
    """

    class Way(models.TextChoices):
        SSH = "ssh", "SSH"
        WINRM = "winrm", "WinRM over HTTP"
        WINRM_TLS = "winrm-tls", "WinRM over HTTPS"

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="named_machines")
    name = models.CharField(max_length=63)
    role = models.CharField(max_length=16)  # control-plane | windows | linux
    way = models.CharField(max_length=12, choices=Way.choices)
    address = models.CharField(max_length=253)
    port = models.PositiveIntegerField()
    user = models.CharField(max_length=64)
    secret = models.BinaryField()
    is_key = models.BooleanField(default=False)
    host_key = models.CharField(max_length=1000, blank=True)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(fields=["cluster", "name"], name="one_named_machine_per_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_windows(self) -> bool:
        return self.role == "windows"


class Workload(models.Model):
    """Something that was applied to the cluster, with the very manifest; `recipe` "" = somebody's own."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="workloads")
    name = models.CharField(max_length=40)
    recipe = models.CharField(max_length=40, blank=True)
    title = models.CharField(max_length=80)
    manifest = models.TextField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    made_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "name"], condition=Q(removed_at=None), name="one_workload_per_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Errand(Execution):
    """Something slow that somebody asked of a cluster; `result` is what its page draws.

    `document` keeps what came whole, e.g. readiness' JUnit (zstd).
    """

    class Kind(models.TextChoices):
        APPLY = "apply", "Apply"
        REMOVE = "remove", "Remove"
        MATRIX = "matrix", "Connectivity"
        READINESS = "readiness", "Readiness"
        BUNDLE = "bundle", "Bundle"

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="errands")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    argument = models.CharField(max_length=253, blank=True)
    workload = models.ForeignKey(Workload, null=True, on_delete=models.CASCADE, related_name="errands")
    result = models.JSONField(default=dict)
    document = models.BinaryField(default=bytes)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "kind", "argument"],
                condition=Q(status__in=[str(status) for status in OPEN]),
                name="one_open_errand_per_argument",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cluster} {self.kind} {self.argument}".strip()


class NodeLog(Execution):
    """A log of a machine or a pod, read into a Log of our own; followed while somebody watches.

    `source` is a `nodelogs.Source` as JSON; `errand`: the bundle that it is a part of. It outlives the lab
    until NODE_LOG_DAYS have passed.
    """

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="node_logs")
    errand = models.ForeignKey(Errand, null=True, on_delete=models.CASCADE, related_name="parts")
    log = models.OneToOneField(Log, on_delete=models.CASCADE, related_name="node_log")
    source = models.JSONField()
    title = models.CharField(max_length=300)
    follows = models.BooleanField(default=False)
    watched_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.title
