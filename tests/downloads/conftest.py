"""A publisher on loopback that can break off, lie, and count what it is asked."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Publisher:
    """`files`: path → content. `breaks`: break the next answers of a path after so many bytes."""

    files: dict[str, bytes] = field(default_factory=dict)
    breaks: dict[str, list[int]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)  # path, Range
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    publisher: Publisher

    def do_GET(self) -> None:
        range_header = self.headers.get("Range", "")
        self.publisher.asked.append((self.path, range_header))
        content = self.publisher.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        first = int(range_header.removeprefix("bytes=").rstrip("-") or 0)
        if first and first >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        breaks = self.publisher.breaks.get(self.path)
        self.wfile.write(content[first : first + breaks.pop(0)] if breaks else content[first:])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    publisher = Publisher()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"publisher": publisher}))
    publisher.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield publisher
    server.shutdown()
    thread.join()
    server.server_close()
