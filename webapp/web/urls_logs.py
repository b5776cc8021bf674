"""Addresses of a log's lines."""

from django.urls import path

from webapp.web.views import logs

urlpatterns = [
    path("logs/<int:log_id>/lines", logs.log_lines, name="log-lines"),
    path("logs/<int:log_id>/search", logs.log_search, name="log-search"),
    path("logs/<int:log_id>/raw", logs.log_raw, name="log-raw"),
]
