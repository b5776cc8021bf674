"""The Celery application and its clock."""

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

app = Celery("webapp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["webapp"])
app.conf.beat_schedule = {
    "report-host": {
        "task": "webapp.report_host",
        "schedule": 10.0,
        "options": {"queue": f"host-{settings.LAB_HOST}", "expires": 10},
    },
    "reap": {
        "task": "webapp.reap",
        "schedule": 5.0,
        "options": {"queue": f"host-{settings.LAB_HOST}", "expires": 5},
    },
}
