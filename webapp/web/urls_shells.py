"""Addresses of a lab's terminals and recordings."""

from django.urls import path

from webapp.web.views import shells

urlpatterns = [
    path("labs/<slug:slug>/shells/", shells.shells, name="shells"),
    path("labs/<slug:slug>/shells/tabs", shells.shell_tabs, name="shell-tabs"),
    path("labs/<slug:slug>/shells/open", shells.shell_open, name="shell-open"),
    path("labs/<slug:slug>/shells/<int:number>/close", shells.shell_close, name="shell-close"),
    path("labs/<slug:slug>/shells/<int:number>/baton/<slug:act>", shells.shell_baton, name="shell-baton"),
    path("labs/<slug:slug>/shells/<int:number>/record", shells.shell_record, name="shell-record"),
    path("labs/<slug:slug>/shells/<int:number>/files", shells.shell_files, name="shell-files"),
    path("labs/<slug:slug>/shells/recordings/<int:pk>", shells.recording, name="recording"),
    path("labs/<slug:slug>/shells/recordings/<int:pk>/cast", shells.recording_cast, name="recording-cast"),
    path(
        "labs/<slug:slug>/shells/recordings/<int:pk>/delete", shells.recording_delete, name="recording-delete"
    ),
]
