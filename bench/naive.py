"""The naive way, as the usual tutorial has it: one group_send through the channel layer for each line.

uvicorn bench.naive:application        the consumer
python -m bench.naive LINES RATE       the pusher; a line on stdin starts the child
"""

import os
import subprocess
import sys
from typing import Any

import django
from django.conf import settings

if not settings.configured:
    settings.configure(
        CHANNEL_LAYERS={
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {"hosts": [{"address": os.environ["REDIS_URL"], "socket_timeout": None}]},
            }
        }
    )
    django.setup()

from asgiref.sync import async_to_sync
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter


class TutorialConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels is untyped
    async def connect(self) -> None:
        await self.channel_layer.group_add("log", self.channel_name)
        await self.accept()

    async def log_line(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["text"])


application = ProtocolTypeRouter({"websocket": TutorialConsumer.as_asgi()})


def main() -> None:
    lines, rate = sys.argv[1:3]
    print("ready", flush=True)
    sys.stdin.readline()
    layer = get_channel_layer()
    command = [sys.executable, "-m", "bench.producer", lines, rate]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            async_to_sync(layer.group_send)("log", {"type": "log.line", "text": line})
    print("sent", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
