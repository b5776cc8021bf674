"""A log's viewer as the browser is one: a cursor, a socket, patience."""

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

RETRY_S = 0.2


@dataclass
class Viewer:
    """Follows one log in a thread until it is complete; reconnects with its own cursor."""

    port: int
    cookies: str
    log_id: int
    lines: list[list[Any]] = field(default_factory=list)
    complete: str = ""
    faults: list[str] = field(default_factory=list)
    connections: int = 0

    def start(self) -> "Viewer":
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()
        return self

    def follow(self) -> None:
        end = time.monotonic() + 180
        while not self.complete and time.monotonic() < end:
            try:
                self.listen()
            except (WebSocketException, OSError, TimeoutError):
                time.sleep(RETRY_S)

    def listen(self) -> None:
        url = f"ws://127.0.0.1:{self.port}/ws/logs/{self.log_id}/?after={len(self.lines) - 1}"
        origin = f"http://127.0.0.1:{self.port}"
        with connect(
            url, additional_headers={"Cookie": self.cookies}, origin=origin, compression=None
        ) as socket:
            self.connections += 1
            while not self.complete:
                self.take(json.loads(socket.recv(timeout=60)))

    def take(self, frame: dict[str, Any]) -> None:
        if frame.get("lines"):
            if frame["first"] != len(self.lines):
                self.faults.append(f"expected line {len(self.lines)}, got {frame['first']}")
            self.lines += frame["lines"]
        if frame.get("complete"):
            self.complete = frame["complete"]

    def wait(self, within_s: float = 120) -> "Viewer":
        self.thread.join(within_s)
        assert not self.thread.is_alive(), f"viewer still at line {len(self.lines)}"
        return self
