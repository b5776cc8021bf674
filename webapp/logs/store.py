"""Append to and read from a log's chunks. Store first, announce after. Contract: docs/logs.md."""

import logging
import math
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from webapp import live
from webapp.logs.chunks import Chunk, StoredLine, decode_lines, encode_lines, merge
from webapp.logs.lines import LogLine
from webapp.logs.models import Log, LogChunk, Spool

logger = logging.getLogger(__name__)

CHUNKS_AT_ONCE = 256
COMPACT_BYTES = 256 * 1024
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0
PATIENCE_S = 30.0


class LogComplete(Exception):
    """The log has ended; nothing can be added."""


class ProgressConflict(Exception):
    """Another recorder has stored this spool further; this one must stop."""


class Progress(NamedTuple):
    """How far a spool is stored: it stood at `expected`, and stands at `offset` with these lines."""

    spool_id: int
    expected: int
    offset: int
    state: dict[str, object]


class Page(NamedTuple):
    """Lines from number `first` on; `complete` is "" while the log may grow."""

    first: int
    lines: list[StoredLine]
    line_count: int
    complete: str


def append(
    log_id: int,
    lines: Sequence[LogLine],
    *,
    at_ms: int,
    step: int = 0,
    progress: Progress | None = None,
    patience_s: float = PATIENCE_S,
) -> int:
    """Store lines, commit, announce; return the number of the log's last line (-1: empty).

    While the database is locked or full it tries again, for `patience_s` seconds.
    Raises LogComplete, ProgressConflict, or the database's error when patience ends.
    """
    packed = encode_lines(lines, at_ms, step) if lines else None
    deadline = time.monotonic() + (0 if connection.in_atomic_block else patience_s)
    pause = FIRST_PAUSE_S
    while True:
        try:
            last = store_chunk(log_id, len(lines), packed, progress)
            break
        except OperationalError as error:
            if time.monotonic() >= deadline:
                raise
            logger.warning("log %s: not stored yet, trying again: %s", log_id, error)
            connection.close_if_unusable_or_obsolete()
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)
    if lines:
        announce(log_id, last)
    return last


def store_chunk(
    log_id: int, count: int, packed: tuple[bytes, bytes, int] | None, progress: Progress | None
) -> int:
    with transaction.atomic():
        log = Log.objects.select_for_update().only("line_count", "complete").get(pk=log_id)
        if progress is not None:
            move_spool(progress)
        if packed is None:
            return log.line_count - 1
        if log.complete:
            raise LogComplete(f"log {log_id} is complete")
        texts, marks, size = packed
        last = log.line_count + count - 1
        LogChunk.objects.create(
            log_id=log_id, first_line=log.line_count, last_line=last, texts=texts, marks=marks
        )
        Log.objects.filter(pk=log_id).update(
            line_count=last + 1, byte_count=F("byte_count") + size, grew_at=timezone.now()
        )
    return last


def move_spool(progress: Progress) -> None:
    """Compare-and-swap: of two recorders of one spool, one stores each byte."""
    moved = Spool.objects.filter(pk=progress.spool_id, offset=progress.expected, closed_at=None).update(
        offset=progress.offset, state=progress.state
    )
    if not moved:
        raise ProgressConflict(f"spool {progress.spool_id} no longer stands at {progress.expected}")


def announce(log_id: int, last: int, complete: str = "") -> None:
    transaction.on_commit(
        lambda: live.announce({"type": "log.grew", "log": log_id, "last_line": last, "complete": complete})
    )


def note(log_id: int, text: str, *, machine: str = "", step: int = 0) -> int:
    """Add one line of the dashboard's own; return its number."""
    line = LogLine(machine, "note", text.replace("\n", " "))
    return append(log_id, [line], at_ms=int(time.time() * 1000), step=step)


