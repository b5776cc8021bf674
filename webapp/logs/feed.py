"""One reader per log and process, however many viewers. Contract: docs/logs.md.

The feed alone listens for its log's nudge, reads each new chunk once, encodes each
frame once, and wakes its viewers, who send from it at their own cursors. Who is
further behind than the feed remembers pulls pages from the store.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from asgiref.sync import sync_to_async

from webapp import live
from webapp.logs import store
from webapp.logs.chunks import Chunk, decode_lines, frame, frames
from webapp.logs.models import Log

logger = logging.getLogger(__name__)

FRAME_BYTES = 64 * 1024
KEPT_BYTES = 4 * 1024 * 1024
PAGE_LINES = 2_000
KEPT_PAGES = 32
SLOW_CLOCK_S = 5.0
PULLS_AT_ONCE = 4


class Frame(NamedTuple):
    """Lines first..last, ready to send."""

    first: int
    last: int
    text: str


class FeedFailed(Exception):
    """The reader ended with a fault; viewers are closed with 1011 and come back."""


class Feed:
    """The newest frames of one log, and who waits for more."""

    def __init__(self, log_id: int) -> None:
        self.log_id = log_id
        self.tail = -1  # the last line read
        self.complete = ""
        self.frames: OrderedDict[int, Frame] = OrderedDict()  # by first line
        self.kept_bytes = 0
        self.pages: OrderedDict[int, asyncio.Future[list[Frame]]] = OrderedDict()
        self.viewers = 0
        self.grown = asyncio.Condition()
        self.nudged = asyncio.Event()
        self.has_failed = False
        self.is_ready = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    # -- the reader -------------------------------------------------------------

    async def run(self) -> None:
        """Read what is new on every nudge, or every few seconds without one."""
        try:
            await self.begin()
            async with live.listening([f"log.{self.log_id}"], lambda _: self.nudged.set()):
                while True:
                    await self.read_new()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self.nudged.wait(), SLOW_CLOCK_S)
                    self.nudged.clear()
        except Exception:
            logger.exception("log %s: the feed failed", self.log_id)
            self.has_failed = True
            self.is_ready.set()
            await self.wake()

    async def begin(self) -> None:
        """Start at the end: older lines are pulled by those who want them."""
        log = await Log.objects.only("line_count", "complete").aget(pk=self.log_id)
        self.tail, self.complete = log.line_count - 1, log.complete
        self.is_ready.set()

    async def read_new(self) -> None:
        while chunks := await read_chunks(self.log_id, self.tail):
            for chunk in chunks:
                self.take(chunk)
            await self.wake()
        # The end is asked for first, the lines once more after it: none can come between.
        complete = await read_complete(self.log_id)
        if complete and not self.complete:
            for chunk in await read_chunks(self.log_id, self.tail):
                self.take(chunk)
            self.complete = complete
            await self.wake()

    def take(self, chunk: Chunk) -> None:
        lines = decode_lines(chunk)
        new = lines[max(self.tail + 1 - chunk.first_line, 0) :]
        for first, last, text in frames(self.tail + 1, new, FRAME_BYTES):
            self.frames[first] = Frame(first, last, text)
            self.kept_bytes += len(text)
            self.tail = last
        while self.kept_bytes > KEPT_BYTES:
            _, oldest = self.frames.popitem(last=False)
            self.kept_bytes -= len(oldest.text)

    async def wake(self) -> None:
        async with self.grown:
            self.grown.notify_all()

    # -- the viewers ------------------------------------------------------------

    async def next_frame(self, cursor: int) -> Frame | None:
        """Return lines cursor+1 …, waiting for them; None when the log is complete and all is sent.

        Raises FeedFailed.
        """
        while True:
            if self.has_failed:
                raise FeedFailed
            if cursor < self.tail:
                ready = self.frames.get(cursor + 1)
                return ready or await self.straggler_frame(cursor)
            if self.complete:
                return None
            async with self.grown:
                if cursor >= self.tail and not self.complete and not self.has_failed:
                    await self.grown.wait()

    async def straggler_frame(self, cursor: int) -> Frame:
        """Serve who is not at a frame's beginning from the store; pages are shared."""
        page = (cursor + 1) // PAGE_LINES
        for ready in await self.page(page):
            if ready.first <= cursor + 1 <= ready.last:
                return ready if ready.first == cursor + 1 else await part_of(self.log_id, cursor, ready)
        return await part_of(self.log_id, cursor, Frame(cursor + 1, self.tail, ""))

    async def page(self, number: int) -> list[Frame]:
        """Return page `number` of the store, encoded; concurrent askers share one pull."""
        future = self.pages.get(number)
        if future is None:
            future = asyncio.ensure_future(self.pull(number))
            self.pages[number] = future
            while len(self.pages) > KEPT_PAGES:
                self.pages.popitem(last=False)
        try:
            found = await asyncio.shield(future)
        except Exception:
            self.pages.pop(number, None)
            raise
        if not found or found[-1].last < (number + 1) * PAGE_LINES - 1:
            self.pages.pop(number, None)  # not full yet: the next asker reads it anew
        return found

    async def pull(self, number: int) -> list[Frame]:
        first = number * PAGE_LINES
        async with pulls():
            page = await sync_to_async(store.read, thread_sensitive=False)(self.log_id, first - 1, PAGE_LINES)
        return [Frame(*made) for made in frames(page.first, page.lines, FRAME_BYTES)]


async def part_of(log_id: int, cursor: int, whole: Frame) -> Frame:
    """Return the part of a frame that lies beyond the cursor."""
    count = min(whole.last - cursor, PAGE_LINES)
    page = await sync_to_async(store.read, thread_sensitive=False)(log_id, cursor, count)
    return Frame(*next(frames(page.first, page.lines, FRAME_BYTES)))


async def read_chunks(log_id: int, after: int) -> list[Chunk]:
    return await sync_to_async(store.chunks_after, thread_sensitive=False)(log_id, after, 64)


async def read_complete(log_id: int) -> str:
    return (await Log.objects.only("complete").aget(pk=log_id)).complete


class Feeds:
    """The feeds of this process (one event loop)."""

    open: dict[int, Feed] = {}  # noqa: RUF012 (one table per process is the point)
    semaphores: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}  # noqa: RUF012


def pulls() -> asyncio.Semaphore:
    """At most a few pulls at a time, so that stragglers do not starve the live."""
    loop = asyncio.get_running_loop()
    return Feeds.semaphores.setdefault(loop, asyncio.Semaphore(PULLS_AT_ONCE))


@asynccontextmanager
async def watching(log_id: int) -> AsyncIterator[Feed]:
    """Join a log's feed; the last who leaves ends it."""
    feed = Feeds.open.get(log_id)
    if feed is None or feed.has_failed:
        feed = Feeds.open[log_id] = Feed(log_id)
        feed.task = asyncio.create_task(feed.run())
    feed.viewers += 1
    try:
        await feed.is_ready.wait()
        yield feed
    finally:
        feed.viewers -= 1
        if feed.viewers == 0:
            if Feeds.open.get(log_id) is feed:
                del Feeds.open[log_id]
            if feed.task is not None:
                feed.task.cancel()


def viewer_count() -> int:
    """Return how many sockets watch a log in this process, for the metrics."""
    return sum(feed.viewers for feed in Feeds.open.values())
