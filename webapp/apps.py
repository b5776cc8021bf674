"""Django's handle on the one app; loads Celery's configuration into every process."""

from django.apps import AppConfig

import webapp.checks  # noqa: F401 (registers the startup checks)
from webapp.celery import app as celery_app


class WebappConfig(AppConfig):
    """The app `webapp`; `celery_app` is Celery's current app from here on."""

    name = "webapp"
    celery_app = celery_app
