"""Addresses of a lab's binaries and of injections."""

from django.urls import path

from webapp.web.views import inject

urlpatterns = [
    path("labs/<slug:slug>/binaries/", inject.binaries, name="binaries"),
    path("labs/<slug:slug>/binaries/panels", inject.binary_panels, name="binary-panels"),
    path("labs/<slug:slug>/binaries/alarm", inject.binary_alarm, name="binary-alarm"),
    path(
        "labs/<slug:slug>/binaries/<slug:machine>/<str:component>/",
        inject.choose_binary,
        name="choose-binary",
    ),
    path(
        "labs/<slug:slug>/injections/<int:pk>/roll-back",
        inject.injection_roll_back,
        name="injection-roll-back",
    ),
    path("builds/artifacts/<int:pk>/inject", inject.artifact_inject, name="artifact-inject"),
]
