"""Lines as the browser gets them: JSON frames, each encoded once for all who are at the same place. Pure."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from webapp.logs.chunks import Row

FRAME_BYTES = 64 * 1024  # of text, or one line


@dataclass(frozen=True, slots=True)
class Frame:
    """Lines first..last, ready to send. `message` is the ASGI message, shared by all sockets.

    Its "text" is for any server; its "frame" is the same as a WebSocket frame, for ws.protocol.
    """

    first: int
    last: int
    size: int
    message: dict[str, str | bytes] = field(repr=False)


def encode_frame(first: int, rows: Sequence[Row]) -> Frame:
    payload = encode_lines(first, rows)
    message: dict[str, str | bytes] = {"type": "websocket.send", "text": payload.decode()}
    message["frame"] = frame_header(len(payload)) + payload
    return Frame(first, first + len(rows) - 1, 2 * len(payload), message)


def frame_header(size: int) -> bytes:
    """Return the head of a final, unmasked text frame (RFC 6455, 5.2)."""
    if size < 126:
        return struct.pack("!BB", 0x81, size)
    if size < 65_536:
        return struct.pack("!BBH", 0x81, 126, size)
    return struct.pack("!BBQ", 0x81, 127, size)


def encode_lines(first: int, rows: Sequence[Row], **more: object) -> bytes:
    """Return the frame's JSON: {"first": n, "lines": [[ms, step, machine, stream, text], …]}."""
    return orjson.dumps({"first": first, "lines": rows, **more})


def encode_frames(first: int, rows: Sequence[Row]) -> list[Frame]:
    """Cut lines into frames of at most 64 KiB of text, or one line."""
    frames: list[Frame] = []
    start = size = 0
    for at, row in enumerate(rows):
        size += len(row[4])
        if size > FRAME_BYTES and at > start:
            frames.append(encode_frame(first + start, rows[start:at]))
            start, size = at, len(row[4])
    if start < len(rows):
        frames.append(encode_frame(first + start, rows[start:]))
    return frames
