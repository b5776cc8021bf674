"""Frames between web processes and the PTYs' process: 4 bytes length, 1 byte kind, payload. Pure.

Kinds: J a JSON object · I what a viewer types (UTF-8) · O what the screen shows (filtered bytes).
"""

import json
import struct
from asyncio import IncompleteReadError, StreamReader
from typing import Any

HEAD = struct.Struct("!IB")
JSON, INPUT, OUTPUT = b"J"[0], b"I"[0], b"O"[0]
LONGEST = 1024 * 1024  # bytes of a payload; a longer one is a bug or an attack
KINDS = frozenset({JSON, INPUT, OUTPUT})


class BadFrame(Exception):
    """What came is no frame; the connection has to be closed."""


def frame(kind: int, payload: bytes) -> bytes:
    return HEAD.pack(len(payload), kind) + payload


def json_frame(message: dict[str, Any]) -> bytes:  # Any: the JSON edge
    return frame(JSON, json.dumps(message, separators=(",", ":")).encode())


async def read_frame(reader: StreamReader) -> tuple[int, bytes] | None:
    """Return kind and payload; None at the end. Raises BadFrame."""
    try:
        length, kind = HEAD.unpack(await reader.readexactly(HEAD.size))
        if length > LONGEST or kind not in KINDS:
            raise BadFrame(f"kind {kind}, {length} bytes")
        return kind, await reader.readexactly(length)
    except (IncompleteReadError, ConnectionError):
        return None


def parse_json(payload: bytes) -> dict[str, Any]:  # Any: the JSON edge
    """Raises BadFrame for anything but an object."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise BadFrame("not JSON") from error
    if not isinstance(value, dict):
        raise BadFrame("not an object")
    return value
