"""People and the audit trail: who may sign in, and who did what.

Rights themselves are decided in `labs.access`, never here.
"""

from django.contrib.auth.models import AbstractUser
from django.db import models


class Role(models.TextChoices):
    """What a person may do on the whole site; see `labs.access` for the table."""

    ADMINISTRATOR = "administrator", "Administrator"
    MEMBER = "member", "Member"
    VIEWER = "viewer", "Viewer"
    GUEST = "guest", "Guest"  # sees only the labs they are invited to


class User(AbstractUser):
    """A person who signs in. `role` is the site-wide role; a lab adds its own."""

    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)

    @property
    def is_administrator(self) -> bool:
        return self.role == Role.ADMINISTRATOR or self.is_superuser

    @property
    def initials(self) -> str:
        """One or two capitals for an avatar."""
        words = (self.get_full_name() or self.username).replace(".", " ").replace("-", " ").split()
        return "".join(word[0] for word in words[:2]).upper()


class AuditEntry(models.Model):
    """One thing somebody did, in words that stay true when its object is gone."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    actor_name = models.CharField(max_length=150)
    action = models.CharField(max_length=64)
    target = models.CharField(max_length=200)
    lab = models.ForeignKey("webapp.Lab", null=True, on_delete=models.SET_NULL, related_name="+")
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ("-at", "-id")

    def __str__(self) -> str:
        return f"{self.actor_name} {self.action} {self.target}"
