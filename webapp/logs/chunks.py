"""One chunk's content: lines ⇄ the two columns of a LogChunk. Pure.

`texts`: zstd of the lines joined by "\\n". `marks`: JSON, a run of like lines each (see Mark).
"""

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from typing import NamedTuple, cast

import orjson
import zstandard

from webapp.logs.lines import LogLine, Stream

LEVEL = 1  # of zstd: on the way in it has to be quick
COMPACT_LEVEL = 6  # a compacted chunk is written once and kept
NEWLINE_SHOWN = "␊"
SGR_BYTES = re.compile(rb"\x1b\[[0-9;:]*m")

Row = tuple[int, int, str, Stream, str]  # ms, step, machine, stream, text


# What `count` consecutive lines have in common: count, ms (Unix time), step, machine, stream. A plain
# tuple: orjson refuses named ones.
Mark = tuple[int, int, int, str, Stream]


class Packed(NamedTuple):
    """A chunk as it is stored. `text_bytes`: of the lines as UTF-8, newlines not counted."""

    texts: bytes
    marks: bytes
    line_count: int
    text_bytes: int


@dataclass(frozen=True)
class Chunk:
    """A chunk as it is read."""

    first_line: int
    raw: bytes  # the lines joined by "\n"
    marks: list[Mark]

    @property
    def texts(self) -> list[str]:
        return self.raw.decode("utf-8").split("\n")

    @property
    def line_count(self) -> int:
        return count_lines(self.marks)

    def rows(self) -> list[Row]:
        """Return the lines with their marks."""
        texts = iter(self.texts)
        rows: list[Row] = []
        for count, ms, step, machine, stream in self.marks:
            some = islice(texts, count)
            rows += zip(repeat(ms), repeat(step), repeat(machine), repeat(stream), some, strict=False)
        return rows

    def since(self, after: int) -> "Chunk":
        """Return the chunk without its lines up to number `after`; it has some beyond it."""
        skip = after + 1 - self.first_line
        if skip <= 0:
            return self
        return Chunk(after + 1, self.raw.split(b"\n", skip)[skip], cut_marks(self.marks, skip)[1])

    def until(self, last: int) -> "Chunk":
        """Return the chunk without its lines beyond number `last`; it has some up to it."""
        rest = self.line_count - (last + 1 - self.first_line)
        return self if rest <= 0 else self.cut(len(self.raw.rsplit(b"\n", rest)[0]))[0]

    def within(self, max_bytes: int) -> tuple["Chunk | None", "Chunk | None"]:
        """Return the first lines, with at most `max_bytes` together, and the others."""
        if len(self.raw) <= max_bytes:
            return self, None
        end = self.raw.rfind(b"\n", 0, max(0, max_bytes + 1))
        return (None, self) if end < 0 else self.cut(end)

    def first(self) -> tuple["Chunk", "Chunk | None"]:
        """Return the first line, and the others."""
        end = self.raw.find(b"\n")
        return (self, None) if end < 0 else self.cut(end)

    def cut(self, end: int) -> tuple["Chunk", "Chunk"]:
        """Cut at the newline that is byte `end` of `raw`."""
        count = self.raw.count(b"\n", 0, end) + 1
        head, rest = cut_marks(self.marks, count)
        return (
            Chunk(self.first_line, self.raw[:end], head),
            Chunk(self.first_line + count, self.raw[end + 1 :], rest),
        )

    def bare(self) -> bytes:
        """Return the lines without colours, for searching; as many lines."""
        return SGR_BYTES.sub(b"", self.raw) if b"\x1b" in self.raw else self.raw

    def machines(self) -> Iterator[tuple[int, str]]:
        """Yield (end, machine): lines before `end`, counted in this chunk, are of that machine."""
        end = 0
        for count, _, _, machine, _ in self.marks:
            end += count
            yield end, machine


class Codecs(threading.local):
    """zstd contexts are quick to reuse but belong to one thread."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=LEVEL)
        self.compactor = zstandard.ZstdCompressor(level=COMPACT_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


CODECS = Codecs()


def pack(lines: Sequence[LogLine], ms: int, step: int) -> Packed:
    """Make a chunk of at least one line."""
    joined = "\n".join([line.text for line in lines])
    if joined.count("\n") != len(lines) - 1:  # a newline inside a line would renumber all that follow
        joined = "\n".join([line.text.replace("\n", NEWLINE_SHOWN) for line in lines])
    raw = joined.encode("utf-8", "backslashreplace")
    return pack_raw(CODECS.compressor, raw, mark_lines(lines, ms, step))


def mark_lines(lines: Sequence[LogLine], ms: int, step: int) -> list[Mark]:
    marks: list[Mark] = []
    count, machine, stream = 0, lines[0].machine, lines[0].stream
    for line_machine, line_stream, _ in lines:
        if line_machine != machine or line_stream != stream:
            marks.append((count, ms, step, machine, stream))
            count, machine, stream = 0, line_machine, line_stream
        count += 1
    return [*marks, (count, ms, step, machine, stream)]


def pack_raw(compressor: zstandard.ZstdCompressor, raw: bytes, marks: list[Mark]) -> Packed:
    line_count = count_lines(marks)
    return Packed(compressor.compress(raw), orjson.dumps(marks), line_count, len(raw) - line_count + 1)


def count_lines(marks: list[Mark]) -> int:
    return sum(mark[0] for mark in marks)


def unpack(first_line: int, texts: bytes | memoryview, marks: bytes | memoryview) -> Chunk:
    """Read a chunk's columns, as bytes or (PostgreSQL) memoryviews."""
    raw = CODECS.decompressor.decompress(texts)
    parsed = [cast(Mark, tuple(mark)) for mark in orjson.loads(marks)]
    return Chunk(first_line, raw, parsed)


def join_chunks(chunks: Sequence[Chunk]) -> Packed:
    """Make one chunk of several that follow each other; exactly the same lines."""
    return pack_raw(CODECS.compactor, b"\n".join([chunk.raw for chunk in chunks]), join_marks(chunks))


def join_marks(chunks: Iterable[Chunk]) -> list[Mark]:
    """Return the marks of chunks that follow each other."""
    marks: list[Mark] = []
    for mark in (mark for chunk in chunks for mark in chunk.marks):
        if marks and marks[-1][1:] == mark[1:]:
            marks[-1] = (marks[-1][0] + mark[0], *mark[1:])
        else:
            marks.append(mark)
    return marks


def cut_marks(marks: Iterable[Mark], count: int) -> tuple[list[Mark], list[Mark]]:
    """Return the marks of the first `count` lines, and of the others."""
    head: list[Mark] = []
    rest: list[Mark] = []
    for lines, *like in marks:
        taken = min(lines, count)
        count -= taken
        if taken:
            head.append(cast(Mark, (taken, *like)))
        if lines > taken:
            rest.append(cast(Mark, (lines - taken, *like)))
    return head, rest
