"""Every socket's address."""

from django.urls import path

from webapp.ws.consumers import LiveConsumer, LogConsumer

websocket_urlpatterns = [
    path("ws/live/", LiveConsumer.as_asgi()),
    path("ws/logs/<int:log_id>/", LogConsumer.as_asgi()),
]
