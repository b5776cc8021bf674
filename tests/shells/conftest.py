"""Terminals without a browser: the PTYs' process in this test's own loop, rehearsed machines, viewers.

shells     a running `Server`; VAR_DIR below tmp_path
terminal   a terminal on `lab`'s winw1 whose baton `owner` has; the rehearsed machine is up
look_at    look_at(terminal, user, …) -> a Looker, attached
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async

from tests.rehearsal.stage import RehearsedLab
from webapp.accounts.models import User
from webapp.labs.actions import lab_folder
from webapp.labs.models import Lab
from webapp.shells import client
from webapp.shells.models import Terminal
from webapp.shells.protocol import INPUT, OUTPUT, frame, json_frame, read_frame
from webapp.shells.server import Server

WITHIN_S = 60.0  # the machine may be busy; what is right comes at once


class Looker:
    """One viewer: what it was shown, said and which sizes it was told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.shown = b""
        self.words: list[dict] = []
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while (received := await read_frame(self.reader)) is not None:
            kind, payload = received
            if kind == OUTPUT:
                self.shown += payload
                self.say({"seen": len(self.shown)})
            else:
                self.words.append(json.loads(payload))

    def say(self, message: dict) -> None:
        self.writer.write(json_frame(message))

    def type(self, text: str) -> None:
        self.writer.write(frame(INPUT, text.encode()))

    @property
    def state(self) -> dict:
        return next((word["state"] for word in reversed(self.words) if "state" in word), {})

    def told(self, key: str) -> list:
        return [word[key] for word in self.words if key in word]

    async def until(self, claim: Callable[["Looker"], object], within_s: float = WITHIN_S) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not claim(self):
                    await asyncio.sleep(0.01)
        assert claim(self), (self.shown[-2000:], self.words[-5:])

    async def sees(self, text: str) -> None:
        await self.until(lambda looker: text.encode() in looker.shown)

    async def leave(self) -> None:
        self.writer.close()
        self.task.cancel()


@pytest_asyncio.fixture
async def shells(transactional_db: None, var: Path) -> AsyncIterator[Server]:
    server = Server()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def rehearsed(transactional_db: None, lab: Lab, var: Path, settings) -> RehearsedLab:
    settings.LAB_HOST = lab.host.name
    folder = lab_folder(lab)
    folder.mkdir(parents=True)
    stage = RehearsedLab(folder)
    stage.write()
    stage.up()
    lab.machines.update(state="running")
    return stage


@pytest.fixture
def terminal(rehearsed: RehearsedLab, lab: Lab, owner: User) -> Terminal:
    return Terminal.objects.create(
        lab=lab, machine=lab.machines.get(name="winw1"), number=1, opened_by=owner, holder=owner
    )


@pytest.fixture
def look_at(shells: Server) -> Callable[..., Awaitable[Looker]]:
    async def attach(terminal: Terminal, user: User, *, size=(80, 24), may_type=True) -> Looker:
        looker = Looker(*await client.connect())
        person = {"user": user.pk, "name": user.username, "may_type": may_type}
        looker.say({"attach": terminal.pk, "size": list(size) if size else None, **person})
        return looker

    return attach


@pytest.fixture
def act() -> Callable[..., Awaitable[object]]:
    """Run a synchronous action beside the loop."""
    return lambda function, *arguments: sync_to_async(function, thread_sensitive=False)(*arguments)
