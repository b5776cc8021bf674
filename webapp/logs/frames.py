"""Lines as the browser gets them: JSON frames, each encoded once for all who are at the same place. Pure.

Two forms of the same lines (docs/logs.md): "lines", a list for each line, for whoever reads the socket by a
few lines of code; "joined", a third shorter and quicker to parse, for the log page.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import orjson

from webapp.logs.chunks import Chunk, Mark, join_marks

FRAME_BYTES = 128 * 1024  # of text, or one line

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


def cut_frames(chunks: Iterable[Chunk]) -> list[Frame]:
    """Cut chunks that follow each other into frames of at most 128 KiB of text, or one line."""
    frames: list[Frame] = []
    parts: list[Chunk] = []  # of the frame that is being filled
    room = FRAME_BYTES
    for chunk in chunks:
        rest: Chunk | None = chunk
        while rest is not None:
            part, rest = rest.within(room) if parts else first_part(rest)
            if part is not None:
                parts.append(part)
                room -= len(part.raw) + 1
            if rest is not None:
                frames.append(make_frame(parts))
                parts, room = [], FRAME_BYTES
    return [*frames, make_frame(parts)] if parts else frames


def first_part(chunk: Chunk) -> tuple[Chunk, Chunk | None]:
    """Return what begins a frame: one line at least, however long."""
    part, rest = chunk.within(FRAME_BYTES)
    return chunk.first() if part is None else (part, rest)


def make_frame(parts: Sequence[Chunk]) -> Frame:
    text = b"\n".join([part.raw for part in parts]).decode()
    return Frame(parts[0].first_line, join_marks(parts), text)