def chunks_after(log_id: int, after: int, limit: int = CHUNKS_AT_ONCE) -> list[Chunk]:
    """Return the chunks that hold lines beyond `after`, in order."""
    rows = (
        LogChunk.objects.filter(log_id=log_id, last_line__gt=after)
        .order_by("last_line")
        .values_list("first_line", "last_line", "texts", "marks")[:limit]
    )
    return [Chunk(first, last, bytes(texts), bytes(marks)) for first, last, texts, marks in rows]


def read(log_id: int, after: int, limit: int) -> Page:
    """Read lines after+1 … (after -1: from the start), at most `limit`.

    Raises Log.DoesNotExist.
    """
    log = Log.objects.only("line_count", "complete").get(pk=log_id)
    after = max(after, -1)
    lines: list[StoredLine] = []
    while len(lines) < limit:
        found = chunks_after(log_id, after + len(lines), chunks_for(limit - len(lines)))
        if not found:
            break
        for chunk in found:
            skip = after + 1 + len(lines) - chunk.first_line
            decoded = decode_lines(chunk)
            lines += decoded[skip:] if skip > 0 else decoded
            if len(lines) >= limit:
                break
    return Page(after + 1, lines[:limit], max(log.line_count, after + 1 + len(lines)), log.complete)


def chunks_for(wanted_lines: int) -> int:
    """A chunk holds one line or more; a page needs few, and a large one takes several rounds."""
    return max(min(wanted_lines, CHUNKS_AT_ONCE), 1)


def read_tail(log_id: int, count: int) -> Page:
    """Read the last `count` lines."""
    line_count = Log.objects.only("line_count").get(pk=log_id).line_count
    return read(log_id, line_count - count - 1, count)


def iter_chunks(log_id: int, after: int = -1) -> Iterator[Chunk]:
    """Yield all chunks beyond `after`, a few at a time."""
    while found := chunks_after(log_id, after, 64):
        yield from found
        after = found[-1].last_line


def iter_text(log_id: int, *, stamps: bool) -> Iterator[bytes]:
    """Yield the log as text, for a download; memory does not grow with its length."""
    for chunk in iter_chunks(log_id):
        lines = decode_lines(chunk)
        if stamps:
            yield "".join(f"{stamp(ms)} {machine or '-':15} {text}\n" for ms, _, machine, _, text in lines).encode()
        else:
            yield "".join(f"{line[4]}\n" for line in lines).encode()


def stamp(ms: int) -> str:
    """Write a line's time as ISO 8601, UTC, with milliseconds."""
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000))
    return f"{seconds}.{ms % 1000:03d}Z"


def finish(log_id: int, status: str) -> None:
    """Declare the log complete with its execution's end, announce it, and compact it."""
    if not Log.objects.filter(pk=log_id, complete="").update(complete=status):
        return
    announce(log_id, Log.objects.only("line_count").get(pk=log_id).line_count - 1, status)
    if not connection.in_atomic_block:
        compact(log_id)


def compact(log_id: int) -> int:
    """Replace runs of small chunks by one each, holding the same lines; return how many are left."""
    group: list[Chunk] = []
    size = left = 0
    for chunk in iter_chunks(log_id):
        if group and size + len(chunk.texts) * 4 > COMPACT_BYTES:
            left += replace(log_id, group)
            group, size = [], 0
        group.append(chunk)
        size += len(chunk.texts) * 4  # text compresses to about a quarter
    return left + (replace(log_id, group) if group else 0)


def replace(log_id: int, group: list[Chunk]) -> int:
    if len(group) < 2:
        return 1
    merged = merge(group)
    try:
        with transaction.atomic():
            LogChunk.objects.filter(
                log_id=log_id, first_line__gte=merged.first_line, last_line__lte=merged.last_line
            ).delete()
            LogChunk.objects.create(log_id=log_id, **merged._asdict())
    except IntegrityError:
        logger.info("log %s: compacted by somebody else", log_id)
    except DatabaseError as error:  # a full disk: the small chunks stay, and hold the same lines
        logger.warning("log %s: not compacted: %s", log_id, error)
        return len(group)
    return 1


FOREVER = math.inf
