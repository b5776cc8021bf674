"""Lines as the browser gets them: JSON frames, each encoded once for all who are at the same place. Pure.

Two forms of the same lines (docs/logs.md): "lines", a list for each line, for whoever reads the socket by a
few lines of code; "joined", a third shorter and quicker to parse, for the log page.
"""

import struct
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Literal

import orjson

from webapp.logs.chunks import Mark, Row

FRAME_BYTES = 64 * 1024  # of text, or one line

Form = Literal["lines", "joined"]
Message = dict[str, str | bytes]


class Frame:
    """Lines first..last of a log, ready to send; a form is encoded when the first socket asks for it."""

    __slots__ = ("_messages", "first", "last", "marks", "size", "text")

    def __init__(self, first: int, marks: list[Mark], text: str) -> None:
        self.first, self.marks, self.text = first, marks, text
        self.last = first + sum(mark[0] for mark in marks) - 1
        self._messages: dict[Form, Message] = {}
        self.size = 3 * len(text)  # in memory, roughly: the text and one form's two shapes

    def message(self, form: Form) -> Message:
        """Return the ASGI message, shared by all sockets.

        Its "text" is for any server; its "frame" is the same as a WebSocket frame, for ws.protocol.
        """
        if form not in self._messages:
            payload = ENCODERS[form](self)
            frame = frame_header(len(payload)) + payload
            self._messages[form] = {"type": "websocket.send", "text": payload.decode(), "frame": frame}
        return self._messages[form]


def encode_joined(frame: Frame) -> bytes:
    """Return {"first": n, "marks": [[count, ms, step, machine, stream], …], "text": "…\\n…"}."""
    return orjson.dumps({"first": frame.first, "marks": frame.marks, "text": frame.text})


def encode_lines(frame: Frame) -> bytes:
    """Return {"first": n, "lines": [[ms, step, machine, stream, text], …]}."""
    texts = iter(frame.text.split("\n"))
    lines = [(*mark[1:], next(texts)) for mark in frame.marks for _ in range(mark[0])]
    return orjson.dumps({"first": frame.first, "lines": lines})


ENCODERS: dict[Form, Callable[[Frame], bytes]] = {"lines": encode_lines, "joined": encode_joined}


def frame_header(size: int) -> bytes:
    """Return the head of a final, unmasked text frame (RFC 6455, 5.2)."""
    if size < 126:
        return struct.pack("!BB", 0x81, size)
    if size < 65_536:
        return struct.pack("!BBH", 0x81, 126, size)
    return struct.pack("!BBQ", 0x81, 127, size)


def cut_frames(first: int, rows: Sequence[Row]) -> list[Frame]:
    """Cut lines into frames of at most 64 KiB of text, or one line."""
    frames: list[Frame] = []
    start = size = 0
    for at, row in enumerate(rows):
        size += len(row[4])
        if size > FRAME_BYTES and at > start:
            frames.append(make_frame(first + start, rows[start:at]))
            start, size = at, len(row[4])
    if start < len(rows):
        frames.append(make_frame(first + start, rows[start:]))
    return frames


def make_frame(first: int, rows: Sequence[Row]) -> Frame:
    marks: list[Mark] = []
    for like, group in groupby(rows, itemgetter(0, 1, 2, 3)):
        marks.append((sum(1 for _ in group), *like))
    return Frame(first, marks, "\n".join([row[4] for row in rows]))
