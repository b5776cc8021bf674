"""N viewers, a hundred a process: raw WebSocket frames, every line accounted for, whatever the server.

    python -m bench.viewers '{"port": …, "path": …, "count": …, "lines": …, …}'

Says "ready" once all are connected, then one JSON object when every viewer has its last line (or time is
over). A line holds `#<number>@<time>`; the numbers have to follow each other, which finds what was lost,
doubled or out of order. The first viewer checks every line, the others each frame's first, last and count.
"""

import asyncio
import json
import os
import re
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import uvloop

STAMP = re.compile(rb"#(\d{9})@(\d{10}\.\d{6})")
BUFFER_BYTES = 262_144
TIMED_FRAME_BYTES = 16_384  # latencies are taken from small frames only: that is what a low rate gives


@dataclass
class Order:
    """What the viewers have to do."""

    port: int
    path: str
    count: int
    lines: int
    cookie: str = ""
    timeout_s: float = 60
    stalled: int = 0  # so many of the viewers never read
    is_idle: bool = False  # stay connected until stdin ends
    first: int = 0
    hold: bool = False


@dataclass
class Result:
    latencies: list[float] = field(default_factory=list)
    lost: int = 0
    doubled: int = 0
    first_stamp: float = 0.0
    frames: int = 0


class Viewer(asyncio.BufferedProtocol):
    """One connection; `done` when it has line number `lines` - 1."""

    def __init__(self, order: Order, result: Result, checks_all: bool) -> None:
        self.order, self.result, self.checks_all = order, result, checks_all
        self.next = order.first
        self.buffer = bytearray(BUFFER_BYTES)
        self.end = 0
        self.is_open = False
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[float] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        transport.write(  # type: ignore[attr-defined]
            f"GET {self.order.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.order.port}\r\n"
            f"Origin: http://127.0.0.1:{self.order.port}\r\nCookie: {self.order.cookie}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's signature)
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("closed before it was open"))

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 (asyncio's signature)
        """Return where the next bytes go: they are looked at in place, not copied."""
        if self.end == len(self.buffer):
            self.buffer += bytes(len(self.buffer))
        return memoryview(self.buffer)[self.end :]

    def buffer_updated(self, nbytes: int) -> None:
        self.end += nbytes
        at = 0
        if not self.is_open:
            at = self.buffer.find(b"\r\n\r\n", 0, self.end) + 4
            if at < 4:
                return
            assert b" 101 " in self.buffer[:40], self.buffer[:300]
            self.is_open = True
            self.opened.set_result(None)
        at = self.take_frames(at)
        if at:  # what is left is the beginning of one frame
            self.buffer[: self.end - at] = self.buffer[at : self.end]
            self.end -= at

    def take_frames(self, at: int) -> int:
        """Take whole frames, from `at` on; return where the first that is not whole begins."""
        end = self.end
        while end - at >= 2:
            size, head = self.buffer[at + 1] & 127, 2
            if size == 126:
                size, head = int.from_bytes(self.buffer[at + 2 : at + 4]), 4
            elif size == 127:
                size, head = int.from_bytes(self.buffer[at + 2 : at + 10]), 10
            if end - at < head + size or (head > 2 and end - at < head):
                break
            if self.buffer[at] & 15 == 1:
                self.take(at + head, at + head + size)
            at += head + size
        return at

    def take(self, begin: int, stop: int) -> None:
        payload = self.buffer
        found = payload.count(b"#", begin, stop)
        if not found:
            return
        self.result.frames += 1
        start, end = payload.find(b"#", begin, stop), payload.rfind(b"#", begin, stop)
        first, last = int(payload[start + 1 : start + 10]), int(payload[end + 1 : end + 10])
        if first == 0 and not self.result.first_stamp:
            self.result.first_stamp = float(payload[start + 11 : start + 28])
        self.result.lost += max(0, first - self.next) + max(0, last - first + 1 - found)
        self.result.doubled += max(0, self.next - first) + max(0, found - (last - first + 1))
        if self.checks_all or stop - begin < TIMED_FRAME_BYTES:
            self.look_closely(bytes(payload[begin:stop]), first)
        self.next = max(self.next, last + 1)
        if self.next >= self.order.lines and not self.done.done():
            self.done.set_result(time.time())

    def look_closely(self, payload: bytes, first: int) -> None:
        now = time.time()
        stamps = STAMP.findall(payload)
        if self.checks_all:
            self.result.lost += sum(int(number) != first + at for at, (number, _) in enumerate(stamps))
        if len(payload) < TIMED_FRAME_BYTES:
            self.result.latencies += [now - float(stamp) for _, stamp in stamps]


def percentile(values: list[float], share: float) -> float:
    """`values` ascending."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


async def connect(order: Order, result: Result) -> list[Viewer]:
    loop = asyncio.get_running_loop()
    viewers = []
    for number in range(order.count):
        _, viewer = await loop.create_connection(
            lambda first=number == 0: Viewer(order, result, first),
            "127.0.0.1",
            order.port,  # type: ignore[misc]
        )
        await viewer.opened
        viewers.append(viewer)
    for viewer in viewers[len(viewers) - order.stalled :]:
        viewer.transport.pause_reading()
    return viewers


async def watch(order: Order) -> dict[str, Any]:
    result = Result()
    began = time.time()
    viewers = await connect(order, result)
    print("ready", flush=True)
    if order.is_idle:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        return {}
    reading = viewers[: len(viewers) - order.stalled]
    finished, late = await asyncio.wait([viewer.done for viewer in reading], timeout=order.timeout_s)
    return {
        "began": began,
        "first_stamp": result.first_stamp,
        "ended": max((done.result() for done in finished), default=0.0),
        "lines": sum(viewer.next - order.first for viewer in reading),
        "missing": sum(order.lines - viewer.next for viewer in reading),
        "late_viewers": len(late),
        "lost": result.lost,
        "doubled": result.doubled,
        "frames": result.frames,
        "latencies_ms": [round(latency * 1000, 2) for latency in result.latencies],
    }


def merge(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what all processes of viewers saw together: sums, and from the first stamp to the last end."""
    counted = ("lines", "missing", "late_viewers", "lost", "doubled", "frames")
    first = min((part["first_stamp"] for part in parts if part["first_stamp"]), default=float("nan"))
    ended = max((part["ended"] for part in parts if part["ended"]), default=float("nan"))
    latencies = sorted(latency for part in parts for latency in part["latencies_ms"])
    return {
        **{key: sum(part[key] for part in parts) for key in counted},
        "elapsed_s": ended - first,
        "fetched_s": ended - min(part["began"] for part in parts),
        "p50_ms": percentile(latencies, 0.5),
        "p99_ms": percentile(latencies, 0.99),
    }


def main() -> None:
    order = Order(**json.loads(sys.argv[1]))
    print(json.dumps(uvloop.run(watch(order))), flush=True)
    if order.hold:
        sys.stdin.readline()
    os._exit(0)  # hundreds of sockets need no farewell


if __name__ == "__main__":
    main()
