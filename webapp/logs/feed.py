"""One reader per log and process, however many watch. Contract: docs/logs.md.

    nudge | every 5 s ─► Feed reads what is new, once ─► frames, encoded once ─► window ─► Viewers
                                   store ─► pulls, shared ─► Viewers that are further behind

A Viewer asks for its next frame when its socket can take one: a slow one holds up nobody.
"""

import asyncio
import logging
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar, cast

from django.db import close_old_connections

from webapp import live, nudges
from webapp.logs import store
from webapp.logs.frames import Form, Frame, cut_frames

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
WINDOW_BYTES = 12 * 1024 * 1024  # 4 MiB of text: what 200 viewers are behind by before their sockets drain
PULL_LINES = 4096  # pulls end at multiples of it, so that stragglers come to share them
PULL_BYTES = 1024 * 1024
PULLS_AT_A_TIME = 4
PULLS_KEPT = 2
READ_LINES = 20_000

Result = TypeVar("Result")
Push = Callable[[bytes], bool]
reading_threads = ThreadPoolExecutor(2, "log-read")
pulling_threads = ThreadPoolExecutor(PULLS_AT_A_TIME, "log-pull")


class FeedFailed(Exception):
    """The feed's reader died: its viewers' sockets are closed, so that the pages connect anew."""


@dataclass(frozen=True)
class Batch:
    """What one look at the store brought."""

    frames: list[Frame]
    line_count: int
    complete: str

    @property
    def next_line(self) -> int | None:
        return self.frames[-1].last + 1 if self.frames else None


def read_batch(log_id: int, after: int, limit: int) -> Batch:
    """Read in a thread; at most `limit` lines and about 1 MiB."""
    close_old_connections()
    chunks, line_count, complete = store.read_chunks(log_id, after, limit, max_bytes=PULL_BYTES)
    return Batch(cut_frames(chunks), line_count, complete)


