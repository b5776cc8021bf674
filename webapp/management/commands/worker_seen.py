"""Health check of a worker and of beat: has this lab host's worker reported lately?

A worker reports when beat's tick reaches it, so the answer covers both, and Redis between them.
"""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from webapp.hosts.models import Host


class Command(BaseCommand):
    """Exit 0 if the worker of LAB_HOST was seen within 30 s, else 1 with a sentence."""

    help = "Exit 0 if this lab host's worker has reported within 30 s."
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        host = Host.objects.filter(name=settings.LAB_HOST).first()
        if host is None or not host.is_seen(timezone.now()):
            raise CommandError(f"No worker of {settings.LAB_HOST} has reported lately.")
