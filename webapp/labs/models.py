"""Labs and their machines: the running things that definitions ask for."""

from django.conf import settings
from django.db import models

from webapp.definitions.models import Revision
from webapp.hosts.models import Host

REHEARSAL = "rehearsal"


class Lab(models.Model):
    """One lab, pinned to a revision and to a copy of the kit, on one lab host."""

    name = models.CharField(max_length=40)
    slug = models.SlugField(max_length=60, unique=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="labs")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="labs")
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="labs")
    provider = models.CharField(max_length=32)
    # The LabSpec as launched: addresses made concrete. See catalog.spec.
    spec = models.JSONField()
    kit_digest = models.CharField(max_length=64)
    name_prefix = models.CharField(max_length=32)
    subnet = models.CharField(max_length=18)
    created_at = models.DateTimeField(auto_now_add=True)
    destroyed_at = models.DateTimeField(null=True)
    # Why the machines stay as they are, in words ("held for pairing #2 …"); "" = they need not.
    held_for = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-created_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["host", "subnet"],
                condition=models.Q(destroyed_at=None),
                name="one_lab_per_subnet",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_rehearsal(self) -> bool:
        return self.provider == REHEARSAL


class Machine(models.Model):
    """A virtual machine of a lab; `state` keeps Vagrant's own id, "" = never looked."""

    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="machines")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=15)
    role = models.CharField(max_length=16)  # control-plane | windows | linux
    ip = models.GenericIPAddressField(null=True)
    cpus = models.PositiveSmallIntegerField()
    memory_mib = models.PositiveIntegerField()
    box = models.CharField(max_length=120)
    state = models.CharField(max_length=40, blank=True)
    state_since = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("position",)
        constraints = [
            models.UniqueConstraint(fields=["lab", "name"], name="one_machine_per_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_windows(self) -> bool:
        return self.role == "windows"


class Member(models.Model):
    """A person's own right on one lab, beside the site-wide role."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        GUEST = "guest", "Guest"
        # By an invitation to a pairing; given and taken by pairing.guests.
        READER = "reader", "Reads"
        TYPIST = "typist", "May type"

    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.GUEST)
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lab", "user"], name="one_membership_per_lab"),
        ]
