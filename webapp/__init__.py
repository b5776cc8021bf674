"""SIG-Windows Lab. The Celery application is named here so that `celery -A webapp` finds it."""

from webapp.celery import app as celery_app

__all__ = ["celery_app"]
