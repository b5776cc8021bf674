"""The sockets: a log's lines from the viewer's cursor on, and nudges. Contracts: docs/logs.md, docs/nudges.md."""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

import orjson
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth.models import AnonymousUser

from webapp import live
from webapp.accounts.models import User
from webapp.labs.access import can
from webapp.labs.models import Lab
from webapp.logs.feed import Feed, FeedFailed, watching
from webapp.runs.models import Run

logger = logging.getLogger(__name__)

SIGN_IN, NO_RIGHT, NOT_THERE, OUR_FAULT, DONE = 4401, 4403, 4404, 1011, 1000
RIGHTS_AGAIN_S = 20.0
MAX_TOPICS = 8
MAX_WAITING_NUDGES = 100


class SocketClosed(Exception):
    """End the socket with this code."""

    def __init__(self, code: int) -> None:
        self.code = code


def person(scope: dict[str, Any]) -> int:  # Any: an ASGI scope
    """Return the signed-in person's id. Raises SocketClosed."""
    user = scope.get("user") or AnonymousUser()
    if not user.is_authenticated:
        raise SocketClosed(SIGN_IN)
    return int(user.pk)


@database_sync_to_async
def may_see_log(user_id: int, log_id: int) -> int:
    """Return 0, or the code to close with."""
    run = Run.objects.select_related("lab").filter(log_id=log_id).first()
    if run is None:
        return NOT_THERE
    user = User.objects.filter(pk=user_id).first()
    return 0 if user is not None and can(user, "lab.see", run.lab) else NO_RIGHT


@database_sync_to_async
def groups_for_topics(user_id: int, topics: list[str]) -> list[str]:
    """Return the channel groups of the topics that this person may follow."""
    user = User.objects.filter(pk=user_id).first()
    return [group for topic in topics if user and (group := group_for(user, topic))]


def group_for(user: User, topic: str) -> str:
    kind, _, number = topic.partition("-")
    if topic == "labs":
        return "labs" if can(user, "lab.see") else ""
    if topic == "hosts":
        return "hosts" if can(user, "host.see") else ""
    if kind == "lab" and number.isdecimal():
        lab = Lab.objects.filter(pk=int(number)).first()
        return f"lab.{lab.pk}" if lab is not None and can(user, "lab.see", lab) else ""
    return ""


class Consumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels ships no types
    """A socket that only speaks: one task does the work, what comes in is dropped."""

    task: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await self.accept()
        self.task = asyncio.create_task(self.work())

    async def work(self) -> None:
        code = DONE
        try:
            await self.speak(person(self.scope))
        except SocketClosed as closed:
            code = closed.code
        except FeedFailed:
            code = OUR_FAULT
        except Exception:
            logger.exception("a socket failed: %s", self.scope["path"])
            code = OUR_FAULT
        with suppress(Exception):  # the other end may be gone already
            await self.close(code)

    async def speak(self, user_id: int) -> None:
        raise NotImplementedError

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Nothing a viewer says matters."""

    async def disconnect(self, code: int) -> None:
        if self.task is not None and self.task is not asyncio.current_task():
            self.task.cancel()

    @property
    def query(self) -> dict[str, str]:
        fields = parse_qs(self.scope["query_string"].decode("latin-1"))
        return {name: values[-1] for name, values in fields.items()}


class LogConsumer(Consumer):
    """/ws/logs/<id>/?after=N: numbered lines, in order, none twice, none left out."""

    async def speak(self, user_id: int) -> None:
        log_id = int(self.scope["url_route"]["kwargs"]["log_id"])
        await self.check(user_id, log_id)
        async with watching(log_id) as feed:
            count = feed.tail + 1
            await self.say({"count": count, "complete": feed.complete})
            await self.follow(feed, self.first_cursor(count), user_id)
            await self.say({"complete": feed.complete})

    async def follow(self, feed: Feed, cursor: int, user_id: int) -> None:
        rights_until = time.monotonic() + RIGHTS_AGAIN_S
        while True:
            try:
                async with asyncio.timeout(RIGHTS_AGAIN_S):
                    frame = await feed.next_frame(cursor)
            except TimeoutError:
                await self.check(user_id, feed.log_id)
                continue
            if frame is None:
                return
            await self.send(text_data=frame.text)
            cursor = frame.last
            if time.monotonic() > rights_until:
                await self.check(user_id, feed.log_id)
                rights_until = time.monotonic() + RIGHTS_AGAIN_S

    def first_cursor(self, count: int) -> int:
        """Return the last line that the viewer has; "tail" begins at the newest lines."""
        after = self.query.get("after", "-1")
        if after == "tail":
            tail = self.query.get("tail", "500")
            return max(count - 1 - (int(tail) if tail.isdecimal() else 500), -1)
        number = int(after) if after.lstrip("-").isdecimal() else -1
        return min(max(number, -1), count - 1)

    async def check(self, user_id: int, log_id: int) -> None:
        if code := await may_see_log(user_id, log_id):
            raise SocketClosed(code)

    async def say(self, message: dict[str, object]) -> None:
        await self.send(text_data=orjson.dumps(message).decode())


class LiveConsumer(Consumer):
    """/ws/live/?topics=labs,hosts,lab-3: the nudges of these topics, as JSON."""

    async def speak(self, user_id: int) -> None:
        topics = self.query.get("topics", "").split(",")[:MAX_TOPICS]
        nudges: asyncio.Queue[live.Nudge] = asyncio.Queue(MAX_WAITING_NUDGES)

        def keep(nudge: live.Nudge) -> None:
            with suppress(asyncio.QueueFull):  # a nudge may be lost
                nudges.put_nowait(nudge)

        while True:
            groups = await groups_for_topics(user_id, topics)
            if not groups:
                raise SocketClosed(NO_RIGHT)
            async with live.listening(groups, keep):
                await self.pass_on(nudges)

    async def pass_on(self, nudges: "asyncio.Queue[live.Nudge]") -> None:
        """Send nudges until it is time to look at the rights again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(RIGHTS_AGAIN_S * 3):
                while True:
                    await self.send(text_data=orjson.dumps(await nudges.get()).decode())

