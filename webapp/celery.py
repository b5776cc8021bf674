"""The Celery application and its clock."""

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

app = Celery("webapp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["webapp"])
# Beat only ticks; the tick hands each lab host its own turn, on its own queue.
app.conf.beat_schedule = {
    "tick": {"task": "webapp.tick", "schedule": settings.LAB_HEARTBEAT_S, "options": {"expires": 5}},
}
