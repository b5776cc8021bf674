"""Nudges: say that something changed, to whoever looks. Contract: docs/nudges.md.

The only file that knows the channel layer. A nudge may be lost; it carries no
content, and everybody who listens also looks by a slow clock.
"""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Literal, NotRequired, TypedDict

from channels.layers import get_channel_layer

logger = logging.getLogger(__name__)

SEND_TIMEOUT_S = 5.0
RETRY_S = 1.0


class LogGrew(TypedDict):
    type: Literal["log.grew"]
    log: int
    last_line: int
    complete: str


class LabNudge(TypedDict):
    type: Literal["run.changed", "machines.changed", "lab.changed"]
    lab: int
    run: NotRequired[int]


class HostChanged(TypedDict):
    type: Literal["host.changed"]
    host: int


Nudge = LogGrew | LabNudge | HostChanged


def groups_for(nudge: Nudge) -> list[str]:
    """Pure: who is to hear of it."""
    if nudge["type"] == "log.grew":
        return [f"log.{nudge['log']}"]
    if nudge["type"] == "host.changed":
        return ["hosts"]
    return [f"lab.{nudge['lab']}", "labs"]


def coalesce_key(nudge: Nudge) -> tuple[object, ...]:
    """Pure: of several waiting nudges with one key, the newest says all."""
    return (nudge["type"], *(nudge.get(name) for name in ("log", "lab", "run", "host")))


class Announcer:
    """One event loop in a thread of its own; the rest of the process only hands nudges in."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.waiting: dict[tuple[object, ...], Nudge] = {}
        self.lock = threading.Lock()
        self.is_down = False
        self.loop = asyncio.new_event_loop()
        self.wake = asyncio.Event()
        threading.Thread(target=self.run, name="announcer", daemon=True).start()

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.send_all())

    def hand_in(self, nudge: Nudge) -> None:
        with self.lock:
            was_empty = not self.waiting
            self.waiting[coalesce_key(nudge)] = nudge
        if was_empty:
            with suppress(RuntimeError):  # the loop ends with the process
                self.loop.call_soon_threadsafe(self.wake.set)

    async def send_all(self) -> None:
        while True:
            await self.wake.wait()
            self.wake.clear()
            with self.lock:
                nudges, self.waiting = list(self.waiting.values()), {}
            for nudge in nudges:
                await self.send(nudge)

    async def send(self, nudge: Nudge) -> None:
        layer = get_channel_layer()
        try:
            for group in groups_for(nudge):
                await asyncio.wait_for(layer.group_send(group, {"type": "nudge", "nudge": nudge}), SEND_TIMEOUT_S)
            self.is_down = False
        except Exception as error:  # noqa: BLE001 (a nudge may be lost, whatever the reason)
            if not self.is_down:
                logger.warning("nudges are not delivered, pages fall back to their slow clock: %s", error)
            self.is_down = True


class Current:
    """This process's announcer; a forked child makes its own."""

    announcer: Announcer | None = None
    lock = threading.Lock()


def announce(nudge: Nudge) -> None:
    """Tell whoever looks; call it after the commit. Never blocks, never raises."""
    announcer = Current.announcer
    if announcer is None or announcer.pid != os.getpid():
        with Current.lock:
            announcer = Current.announcer
            if announcer is None or announcer.pid != os.getpid():
                announcer = Current.announcer = Announcer()
    announcer.hand_in(nudge)


@asynccontextmanager
async def listening(groups: list[str], on_nudge: Callable[[Nudge], None]) -> AsyncIterator[None]:
    """Call `on_nudge` for each nudge to these groups, reconnecting by itself, until left."""
    task = asyncio.create_task(listen(groups, on_nudge))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def listen(groups: list[str], on_nudge: Callable[[Nudge], None]) -> None:
    while True:
        try:
            await listen_once(groups, on_nudge)
        except Exception as error:  # noqa: BLE001 (Redis away: the slow clock serves meanwhile)
            logger.info("not listening to %s, trying again: %s", groups, error)
            await asyncio.sleep(RETRY_S)


async def listen_once(groups: list[str], on_nudge: Callable[[Nudge], None]) -> None:
    layer = get_channel_layer()
    channel = await layer.new_channel()
    try:
        for group in groups:
            await layer.group_add(group, channel)
        while True:
            message = await layer.receive(channel)
            on_nudge(message["nudge"])
    finally:
        for group in groups:
            with suppress(Exception):
                await asyncio.wait_for(layer.group_discard(group, channel), SEND_TIMEOUT_S)
