"""Sockets through the real consumers, nudges through a real Redis.

redis           a Redis of this test's own: start(), stop(); settings point to it
socket          socket(path, user) -> a Socket, not connected yet
run             a run of `lab` with its log
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.routing import URLRouter

from tests.factories import RunFactory
from tests.stack import Stack, free_port, redis_binary, wait_until
from webapp import live
from webapp.accounts.models import User
from webapp.labs.models import Lab
from webapp.runs.models import Run
from webapp.ws.routing import websocket_urlpatterns


class Socket(ApplicationCommunicator):
    """One browser's end of a socket (channels.testing has one, but wants daphne)."""

    def __init__(self, path: str, user: User | None) -> None:
        split = urlsplit(path)
        scope = {"type": "websocket", "path": split.path, "query_string": split.query.encode(), "user": user}
        super().__init__(URLRouter(websocket_urlpatterns), {**scope, "headers": [], "subprotocols": []})

    async def connect(self) -> None:
        await self.send_input({"type": "websocket.connect"})
        assert (await self.receive_output(timeout=10))["type"] == "websocket.accept"

    async def receive_text(self) -> str:
        return (await self.receive_output(timeout=10))["text"]

    async def disconnect(self, within_s: float = 10) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1001})
        await self.wait(timeout=within_s)


class Redis:
    """A server that can go away and come back without its data."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [redis_binary(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        self.process = subprocess.Popen([*command, "--save", ""], stdout=subprocess.DEVNULL)
        wait_until(lambda: Stack.answers(self.port), 10, "Redis answers")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def redis(tmp_path: Path, settings) -> Iterator[Redis]:
    server = Redis(tmp_path)
    server.start()
    hosts = [{"address": f"redis://127.0.0.1:{server.port}/0", "socket_timeout": None}]
    layer = {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": hosts, "prefix": "test"},
    }
    settings.CHANNEL_LAYERS = {"default": layer}
    live.Current.sender = None
    yield server
    server.stop()
    live.Current.sender = None
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture
def socket(redis: Redis) -> Callable[[str, User | None], Socket]:
    def make(path: str, user: User | None) -> Socket:
        return Socket(path, user)

    return make


@pytest.fixture
def run(transactional_db: None, lab: Lab) -> Run:
    return RunFactory(lab=lab)
