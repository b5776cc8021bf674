"""/ws/presence/<lab>/?tab=…: a page says where it looks and hears who else does. Contract: docs/pairing.md.

in   {"place": {"path": "/labs/x/runs/1/", "line": 120, …}}   {"ping": 1} every 10 s
out  {"people": [{"user": 3, "name": "ben", "words": "run #1, line 120", "place": {…}, "is_me": false}, …]}

Whatever else comes in is dropped; who talks too fast is closed (4429), who is silent for 30 s too (4408).
"""

import asyncio
import logging
import re
import secrets
import time
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

import orjson
import redis
from channels.db import database_sync_to_async

from webapp import live, nudges
from webapp.accounts.models import User
from webapp.labs.access import can
from webapp.labs.models import Lab
from webapp.pairing import presence
from webapp.pairing.limits import Bucket
from webapp.ws.consumers import Consumer
from webapp.ws.rights import NO_RIGHT, NOT_THERE, Refused, current_user

logger = logging.getLogger(__name__)

GONE, TOO_FAST = 4408, 4429
LOOK_EVERY_S = 10.0  # what ages out sends no nudge
LINGER_S = 3.0  # a reload comes back sooner, and is not seen as leaving
GATHER_S = 0.05
LONGEST_MESSAGE = 1024
RATE, BURST = 8.0, 40.0  # messages a second, and at once
TAB = re.compile(r"[A-Za-z0-9]{8,32}", re.ASCII)
leaving: set[asyncio.Task[None]] = set()


class PresenceConsumer(Consumer):
    """One tab of one person on one lab."""

    lab: Lab
    person: presence.Person | None = None
    told: bytes = b""

    @property
    def lab_id(self) -> int:
        return int(self.scope["url_route"]["kwargs"]["lab_id"])

    async def authorise(self) -> None:
        self.user = await current_user(self.scope)
        self.lab = await database_sync_to_async(lab_to_see)(self.user, self.lab_id)

    async def connect(self) -> None:
        asked = self.query("tab", "")
        self.asked_tab = asked if TAB.fullmatch(asked) else secrets.token_hex(8)
        self.bucket = Bucket(RATE, BURST)
        self.heard_at = time.monotonic()
        await super().connect()

    @property
    def tab(self) -> str:
        """The person's id is part of it: nobody speaks for another's tab."""
        return f"{self.user.pk}:{self.asked_tab}"

    async def speak(self) -> None:
        news = asyncio.Event()

        def hear(_: nudges.Nudge | nudges.Resync) -> None:
            news.set()

        group = nudges.presence_group(self.lab_id)
        await live.join(group, hear)
        try:
            while time.monotonic() - self.heard_at < presence.FRESH_S:
                await self.tell_people()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await news.wait()
                await asyncio.sleep(GATHER_S)
                news.clear()
        finally:
            await live.leave(group, hear)
        await self.end(GONE)

    async def tell_people(self) -> None:
        """Send who is here, if that is not what was sent last."""
        people = (await asyncio.to_thread(presence.people_on, [self.lab_id])).get(self.lab_id, [])
        message = orjson.dumps({"people": [said_of(person, self.user.pk) for person in people]})
        if message != self.told:
            self.told = message
            await self.send(text_data=message.decode())

    async def receive(self, text_data: str | None = None, **_: Any) -> None:  # Any: bytes
        if not self.tasks:  # refused
            return
        if not self.bucket.take(time.monotonic()):
            await self.end(TOO_FAST)
            return
        self.heard_at = time.monotonic()
        message = parsed(text_data)
        place = presence.parse_place(message.get("place"), self.lab.slug)
        if place is not None or (self.person is not None and "ping" in message):
            await self.enter(place)

    async def enter(self, place: presence.Place | None) -> None:
        """Store the tab at its new place, or (None) that it is still where it was."""
        now = time.time()
        if place is not None:
            has_moved = self.person is None or self.person.place != place
            self.person = presence.person_at(self.user, place, now)
        elif self.person is not None:
            has_moved, self.person = False, replace(self.person, seen_at=now)
        else:
            return
        try:
            is_new = await asyncio.to_thread(presence.enter, self.lab_id, self.tab, self.person)
        except redis.RedisError as error:
            logger.info("presence on lab %s is not stored: %s", self.lab_id, error)
            return
        if is_new or has_moved:
            presence.announce(self.lab_id, is_coming=is_new)

    async def disconnect(self, code: int) -> None:
        await super().disconnect(code)
        if self.person is not None:
            linger = 0.0 if code == NO_RIGHT else LINGER_S
            task = asyncio.get_running_loop().create_task(forget(self.lab_id, self.tab, self.person, linger))
            leaving.add(task)
            task.add_done_callback(leaving.discard)


async def forget(lab_id: int, tab: str, person: presence.Person, after_s: float) -> None:
    await asyncio.sleep(after_s)
    try:
        has_left = await asyncio.to_thread(presence.leave, lab_id, tab, person)
    except redis.RedisError as error:
        logger.info("presence on lab %s ages out by itself: %s", lab_id, error)
        return
    if has_left:
        presence.announce(lab_id, is_coming=True)


def lab_to_see(user: User, lab_id: int) -> Lab:
    """Raises Refused."""
    lab = Lab.objects.prefetch_related("members").filter(pk=lab_id).first()
    if lab is None:
        raise Refused(NOT_THERE)
    if not can(user, "lab.see", lab):
        raise Refused(NO_RIGHT)
    return lab


def parsed(text: str | None) -> dict[str, Any]:  # Any: JSON of a stranger
    """Return the object that a message holds, {} for anything else."""
    if text is None or len(text) > LONGEST_MESSAGE:
        return {}
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return message if isinstance(message, dict) else {}


def said_of(person: presence.Person, me: int) -> dict[str, Any]:  # Any: JSON
    return {
        "user": person.user,
        "name": person.name,
        "initials": person.initials,
        "is_guest": person.is_guest,
        "is_me": person.user == me,
        "words": person.words,
        "place": asdict(person.place),
    }
