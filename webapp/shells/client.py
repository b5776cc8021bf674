"""Reach the process that holds the PTYs, over a socket that only this user can open.

`connect` for a viewer's socket, `tell` for a word after a commit: it may be lost, because that
process also looks at the rows by the clock.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from webapp.shells.protocol import HEAD, BadFrame, json_frame, parse_json

logger = logging.getLogger(__name__)

TELL_TIMEOUT_S = 2.0
LONGEST_PATH = 100  # a unix socket's path holds 107 bytes


def socket_folder() -> Path:
    folder = Path(settings.VAR_DIR) / "shells"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def socket_address() -> Iterator[str]:
    """Return the socket's path; a long one by way of a descriptor of its folder (Linux)."""
    path = socket_folder() / "socket"
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/socket"
    finally:
        os.close(folder)


async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Raises OSError when nobody listens."""
    with socket_address() as address:
        return await asyncio.open_unix_connection(address)


def tell(message: Mapping[str, object]) -> bool:
    """Send one word; tell whether somebody listened. Never raises, never waits long."""
    try:
        with socket_address() as address, socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TELL_TIMEOUT_S)
            connection.connect(address)
            connection.sendall(json_frame(dict(message)))
    except OSError as error:
        logger.info("the terminals' process was not told of %s: %s", dict(message), error)
        return False
    return True


def ask(message: Mapping[str, object], timeout_s: float) -> dict[str, Any]:  # Any: the JSON edge
    """Send one question and wait for its answer. Raises OSError, BadFrame."""
    with socket_address() as address, socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_s)
        connection.connect(address)
        connection.sendall(json_frame(dict(message)))
        with connection.makefile("rb") as file:
            head = file.read(HEAD.size)
            if len(head) < HEAD.size:
                raise BadFrame("no answer")
            return parse_json(file.read(HEAD.unpack(head)[0]))