class Window:
    """The newest frames without a gap, at most 12 MiB; a viewer finds its next one by a number."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._first_number = 0

    def add(self, frames: list[Frame]) -> None:
        self._frames.extend(frames)
        self._bytes += sum(frame.size for frame in frames)
        while self._bytes > WINDOW_BYTES and len(self._frames) > 1:
            self._bytes -= self._frames.popleft().size
            self._first_number += 1

    def find(self, line: int, number: int) -> tuple[Frame, int] | None:
        """Return the frame that begins at `line` and its number; `number` is where it should be."""
        at = number - self._first_number
        if not (0 <= at < len(self._frames) and self._frames[at].first == line):
            at = bisect_left(self._frames, line, key=lambda frame: frame.first)
        if at < len(self._frames) and self._frames[at].first == line:
            return self._frames[at], at + self._first_number
        return None

    def border_after(self, line: int) -> int | None:
        """Return the first line of the first frame that begins after `line`."""
        at = bisect_left(self._frames, line + 1, key=lambda frame: frame.first)
        return next((frame.first for frame in islice(self._frames, at, at + 1)), None)


class Feed:
    """A log's only reader in this process; lives as long as somebody watches."""

    def __init__(self, log_id: int) -> None:
        self.log_id = log_id
        self.viewer_count = 0
        self.window = Window()
        self.end = 0  # the next line to be read
        self.complete = ""
        self.error: Exception | None = None
        self._ready = asyncio.Event()
        self._waiting: dict[Viewer, asyncio.Future[None]] = {}
        self._news = asyncio.Event()
        self._pulls: dict[tuple[int, int], asyncio.Future[Batch]] = {}
        self._task = asyncio.get_running_loop().create_task(self._run())

    # -- the reader ----------------------------------------------------------------

    async def _run(self) -> None:
        group = nudges.log_group(self.log_id)
        try:
            await live.join(group, self._hear)
            size = await in_thread(reading_threads, lambda: store_size(self.log_id))
            self.end, self.complete = size
            self._ready.set()
            while not self.complete:
                await self._wait_for_news()
                await self._read_new()
        except Exception as error:
            logger.exception("log %s: its feed has failed", self.log_id)
            self.error = error
        finally:
            self._ready.set()
            self._wake_all()
            await live.leave(group, self._hear)

    def _hear(self, nudge: nudges.Nudge | nudges.Resync) -> None:
        if nudge["type"] != "log.grew" or nudge["complete"] or nudge["last_line"] >= self.end:
            self._news.set()

    async def _wait_for_news(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()

    async def _read_new(self) -> None:
        """Read until nothing is new; a complete log is complete only with its last line."""
        while True:
            batch = await in_thread(
                reading_threads, lambda: read_batch(self.log_id, self.end - 1, READ_LINES)
            )
            self.window.add(batch.frames)
            self.end = batch.next_line or self.end
            if self.end >= batch.line_count:
                self.complete = batch.complete
            self._hand_out(batch.frames)
            if self.end >= batch.line_count or not batch.frames:
                return

    def _hand_out(self, frames: list[Frame]) -> None:
        """Write new frames to those who wait for them; wake those whose socket takes none, at the end all."""
        for viewer, waiter in self._waiting.items():
            if not viewer.take(frames) and not waiter.done():
                waiter.set_result(None)
        if self.complete:
            self._wake_all()

    def _wake_all(self) -> None:
        for waiter in self._waiting.values():
            if not waiter.done():
                waiter.set_result(None)

    async def ready(self) -> None:
        """Wait until the log's size is known. Raises FeedFailed."""
        await self._ready.wait()
        if self.error is not None:
            raise FeedFailed(str(self.error))

    async def news_for(self, viewer: "Viewer") -> None:
        """Wait until there are lines that the viewer has to send itself, the end, or a failure."""
        waiter = self._waiting[viewer] = asyncio.get_running_loop().create_future()
        try:
            await waiter
        finally:
            del self._waiting[viewer]

    def stop(self) -> None:
        self._task.cancel()

    # -- pulls ---------------------------------------------------------------------

    async def pull(self, line: int) -> list[Frame]:
        """Return frames from `line` on, out of the store; who asks for the same shares them."""
        until = min(
            self.end, self.window.border_after(line) or self.end, (line // PULL_LINES + 1) * PULL_LINES
        )
        key = (line, until)
        if key not in self._pulls:
            self._forget_pulls()
            pull = asyncio.get_running_loop().run_in_executor(
                pulling_threads, read_batch, self.log_id, line - 1, until - line
            )
            pull.add_done_callback(lambda done: done.exception() and self._pulls.pop(key, None))
            self._pulls[key] = pull
        batch = await asyncio.shield(self._pulls[key])
        if not batch.frames:
            raise FeedFailed(f"log {self.log_id}: line {line} is not in the store")
        return batch.frames

    def _forget_pulls(self) -> None:
        done = [key for key, pull in self._pulls.items() if pull.done()]
        for key in done[: max(0, len(done) - PULLS_KEPT + 1)]:
            del self._pulls[key]


async def in_thread(threads: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(threads, work)


def store_size(log_id: int) -> tuple[int, str]:
    close_old_connections()
    return store.size(log_id)


class Viewer:
    """One socket's place in a log. `cursor` is the last line it was given.

    `push`, if its server has one, writes a ready frame at once, or refuses because the socket takes none now.
    """

    def __init__(self, feed: Feed, after: int, form: Form = "lines", push: Push | None = None) -> None:
        self.feed = feed
        self.cursor = after
        self.form: Form = form
        self.push = push
        self._number = -1
        self._pulled: deque[Frame] = deque()

    async def next(self) -> Frame | None:
        """Return the frame after the cursor, when there is one; None: the log is complete, all was given.

        Raises FeedFailed.
        """
        while True:
            if self._pulled:
                return self._give(self._pulled.popleft(), -1)
            line = self.cursor + 1
            if (found := self.feed.window.find(line, self._number)) is not None:
                return self._give(found[0], found[1] + 1)
            if self.feed.error is not None:
                raise FeedFailed(str(self.feed.error))
            if line < self.feed.end:
                self._pulled.extend(await self.feed.pull(line))
            elif self.feed.complete:
                return None
            else:
                await self.feed.news_for(self)

    def take(self, frames: list[Frame]) -> bool:
        """Write the frames that follow the cursor; False: the socket does not take them all now."""
        for frame in frames:
            if self.push is None or frame.first != self.cursor + 1:
                return False
            if not self.push(cast(bytes, frame.message(self.form)["frame"])):
                return False
            self._give(frame, -1)
        return True

    def _give(self, frame: Frame, next_number: int) -> Frame:
        self.cursor, self._number = frame.last, next_number
        return frame


_feeds: dict[tuple[asyncio.AbstractEventLoop, int], Feed] = {}


def enter(log_id: int) -> Feed:
    """Return the log's feed in this process, started if need be; `exit_feed` it again."""
    key = (asyncio.get_running_loop(), log_id)
    feed = _feeds.get(key)
    if feed is None or feed.error is not None:
        feed = _feeds[key] = Feed(log_id)
    feed.viewer_count += 1
    return feed


def exit_feed(feed: Feed) -> None:
    """Leave; a feed that nobody watches ends."""
    feed.viewer_count -= 1
    if feed.viewer_count == 0:
        feed.stop()
        key = (asyncio.get_running_loop(), feed.log_id)
        if _feeds.get(key) is feed:
            del _feeds[key]


def viewer_count() -> int:
    """Return how many sockets watch a log in this process; for /metrics."""
    return sum(feed.viewer_count for feed in _feeds.values())
