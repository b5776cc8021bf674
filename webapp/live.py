"""Nudges: "something changed", never what. Contract: docs/nudges.md. Only this file knows the channel layer.

    announce(nudge), any thread ─► one sending loop a process ─► Redis ─► one Listener a loop ─► its receivers

A nudge may be lost (Redis away, a process restarted); every reader therefore also looks by the clock.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Hashable
from typing import Any
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer

from webapp.nudges import Nudge, Resync, coalescing_key, groups_of

logger = logging.getLogger(__name__)

SEND_TIMEOUT_S = 3.0
JOIN_TIMEOUT_S = 2.0
RETRY_S = 1.0
MOST_WAITING = 10_000  # different nudges; only a Redis that hangs lets them gather

Receive = Callable[[Nudge | Resync], None]  # called in the listener's loop; returns at once


class Sender:
    """A daemon thread whose event loop sends what waits, the newest of each kind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[Hashable, Nudge] = {}
        self._is_failing = False
        self._loop = asyncio.new_event_loop()
        self._news = asyncio.Event()
        threading.Thread(target=self._run, name="nudges", daemon=True).start()

    def put(self, nudge: Nudge) -> None:
        """Hand a nudge over; the sending loop is woken only when it has nothing to do."""
        with self._lock:
            is_first = not self._waiting
            if len(self._waiting) < MOST_WAITING:
                self._waiting[coalescing_key(nudge)] = nudge
        if is_first:
            self._loop.call_soon_threadsafe(self._news.set)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._send_for_ever())

    async def _send_for_ever(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            with self._lock:
                nudges, self._waiting = list(self._waiting.values()), {}
            for nudge in nudges:
                await self._send(nudge)

    async def _send(self, nudge: Nudge) -> None:
        try:
            layer = get_channel_layer()
            async with asyncio.timeout(SEND_TIMEOUT_S):
                for group in groups_of(nudge):
                    await layer.group_send(group, {"type": "nudge", "group": group, "nudge": nudge})
        except Exception as error:  # whatever it is, a nudge may be lost and nobody may fail for it
            if not self._is_failing:
                logger.warning("nudges are not sent, pages look by the clock: %s", error)
            self._is_failing = True
        else:
            self._is_failing = False


class Current:
    """This process's sender; a forked child makes its own, because threads do not survive a fork."""

    pid = 0
    sender: Sender | None = None
    lock = threading.Lock()


def announce(nudge: Nudge) -> None:
    """Tell whoever listens; call it after the commit. From any thread; never blocks, never raises."""
    sender = Current.sender
    if sender is None or Current.pid != os.getpid():
        with Current.lock:
            sender = Current.sender
            if sender is None or Current.pid != os.getpid():
                sender = Current.sender = Sender()
                Current.pid = os.getpid()
    sender.put(nudge)


class Listener:
    """One channel for all groups that this event loop's receivers want."""

    def __init__(self) -> None:
        self._receivers: dict[str, set[Receive]] = {}
        self._joined: set[str] = set()
        self._late: set[str] = set()  # groups that could not be joined at once
        self._turn = asyncio.Lock()
        self._layer: Any = get_channel_layer()  # Any: the layers are untyped
        self._channel = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, group: str, receive: Receive) -> None:
        """Hear a group; returns when its nudges arrive, or when Redis does not answer in time."""
        self._receivers.setdefault(group, set()).add(receive)
        try:
            async with asyncio.timeout(JOIN_TIMEOUT_S):
                await self._reconcile()
        except Exception as error:  # Redis is away: go on trying, the receivers look by the clock meanwhile
            logger.warning("nudges for %s are not heard yet: %s", group, error)
            self._late.add(group)
            self._start(self._join_late())

    async def leave(self, group: str, receive: Receive) -> None:
        receivers = self._receivers.get(group, set())
        receivers.discard(receive)
        if not receivers:
            self._receivers.pop(group, None)
            self._start(self._leave_groups())

    async def _leave_groups(self) -> None:
        try:
            async with asyncio.timeout(JOIN_TIMEOUT_S):
                await self._reconcile()
        except Exception as error:
            logger.info("a group is left later: %s", error)

    async def _reconcile(self) -> None:
        """Make the joined groups those that are wanted. One at a time."""
        async with self._turn:
            if not self._channel:
                self._channel = await self._layer.new_channel()
                self._start(self._hear())
            for group in set(self._receivers) - self._joined:
                await self._layer.group_add(group, self._channel)
                self._joined.add(group)
            for group in self._joined - set(self._receivers):
                self._joined.discard(group)
                await self._layer.group_discard(group, self._channel)

    async def _join_late(self) -> None:
        """Try until the groups are joined, then tell their receivers that they may have missed something."""
        while self._late:
            await asyncio.sleep(RETRY_S)
            try:
                async with asyncio.timeout(JOIN_TIMEOUT_S):
                    await self._reconcile()
            except Exception as error:
                logger.debug("still not heard: %s", error)
                continue
            for group in self._late & self._joined:
                self._tell(group, {"type": "live.resync"})
            self._late.clear()

    async def _hear(self) -> None:
        while True:
            try:
                message = await self._layer.receive(self._channel)
                self._tell(message["group"], message["nudge"])
            except Exception:  # what cannot be read is one nudge lost, not all that follow
                logger.exception("a nudge cannot be heard")
                await asyncio.sleep(RETRY_S)

    def _tell(self, group: str, nudge: Nudge | Resync) -> None:
        for receive in list(self._receivers.get(group, ())):
            receive(nudge)

    def _start(self, work: Any) -> None:  # Any: a coroutine
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


_listeners: WeakKeyDictionary[asyncio.AbstractEventLoop, Listener] = WeakKeyDictionary()


def listener() -> Listener:
    """Return the running loop's listener."""
    loop = asyncio.get_running_loop()
    if loop not in _listeners:
        _listeners[loop] = Listener()
    return _listeners[loop]


async def join(group: str, receive: Receive) -> None:
    """Have `receive` called for each nudge of a group, until `leave`."""
    await listener().join(group, receive)


async def leave(group: str, receive: Receive) -> None:
    await listener().leave(group, receive)
