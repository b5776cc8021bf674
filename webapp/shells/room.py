"""One terminal while it lives: its PTY, its screen, its viewers, who may type. In the event loop only.

connect ─► wait for readiness ─► PTY ─► lost or hung up ─► wait … ─► the shell ended: closed for good
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from webapp.shells import store
from webapp.shells.connection import Connection
from webapp.shells.escapes import CURSOR, Filter
from webapp.shells.pty import HANGUP_S, Pty
from webapp.shells.readiness import Readiness
from webapp.shells.screen import Screen, Size
from webapp.shells.store import Facts
from webapp.shells.tape import Tape
from webapp.shells.viewers import Audience, Viewer
from webapp.shells.ways import Way, WayError

logger = logging.getLogger(__name__)

FIRST_SIZE: Size = (100, 30)
RETRY_S, LONGEST_RETRY_S = 1.0, 20.0
SSH_LOST = 255  # OpenSSH's own exit code; everything else is the shell's
VANISHED_S = 30.0


# Runs a function of `store` in the thread that owns the database.
Ask = Callable[..., Awaitable[Any]]  # Any: what the function returns


class Room:
    """One terminal; made when its row is first seen, gone when it is closed."""

    def __init__(self, facts: Facts, ask: Ask) -> None:
        self.facts = facts
        self.ask = ask
        self.screen = Screen(FIRST_SIZE)
        self.viewers = Audience()
        self.connection: Connection | None = None
        self.tape = Tape(self._tape_ended)
        self.is_over = False
        self.last_key_at = time.monotonic()
        self.holder_seen_at = time.monotonic()
        self._filter = Filter()
        self._poke = asyncio.Event()
        self._hung_up = ""  # why the PTY was hung up by us
        self._resizing: asyncio.TimerHandle | None = None
        self._telling: set[asyncio.Task[None]] = set()
        self.task = asyncio.get_running_loop().create_task(self._live())

    @property
    def pty(self) -> Pty | None:
        """What runs for this terminal, reached or not."""
        return self.connection.pty if self.connection is not None else None

    # -- the connection ------------------------------------------------------------------

    async def _live(self) -> None:
        """Keep it connected until it is closed."""
        delay = RETRY_S
        try:
            while not self.is_over:
                began = time.monotonic()
                await self._connect_once()
                has_held = time.monotonic() - began > LONGEST_RETRY_S
                delay = RETRY_S if has_held else min(delay * 1.5, LONGEST_RETRY_S)
                self._poke.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._poke.wait(), delay)
        except Exception:
            logger.exception("terminal %s: failed", self.facts.pk)
            await self._close("The terminal failed; the server's log says how.")

    async def _connect_once(self) -> None:
        readiness: Readiness = await self.ask(store.readiness, self.facts.pk)
        if readiness.is_gone:
            await self._close(readiness.sentence)
            return
        if not readiness.is_ready:
            await self._wait_for(readiness.sentence)
            return
        try:
            way: Way = await self.ask(store.way, self.facts.pk)
            self._filter = Filter()
            self.connection = Connection(way, self.screen.size, self._output)
        except (WayError, OSError) as error:
            await self._wait_for(f"It cannot be reached: {error}")
            return
        await self._hold(self.connection)

    async def _hold(self, connection: Connection) -> None:
        """The PTY is there: until it ends."""
        self._hung_up = ""
        is_reached = await asyncio.shield(connection.reached)  # what it waits for outlives this task
        if is_reached:
            opened = await self.ask(store.mark_open, self.facts.pk)
            await self.reload()
            if not opened:
                connection.pty.hang_up()
        code = await asyncio.shield(connection.ended)
        self.connection = None
        if self.is_over:
            return
        if self._hung_up:
            await self._wait_for(self._hung_up)
        elif not is_reached:
            said = f" ({connection.said})" if connection.said else ""
            await self._wait_for(f"It does not answer over SSH{said}; it is tried again.")
        elif code == SSH_LOST:
            await self._wait_for("The connection was lost; it is tried again.")
        else:
            await self._close(f"The shell ended with code {code}.")

    async def look(self) -> None:
        """Log off before a reboot, and while the machine is being stopped."""
        if self.pty is None or self._hung_up:
            return
        readiness: Readiness = await self.ask(store.readiness, self.facts.pk)
        if not readiness.is_ready and self.pty is not None:
            self._hung_up = readiness.sentence
            self.pty.hang_up()

    async def _wait_for(self, sentence: str) -> None:
        if await self.ask(store.mark_waiting, self.facts.pk, sentence):
            self.note(sentence)
        await self.reload()

    async def _close(self, sentence: str) -> None:
        await self.ask(store.close, self.facts.pk, sentence)
        await self.reload()

    def poke(self) -> None:
        """Try again now."""
        self._poke.set()

    # -- the rows ------------------------------------------------------------------------

    async def reload(self) -> None:
        """Read the row again, and tell the viewers; the only way by which state gets here."""
        facts = await self.ask(store.facts, self.facts.pk)
        if facts is None:
            facts = self.facts.closed("The lab is gone.")
        self.take(facts)

    def take(self, facts: Facts) -> None:
        if facts.holder != self.facts.holder:
            self.holder_seen_at = self.last_key_at = time.monotonic()
        self.facts = facts
        self.tape.switch(facts.recording, self.screen, facts.title)
        for viewer in self.viewers:
            viewer.say(self.state(viewer))
        if facts.is_closed and not self.is_over:
            self.end()

    def end(self) -> None:
        self.is_over = True
        self.note(self.facts.sentence)
        self.tape.switch(None, self.screen, "")
        if self.pty is not None:
            self.pty.hang_up()
        self.poke()

    async def drop(self) -> None:
        """Let go of everything without a word: this process ends."""
        self.is_over = True
        self.task.cancel()
        await asyncio.wait({self.task}, timeout=1)
        self.tape.put_down()
        if self.pty is not None:
            self.pty.hang_up()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.pty.reaped.wait(), HANGUP_S + 1)

    def state(self, viewer: Viewer) -> dict[str, Any]:  # Any: the JSON edge
        return {"state": {**self.facts.to_json(), "viewers": self.viewers.names, "you": viewer.user_id}}

    # -- the screen ----------------------------------------------------------------------

    def note(self, sentence: str) -> None:
        """Write a word of the dashboard's own into the terminal."""
        if sentence:
            self._show(f"\x1b[0m\r\n\x1b[2m── {sentence} ──\x1b[0m\r\n")

    def _output(self, data: bytes) -> None:
        text = self._filter.feed(data)
        if self._filter.questions:
            self._answer()
        if text:
            self._show(text)

    def _show(self, text: str) -> None:
        self.screen.write(text)
        self.viewers.wake()
        self.tape.write(text)

    def _answer(self) -> None:
        """Answer what the guest's programs ask their terminal: once, however many watch."""
        questions, self._filter.questions = self._filter.questions, []
        for question in questions:
            if question != CURSOR:
                self.type(question.encode())
            elif viewer := next(iter(self.viewers.of(self.facts.holder_id)), None):
                viewer.say({"ask": CURSOR})
            else:
                self.type(b"\x1b[1;1R")

    def _tape_ended(self, pk: int, size: int, why: str) -> None:
        task = asyncio.get_running_loop().create_task(self._store_tape(pk, size, why))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _store_tape(self, pk: int, size: int, why: str) -> None:
        await self.ask(store.recording_ended, pk, size)
        if why:
            self.note(why)
            await self.reload()

    # -- the viewers ---------------------------------------------------------------------

    def enter(self, viewer: Viewer) -> None:
        self.viewers.add(viewer)
        self._changed_viewers()

    def leave(self, viewer: Viewer) -> None:
        if viewer.user_id == self.facts.holder_id:
            self.holder_seen_at = time.monotonic()
        self.viewers.discard(viewer)
        self._changed_viewers()

    def _changed_viewers(self) -> None:
        for viewer in self.viewers:
            viewer.say(self.state(viewer))
        self.fit()

    def on_snapshot(self) -> None:
        if self.screen.needs_redraw and self.pty is not None:
            columns, rows = self.screen.size
            self.pty.resize((columns, max(rows - 1, 1)))
            asyncio.get_running_loop().call_later(0.1, self._apply_size)

    def type_for(self, viewer: Viewer, data: bytes) -> None:
        """Type what the holder typed; what anybody else typed goes nowhere, and they are told."""
        refusal = self.refusal(viewer)
        if refusal == "":
            self.last_key_at = time.monotonic()
            if not self.type(data):
                viewer.say(
                    {"refused": "The machine takes no more just now; what you typed last was dropped."}
                )
            return
        self.viewers.refuse(viewer, refusal, time.monotonic())

    def refusal(self, viewer: Viewer) -> str:
        if self.connection is None or not self.connection.is_reached or self._hung_up:
            return self.facts.sentence or "The terminal is not connected."
        return self.facts.refusal(viewer.user_id) if viewer.may_type else "You may look, not type."

    def type(self, data: bytes) -> bool:
        return self.pty is not None and self.pty.write(data)

    # -- the size ------------------------------------------------------------------------

    def fit(self) -> None:
        """Make it as large as the smallest window; soon, because windows are dragged."""
        if self._resizing is None:
            self._resizing = asyncio.get_running_loop().call_later(0.05, self._apply_size)

    def _apply_size(self) -> None:
        self._resizing = None
        size = self.viewers.smallest_size(self.screen.size)
        if size != self.screen.size:
            self.screen.resize(size)
            self.tape.resize(size)
            self.viewers.tell_size(size)
        if self.pty is not None:
            self.pty.resize(size)

    # -- the clock -----------------------------------------------------------------------

    async def tick(self, idle_s: float, now: float | None = None) -> None:
        """Free the baton of somebody who has gone, close what nobody uses. Called every few seconds.

        `now`: of time.monotonic.
        """
        self.tape.flush()
        now = time.monotonic() if now is None else now
        if self.facts.holder_id is not None and not self.viewers.of(self.facts.holder_id):
            if now - self.holder_seen_at > VANISHED_S:
                await self.ask(store.free_vanished, self.facts.pk, self.facts.holder_id)
                await self.reload()
        else:
            self.holder_seen_at = now
        if now - self.last_key_at > idle_s:
            await self._close(f"Nobody typed for {round(idle_s / 60)} min.")
