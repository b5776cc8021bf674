"""Hands cached files to a lab's guests over HTTP, on the lab's private network only, while a lab needs it.

Only what was put in is served: GET and HEAD, with ranges, so that a guest's curl can go on.
"""

import os
import re
import socket
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import unquote, urlsplit

# Linux: an address may be bound before the hypervisor has made the network that has it.
IP_FREEBIND = 15
RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")
GUEST_TIMEOUT_S = 60
BLOCK = 256 * 1024


class Handler(BaseHTTPRequestHandler):
    """One guest's request."""

    protocol_version = "HTTP/1.1"
    server_version = "labkit"
    sys_version = ""
    timeout = GUEST_TIMEOUT_S
    server: "FileServer"

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def answer(self, *, with_body: bool) -> None:
        path = self.server.files.get(unquote(urlsplit(self.path).path).lstrip("/"))
        try:
            file = path.open("rb") if path is not None else None
        except FileNotFoundError:
            file = None
        if path is None or file is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with file:
            self.send_file(file, os.fstat(file.fileno()).st_size, with_body=with_body)

    def send_file(self, file: BinaryIO, size: int, *, with_body: bool) -> None:
        first, last = asked_range(self.headers.get("Range", ""), size)
        if first > last and size:
            self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            self.send_header("Content-Range", f"bytes */{size}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        is_part = last - first + 1 < size
        self.send_response(HTTPStatus.PARTIAL_CONTENT if is_part else HTTPStatus.OK)
        if is_part:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        if with_body:
            self.send_bytes(file, first, last - first + 1)

    def send_bytes(self, file: BinaryIO, first: int, left: int) -> None:
        """Send a part block by block: a guest may ask for all of a gigabyte but its last byte."""
        file.seek(first)
        while left > 0 and (block := file.read(min(BLOCK, left))):
            self.wfile.write(block)
            left -= len(block)

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet: the guest's own log says what it fetched."""


def asked_range(header: str, size: int) -> tuple[int, int]:
    """Return first and last byte; the whole file when no single range is asked for."""
    found = RANGE.fullmatch(header.strip())
    if not found:
        return 0, size - 1
    return int(found[1]), min(int(found[2] or size - 1), size - 1)


class FileServer(ThreadingHTTPServer):
    """Serves `files` (address path → file) on one address. Raises OSError when it cannot be bound."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: str, files: Mapping[str, Path], port: int = 0) -> None:
        self.files = dict(files)
        super().__init__((address, port), Handler, bind_and_activate=False)
        try:
            if hasattr(socket, "SO_DOMAIN"):  # Linux
                self.socket.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
            self.server_bind()
            self.server_activate()
        except OSError:
            self.server_close()
            raise
        self.thread = threading.Thread(target=self.serve_forever, name="kit-cache", daemon=True)

    def server_bind(self) -> None:
        """Bind without asking the name service for the address's name, as http.server would."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    @property
    def url(self) -> str:
        return f"http://{self.server_name}:{self.server_port}"

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self.server_close()
