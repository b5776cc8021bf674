"""The viewers of a terminal, each served at its own pace: what was sent, and what may be sent."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from webapp.shells.protocol import OUTPUT, frame, json_frame
from webapp.shells.screen import Screen, Size

MOST_UNSEEN = 512 * 1024  # bytes that were sent and that the viewer's terminal has not drawn yet
MOST_BUFFERED = 64 * 1024  # bytes in the socket's own buffer
# A smaller window would shrink everybody's terminal until line editors hang; the page asks for no smaller.
LARGEST, SMALLEST = (500, 200), (20, 5)
REFUSE_EVERY_S = 1.0


def clamp(size: Any) -> Size | None:  # Any: what a browser said
    """Return columns and rows within bounds, None for what are no numbers."""
    if not (isinstance(size, list | tuple) and len(size) == 2):
        return None
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in size):
        return None
    columns, rows = (
        max(low, min(high, number)) for low, high, number in zip(SMALLEST, LARGEST, size, strict=True)
    )
    return columns, rows


@dataclass(eq=False)
class Viewer:
    """One open socket of one person."""

    writer: asyncio.StreamWriter
    user_id: int
    name: str
    may_type: bool
    size: Size | None = None
    cursor: int = -1  # offset of the screen that was sent; -1: nothing yet
    sent: int = 0
    seen: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)
    words: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON, waiting to be said
    shown_size: Size | None = None

    def say(self, message: dict[str, Any]) -> None:  # Any: the JSON edge
        """Have something said after what was shown so far; a newer state replaces one that waits."""
        if "state" in message:
            self.words = [word for word in self.words if "state" not in word]
        if len(self.words) < 100:
            self.words.append(message)
        self.news.set()

    def acknowledge(self, seen: int) -> None:
        self.seen = max(self.seen, min(seen, self.sent))
        self.news.set()

    async def serve(self, screen: Screen, on_snapshot: Callable[[], None]) -> None:
        """Send words and output until the other end is gone."""
        self.writer.transport.set_write_buffer_limits(MOST_BUFFERED)
        with contextlib.suppress(ConnectionError):
            while True:
                await self.news.wait()
                self.news.clear()
                if self.sent - self.seen < MOST_UNSEEN:
                    self._send_output(screen, on_snapshot)
                words, self.words = self.words, []
                for word in words:
                    self.writer.write(json_frame(word))
                await self.writer.drain()

    def _send_output(self, screen: Screen, on_snapshot: Callable[[], None]) -> None:
        if self.cursor == screen.end:
            return
        pieces = screen.since(self.cursor) if self.cursor >= 0 else None
        if pieces is None:
            pieces = screen.snapshot()
            self.writer.write(json_frame({"snapshot": True}))
            self.shown_size = None
            on_snapshot()
        for size, data in [*pieces, (screen.size, b"")]:
            if size != self.shown_size:
                self.shown_size = size
                self.writer.write(json_frame({"size": list(size)}))
            if data:
                self.writer.write(frame(OUTPUT, data))
                self.sent += len(data)
        self.cursor = screen.end


class Audience:
    """All viewers of one terminal."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()
        self._refused_at: dict[Viewer, float] = {}

    def __iter__(self) -> Iterator[Viewer]:
        return iter(self._viewers)

    def __len__(self) -> int:
        return len(self._viewers)

    @property
    def names(self) -> list[str]:
        return sorted({viewer.name for viewer in self._viewers})

    def add(self, viewer: Viewer) -> None:
        self._viewers.add(viewer)

    def discard(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)
        self._refused_at.pop(viewer, None)

    def of(self, user_id: int | None) -> list[Viewer]:
        return [viewer for viewer in self._viewers if viewer.user_id == user_id]

    def wake(self) -> None:
        for viewer in self._viewers:
            viewer.news.set()

    def refuse(self, viewer: Viewer, refusal: str, now: float) -> None:
        """Say why nothing was typed, not with every key."""
        if now - self._refused_at.get(viewer, -REFUSE_EVERY_S) >= REFUSE_EVERY_S:
            self._refused_at[viewer] = now
            viewer.say({"refused": refusal})

    def smallest_size(self, default: Size) -> Size:
        """Return what fits into every window."""
        sizes = [viewer.size for viewer in self._viewers if viewer.size is not None]
        return (min(columns for columns, _ in sizes), min(rows for _, rows in sizes)) if sizes else default

    def tell_size(self, size: Size) -> None:
        for viewer in self._viewers:
            viewer.shown_size = size
            viewer.say({"size": list(size)})
