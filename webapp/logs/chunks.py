"""How lines lie in a chunk: texts compressed together, marks run-length. Pure.

A chunk's lines carry (ms, step, machine, stream) as marks; lines of one read share
them, so that a few numbers stand for hundreds of lines.
"""

import threading
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import orjson
import zstandard

from webapp.logs.lines import LogLine

# (ms since 1970 UTC, step number, machine, stream, text)
StoredLine = tuple[int, int, str, str, str]
Mark = tuple[int, int, int, str, str]  # count, ms, step, machine, stream

COMPRESSION_LEVEL = 1
MAX_CHUNK_BYTES = 64 * 1024 * 1024
local = threading.local()  # zstd contexts serve one thread each


class Chunk(NamedTuple):
    """A chunk as stored."""

    first_line: int
    last_line: int
    texts: bytes
    marks: bytes


def compress(data: bytes) -> bytes:
    if not hasattr(local, "compressor"):
        local.compressor = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL)
    packed: bytes = local.compressor.compress(data)
    return packed


def decompress(data: bytes) -> bytes:
    if not hasattr(local, "decompressor"):
        local.decompressor = zstandard.ZstdDecompressor()
    plain: bytes = local.decompressor.decompress(bytes(data), max_output_size=MAX_CHUNK_BYTES)
    return plain


def encode_lines(lines: Sequence[LogLine], at_ms: int, step: int) -> tuple[bytes, bytes, int]:
    """Return texts, marks and the size of the text in bytes."""
    text = "\n".join([line.text for line in lines]).encode("utf-8", "backslashreplace")
    marks = [
        (sum(1 for _ in group), at_ms, step, machine, stream)
        for (machine, stream), group in groupby(lines, key=lambda line: (line.machine, line.stream))
    ]
    return compress(text), orjson.dumps(marks), len(text)


def decode_texts(chunk: Chunk) -> list[str]:
    return decompress(chunk.texts).decode("utf-8").split("\n")


def decode_marks(chunk: Chunk) -> list[Mark]:
    marks: list[Mark] = orjson.loads(bytes(chunk.marks))
    return marks


def decode_lines(chunk: Chunk) -> list[StoredLine]:
    """Return the chunk's lines in order."""
    texts = iter(decode_texts(chunk))
    return [
        (ms, step, machine, stream, next(texts))
        for count, ms, step, machine, stream in decode_marks(chunk)
        for _ in range(count)
    ]


def merge(chunks: Sequence[Chunk]) -> Chunk:
    """Return one chunk that holds exactly the lines of several neighbours."""
    text = b"\n".join(decompress(chunk.texts) for chunk in chunks)
    marks: list[list[object]] = []
    for chunk in chunks:
        for count, *rest in decode_marks(chunk):
            if marks and marks[-1][1:] == rest:
                marks[-1][0] = int(str(marks[-1][0])) + count
            else:
                marks.append([count, *rest])
    return Chunk(chunks[0].first_line, chunks[-1].last_line, compress(text), orjson.dumps(marks))


def frames(first: int, lines: Sequence[StoredLine], limit_bytes: int) -> Iterator[tuple[int, int, str]]:
    """Encode lines as socket frames (first, last, JSON), each at most `limit_bytes` of text or one line."""
    start, size = 0, 0
    for position, line in enumerate(lines):
        if size + len(line[4]) > limit_bytes and position > start:
            yield frame(first + start, lines[start:position])
            start, size = position, 0
        size += len(line[4])
    if lines:
        yield frame(first + start, lines[start:])


def frame(first: int, lines: Sequence[StoredLine]) -> tuple[int, int, str]:
    return first, first + len(lines) - 1, orjson.dumps({"first": first, "lines": lines}).decode()
