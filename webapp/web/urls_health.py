"""For machines that watch the dashboard: alive, ready, measured."""

from django.urls import path

from webapp.web.views import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
