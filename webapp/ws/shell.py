"""/ws/shells/<id>/: one viewer of a shared terminal. Contract: docs/shells.md.

This process only passes on: rights, sizes and rates are looked at here, everything else is the business of
the process that holds the PTY (webapp/shells/server.py). Binary messages are output, text messages JSON.
"""

import asyncio
import logging
import time
from typing import Any

import orjson
from channels.db import database_sync_to_async

from webapp import nudges
from webapp.accounts.models import User
from webapp.labs.access import can
from webapp.pairing.limits import Bucket
from webapp.shells import client, fresh
from webapp.shells.models import Terminal
from webapp.shells.protocol import INPUT, OUTPUT, BadFrame, frame, json_frame, parse_json, read_frame
from webapp.shells.viewers import clamp
from webapp.ws.consumers import Consumer
from webapp.ws.rights import NO_RIGHT, NOT_THERE, SIGN_IN, Refused, current_user

logger = logging.getLogger(__name__)

LONGEST_MESSAGE = 64 * 1024  # characters; a client pastes in smaller pieces
BURST_BYTES, BYTES_A_S = 1024 * 1024, 512 * 1024
BURST_MESSAGES, MESSAGES_A_S = 400, 200
MOST_WAITING = 256 * 1024  # bytes that the PTYs' process has not taken yet
AWAY = 4503  # nobody holds the PTYs just now: try again
CLOSED = 4410  # closed for good


class ShellConsumer(Consumer):
    """One viewer of one terminal."""

    user: User
    lab_id = 0
    may_type = False
    writer: asyncio.StreamWriter | None = None

    @property
    def terminal_id(self) -> int:
        return int(self.scope["url_route"]["kwargs"]["terminal_id"])

    # -- rights --------------------------------------------------------------------------

    async def authorise(self) -> None:
        """Read rights and sign-in again, and pass on whether this person may type."""
        self.user = await current_user(self.scope)
        is_fresh = await database_sync_to_async(fresh.is_fresh)(self.scope.get("session"), self.user)
        if not is_fresh:
            raise Refused(SIGN_IN)
        may_type = await database_sync_to_async(self.rights)()
        if may_type != self.may_type:
            self.may_type = may_type
            self.pass_on(json_frame({"may_type": may_type}))

    def rights(self) -> bool:
        """Return whether the person may type. Raises Refused when they may not even look."""
        terminal = (
            Terminal.objects.select_related("lab")
            .prefetch_related("lab__members")
            .filter(pk=self.terminal_id)
            .first()
        )
        if terminal is None:
            raise Refused(NOT_THERE)
        if not can(self.user, "lab.see", terminal.lab):
            raise Refused(NO_RIGHT)
        self.lab_id = terminal.lab_id
        return can(self.user, "lab.shell", terminal.lab)

    def groups_about_rights(self) -> list[str]:
        """A lab's members change with the lab: who may type is read again at once."""
        return [*super().groups_about_rights(), nudges.lab_group(self.lab_id)]

    # -- from the terminal ---------------------------------------------------------------

    async def speak(self) -> None:
        try:
            await self.relay()
        finally:
            if self.writer is not None:
                self.writer.close()

    async def relay(self) -> None:
        """Pass on what the terminal shows until it is over, or its process goes."""
        try:
            reader, self.writer = await client.connect()
        except OSError:
            await self.say({"away": "The terminals' process does not answer; it is tried again."})
            await self.end(AWAY)
            return
        attach = {"attach": self.terminal_id, "user": self.user.pk, "name": self.user.username}
        size = [self.number("columns", 0), self.number("rows", 0)]
        self.pass_on(json_frame({**attach, "may_type": self.may_type, "size": size if all(size) else None}))
        try:
            while (received := await read_frame(reader)) is not None:
                if received[0] == OUTPUT:
                    await self.send(bytes_data=received[1])
                    continue
                await self.send(text_data=received[1].decode())
                if "over" in parse_json(received[1]):
                    await self.end(CLOSED)
                    return
        except BadFrame as error:
            logger.warning("terminal %s: %s", self.terminal_id, error)
        await self.end(AWAY)

    # -- from the viewer -----------------------------------------------------------------

    async def receive(self, text_data: str | None = None, **_: Any) -> None:
        """Pass on {"in": text}, {"size": [columns, rows]}, {"seen": bytes}; drop everything else."""
        if text_data is None or self.writer is None:
            return
        refusal = self.refusal(text_data)
        if refusal:
            if self.complaints.take(time.monotonic()):
                await self.say({"refused": refusal})
            return
        try:
            message = orjson.loads(text_data)
        except ValueError:
            return
        if not isinstance(message, dict):
            return
        typed = message.get("in")
        if isinstance(typed, str):
            self.pass_on(frame(INPUT, typed.encode("utf-8", "replace")))
        if (size := clamp(message.get("size"))) is not None:
            self.pass_on(json_frame({"size": list(size)}))
        if isinstance(message.get("seen"), int):
            self.pass_on(json_frame({"seen": message["seen"]}))

    def refusal(self, text: str) -> str:
        """Say why a message is not even read; "" when it is."""
        if len(text) > LONGEST_MESSAGE:
            return f"A message of {len(text)} characters is too long; it was dropped."
        now = time.monotonic()
        if not (self.messages.take(now) and self.bytes.take(now, len(text))):
            return "That is more than a terminal takes at once; some of it was dropped."
        return ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: Channels' own
        super().__init__(*args, **kwargs)
        self.messages = Bucket(MESSAGES_A_S, BURST_MESSAGES)
        self.bytes = Bucket(BYTES_A_S, BURST_BYTES)
        self.complaints = Bucket(rate=1, burst=3)

    def pass_on(self, data: bytes) -> None:
        if self.writer is None or self.writer.is_closing():
            return
        if self.writer.transport.get_write_buffer_size() > MOST_WAITING:
            self.writer.transport.abort()  # nobody reads: as if nobody were there
            return
        self.writer.write(data)

    async def disconnect(self, code: int) -> None:
        if self.writer is not None:
            self.writer.close()
        await super().disconnect(code)
