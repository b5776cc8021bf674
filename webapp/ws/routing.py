"""Every socket's address."""

from django.urls import path, re_path

from webapp.ws.consumers import LiveConsumer, LogConsumer, NowhereConsumer
from webapp.ws.presence import PresenceConsumer
from webapp.ws.shell import ShellConsumer

websocket_urlpatterns = [
    path("ws/live/", LiveConsumer.as_asgi()),
    path("ws/presence/<int:lab_id>/", PresenceConsumer.as_asgi()),
    path("ws/logs/<int:log_id>/", LogConsumer.as_asgi()),
    path("ws/shells/<int:terminal_id>/", ShellConsumer.as_asgi()),
    re_path("", NowhereConsumer.as_asgi()),
]
