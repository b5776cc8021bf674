"""Django's handle on the one app; loads Celery's configuration into every process."""

from django.apps import AppConfig
from django.conf import settings

import webapp.checks  # noqa: F401 (registers the startup checks)
from webapp.celery import app as celery_app
from webapp.process import Scratch


class WebappConfig(AppConfig):
    """The app `webapp`; `celery_app` is Celery's current app from here on."""

    name = "webapp"
    celery_app = celery_app

    def ready(self) -> None:
        """Keep what commands say on the disk that the operator has chosen, not in the system's /tmp."""
        Scratch.folder = settings.VAR_DIR / "tmp"
