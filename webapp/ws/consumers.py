"""The sockets: a log's lines from the viewer's cursor on, and nudges.

Contracts: docs/logs.md, docs/nudges.md. Both only speak. A socket is accepted before
it is refused, because a browser sees close codes only then.
"""

import asyncio
import logging
import random
from collections.abc import Hashable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer

from webapp import live
from webapp.logs import feed
from webapp.logs.frames import Form
from webapp.nudges import Nudge, Resync, rights_group
from webapp.ws.protocol import PUSH
from webapp.ws.rights import NOT_THERE, Refused, check_log, groups_for

logger = logging.getLogger(__name__)

DONE, OUR_FAULT = 1000, 1011
BEAT_S = 10.0  # a page gives up a socket that says nothing for 25 s (static/js/pulse.js)
CHECK_EVERY_S = 20.0  # rights; a revoked guest is out within 30 s
TAIL_LINES = 500
MOST_TAIL_LINES = 5000
MOST_TOPICS = 8
LARGEST_KEY = 2**63 - 1  # of a database's row; SQLite crashes over more
ABOUT_RIGHTS = frozenset({"rights.changed", "lab.changed", "live.resync"})
GATHER_S = 0.03  # nudges: the same one often comes by two groups
MOST_NUDGES = 500


class Consumer(AsyncWebsocketConsumer):
    """A socket that only speaks; what comes in is dropped.

    One task speaks, one looks at the rights again, one says now and then that the connection is there.
    """

    channel_layer_alias = ""  # no channel of its own: nothing is sent to a single socket through the layer
    tasks: tuple[asyncio.Task[None], ...] = ()

    async def connect(self) -> None:
        await self.accept()
        try:
            if max(self.scope["url_route"]["kwargs"].values(), default=0) > LARGEST_KEY:
                raise Refused(NOT_THERE)
            await self.authorise()
        except Refused as refused:
            await self.close(refused.code)
            return
        works = (self.work(), self.watch_rights(), self.beat())
        self.tasks = tuple(asyncio.create_task(work) for work in works)

    async def work(self) -> None:
        """Speak to the end, and close."""
        code = DONE
        try:
            await self.speak()
        except OSError as error:  # mostly the other end has gone; if it has not, it must not wait for us
            logger.info("socket %s: %s", self.scope["path"], error)
            code = OUR_FAULT
        except Exception:
            logger.exception("socket %s: failed", self.scope["path"])
            code = OUR_FAULT
        await self.end(code)

    async def beat(self) -> None:
        """Say something every BEAT_S, so that whoever hears nothing knows that the connection is dead."""
        with suppress(OSError, RuntimeError):  # gone or closed already
            while True:
                await asyncio.sleep(BEAT_S)
                await self.say({"beat": True})

    async def watch_rights(self) -> None:
        """Look now and then, and at once when the person's rights are said to have changed."""
        changed = asyncio.Event()

        def hear(nudge: Nudge | Resync) -> None:
            if nudge["type"] in ABOUT_RIGHTS:
                changed.set()

        groups = self.groups_about_rights()
        try:
            for group in groups:
                await live.join(group, hear)
            await self.check_rights(changed)
        finally:
            for group in groups:
                await live.leave(group, hear)

    def groups_about_rights(self) -> list[str]:
        """Return what is listened to for rights; called when `authorise` has been."""
        return [rights_group(self.scope["user"].pk)]

    async def check_rights(self, changed: asyncio.Event) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(CHECK_EVERY_S * random.uniform(0.8, 1.2)):  # noqa: S311 (spreads the load)
                    await changed.wait()
            changed.clear()
            try:
                await self.authorise()
            except Refused as refused:
                self.tasks[0].cancel()
                await self.end(refused.code)
                return
            except Exception as error:  # the database is away: nobody's rights have changed meanwhile
                logger.warning("socket %s: rights not checked: %s", self.scope["path"], error)

    async def end(self, code: int) -> None:
        with suppress(OSError, RuntimeError):  # gone or closed already
            await self.close(code)

    async def authorise(self) -> None:
        """Raises Refused."""
        raise NotImplementedError

    async def speak(self) -> None:
        raise NotImplementedError

    async def receive(self, **_: Any) -> None:  # Any: text or bytes
        """Nothing a viewer says matters."""

    async def disconnect(self, code: int) -> None:  # noqa: ARG002 (Channels' signature)
        for task in self.tasks:
            task.cancel()

    async def say(self, message: Any) -> None:  # Any: JSON
        await self.send(text_data=orjson.dumps(message).decode())

    def query(self, name: str, default: str) -> str:
        fields = parse_qs(self.scope["query_string"].decode("latin-1"))
        return str(fields.get(name, [default])[-1])

    def number(self, name: str, default: int) -> int:
        text = self.query(name, "")
        is_number = text.isascii() and text.removeprefix("-").isdecimal() and len(text) < 19
        return int(text) if is_number else default


class NowhereConsumer(AsyncWebsocketConsumer):
    """Any other address: it is told so, and nothing is written into the server's log."""

    channel_layer_alias = ""

    async def connect(self) -> None:
        await self.accept()
        await self.close(NOT_THERE)


class LogConsumer(Consumer):
    """/ws/logs/<id>/?after=N: numbered lines, in order, none twice, none left out."""

    @property
    def log_id(self) -> int:
        return int(self.scope["url_route"]["kwargs"]["log_id"])

    async def authorise(self) -> None:
        await check_log(self.scope, self.log_id)

    async def speak(self) -> None:
        entered = feed.enter(self.log_id)
        try:
            await entered.ready()
            await self.say({"count": entered.end, "complete": ""})
            form: Form = "joined" if self.query("form", "") == "joined" else "lines"
            push = self.scope.get("extensions", {}).get(PUSH)
            viewer = feed.Viewer(entered, self.first_cursor(entered.end), form, push)
            while (frame := await viewer.next()) is not None:
                await self.base_send(frame.message(form))
            await self.say({"complete": entered.complete})
        finally:
            feed.exit_feed(entered)

    def first_cursor(self, line_count: int) -> int:
        """Return the last line that the viewer has."""
        if self.query("after", "-1") == "tail":
            tail = min(max(self.number("tail", TAIL_LINES), 0), MOST_TAIL_LINES)
            return max(line_count - tail, 0) - 1
        return min(max(self.number("after", -1), -1), line_count - 1)


class LiveConsumer(Consumer):
    """/ws/live/?topics=labs,hosts,lab-3: the nudges of these topics, as JSON."""

    groups_heard: tuple[str, ...] = ()

    async def authorise(self) -> None:
        topics = [topic for topic in self.query("topics", "").split(",") if topic][:MOST_TOPICS]
        self.groups_heard = tuple(await groups_for(self.scope, topics))

    async def speak(self) -> None:
        waiting: dict[Hashable, Nudge | Resync] = {}
        news = asyncio.Event()

        def hear(nudge: Nudge | Resync) -> None:
            if len(waiting) < MOST_NUDGES:
                waiting[tuple(sorted(nudge.items()))] = nudge
            news.set()

        groups = self.groups_heard
        try:
            for group in groups:
                await live.join(group, hear)
            while True:
                await news.wait()
                await asyncio.sleep(GATHER_S)
                news.clear()
                nudges = list(waiting.values())
                waiting.clear()
                for nudge in nudges:
                    await self.say(nudge)
        finally:
            for group in groups:
                await live.leave(group, hear)
