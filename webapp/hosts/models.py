"""Lab hosts: the computers that run the machines. Each has its own Celery queue."""

from datetime import datetime, timedelta

from django.db import models

SEEN_WITHIN = timedelta(seconds=30)


class Host(models.Model):
    """A computer with a hypervisor (or only the rehearsal) and a worker on it."""

    name = models.SlugField(max_length=40, unique=True)
    # What `hosts.actions.inspect_host` found: a list of findings, see hosts/inspection.py.
    findings = models.JSONField(default=list)
    providers = models.JSONField(default=list)
    facts = models.JSONField(default=dict)
    checked_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def queue(self) -> str:
        """The Celery queue that only this host's workers read."""
        return f"host-{self.name}"

    def is_seen(self, now: datetime) -> bool:
        """True while a worker of this host has reported within the last 30 s."""
        return self.seen_at is not None and now - self.seen_at <= SEEN_WITHIN
