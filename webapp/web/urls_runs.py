"""Addresses of the run page, its fragments and actions, and of a log's outline."""

from django.urls import path

from webapp.web.views import findings, runs

urlpatterns = [
    path("labs/<slug:slug>/runs/<int:number>/", runs.run, name="run"),
    path("labs/<slug:slug>/runs/<int:number>/head", runs.run_head, name="run-head"),
    path("labs/<slug:slug>/runs/<int:number>/steps", runs.run_steps, name="run-steps"),
    path("labs/<slug:slug>/runs/<int:number>/cancel", runs.run_cancel, name="run-cancel"),
    path("labs/<slug:slug>/runs/<int:number>/retry", runs.run_retry, name="run-retry"),
    path("logs/<int:log_id>/outline", runs.log_outline, name="log-outline"),
    path("logs/<int:log_id>/findings", findings.log_findings, name="log-findings"),
]
