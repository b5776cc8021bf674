"""The Celery application and its clock."""

import os
from datetime import datetime

from celery import Celery
from celery.schedules import schedstate, schedule
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")


class Every(schedule):
    """Every so many seconds. Celery's own waits until a clock that was set back has caught up (5.7)."""

    def is_due(self, last_run_at: datetime) -> schedstate:
        last, now = self.maybe_make_aware(last_run_at), self.maybe_make_aware(self.now())
        return schedstate(is_due=True, next=self.seconds) if last > now else super().is_due(last_run_at)


app = Celery("webapp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["webapp"])
# Beat only ticks; the tick hands each lab host its own turn, on its own queue.
app.conf.beat_schedule = {
    "tick": {"task": "webapp.tick", "schedule": Every(settings.LAB_HEARTBEAT_S), "options": {"expires": 5}},
}
