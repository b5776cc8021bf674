"""Beat's own Celery application: it only ticks, by name, so it loads neither models, tasks nor views.

`celery -A webapp.clock beat`. What it does not load would cost 1.2 s of a processor and 60 MiB.
"""

import os
from datetime import datetime
from typing import Any

from celery import Celery
from celery.schedules import schedstate, schedule
from celery.signals import import_modules
from django.conf import settings
from django.utils.log import configure_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")


class Every(schedule):
    """Every so many seconds. Celery's own waits until a clock that was set back has caught up (5.7)."""

    def is_due(self, last_run_at: datetime) -> schedstate:
        last, now = self.maybe_make_aware(last_run_at), self.maybe_make_aware(self.now())
        return schedstate(is_due=True, next=self.seconds) if last > now else super().is_due(last_run_at)


# Celery sets up all of Django for an application with its fixup.
app = Celery("webapp.clock", fixups=[], set_as_current=False)
app.config_from_object("django.conf:settings", namespace="CELERY")
# The tick hands each lab host its own turn, on its own queue.
app.conf.beat_schedule = {
    "tick": {"task": "webapp.tick", "schedule": Every(settings.LAB_HEARTBEAT_S), "options": {"expires": 5}},
}


@import_modules.connect(sender=app)
def log_as_the_others(**_: Any) -> None:
    """Before Celery looks whether anybody has set up the log."""
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
