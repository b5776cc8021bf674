"""The Celery application of the workers; beat has one of its own (clock.py)."""

import os

from celery import Celery

from webapp import clock

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

app = Celery("webapp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["webapp"])
app.conf.beat_schedule = clock.app.conf.beat_schedule  # for who starts beat with the workers' application
