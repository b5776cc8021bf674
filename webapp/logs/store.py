"""The log store: append, read, finish. Contract: docs/logs.md. See also `search` and `compaction`.

Everything here is synchronous and works the same in every process, while the log grows and after. What is
appended is committed before anybody is told of it (`live.announce`).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import NamedTuple

import orjson
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from webapp import live, nudges
from webapp.logs.chunks import Chunk, Row, pack
from webapp.logs.compaction import compact, note_append
from webapp.logs.lines import LogLine
from webapp.logs.models import Log, Spool
from webapp.logs.patience import FOREVER, PATIENCE_S, with_patience
from webapp.logs.reading import chunks_after, read_size
from webapp.logs.search import BadPattern, SearchPage, search

__all__ = [
    "FOREVER",
    "BadPattern",
    "LogComplete",
    "Page",
    "Progress",
    "ProgressConflict",
    "Row",
    "SearchPage",
    "Size",
    "append",
    "compact",
    "finish",
    "iter_text",
    "note",
    "read",
    "read_tail",
    "search",
    "size",
]


class LogComplete(Exception):
    """A line was appended to a log that is complete: a bug, or a worker that was given up for lost."""


class ProgressConflict(Exception):
    """Somebody else has stored lines of this spool: this recorder was given up for lost and has to end."""


class Progress(NamedTuple):
    """How far a spool is stored: it stood at `expected`, and stands at `offset` with these lines."""

    spool_id: int
    expected: int
    offset: int
    state: dict[str, object]


class Page(NamedTuple):
    """Lines `first`…; `complete` is the status the log ended with, "" while it may grow."""

    first: int
    lines: list[Row]
    line_count: int
    complete: str


class Size(NamedTuple):
    """How many lines a log has, and the status it ended with."""

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
    """Store lines, commit, announce; return the number of the log's last line (-1: it has none).

    While the database is locked or full it tries again, for `patience_s` seconds. Raises LogComplete,
    ProgressConflict, Log.DoesNotExist, or the database's error when patience ends.
    """
    write = partial(store_lines, log_id, lines, at_ms, step, progress)
    last = with_patience(write, patience_s)
    if lines:
        announce(log_id, last, "")
        note_append(log_id)
    return last


def store_lines(
    log_id: int, lines: Sequence[LogLine], at_ms: int, step: int, progress: Progress | None, is_retry: bool
) -> int:
    """Write one chunk in one transaction. Counting up locks the log's row: numbers stay dense."""
    packed = pack(lines, at_ms, step) if lines else None
    with transaction.atomic(), connection.cursor() as cursor:
        if progress is not None and not move_spool(cursor, progress, is_retry):
            return size(log_id).line_count - 1
        if packed is None:
            return size(log_id).line_count - 1
        cursor.execute(
            "UPDATE webapp_log SET line_count = line_count + %s, byte_count = byte_count + %s, grew_at = %s"
            " WHERE id = %s AND complete = '' RETURNING line_count",
            [packed.line_count, packed.text_bytes, sql_time(at_ms), log_id],
        )
        row = cursor.fetchone()
        if row is None:
            raise LogComplete(f"Log {log_id} is complete ({size(log_id).complete}); it takes no more lines.")
        end = int(row[0])
        cursor.execute(
            "INSERT INTO webapp_logchunk (log_id, first_line, last_line, texts, marks)"
            " VALUES (%s, %s, %s, %s, %s)",
            [log_id, end - packed.line_count, end - 1, packed.texts, packed.marks],
        )
    return end - 1


def move_spool(cursor: CursorWrapper, progress: Progress, is_retry: bool) -> bool:
    """Move the spool's offset, if it is where this recorder left it.

    False: an earlier try has been committed although the database said otherwise (its connection was
    lost at the end), so the lines are stored. Raises ProgressConflict.
    """
    cursor.execute(
        'UPDATE webapp_spool SET "offset" = %s, state = %s'
        ' WHERE id = %s AND "offset" = %s AND closed_at IS NULL',
        [progress.offset, orjson.dumps(progress.state).decode(), progress.spool_id, progress.expected],
    )
    if cursor.rowcount:
        return True
    if is_retry and Spool.objects.filter(pk=progress.spool_id, offset=progress.offset).exists():
        return False
    raise ProgressConflict(
        f"Spool {progress.spool_id} is not at byte {progress.expected}: somebody else stores it."
    )


def sql_time(at_ms: int) -> str | datetime | None:
    """Return Unix milliseconds as the database writes a time."""
    at: str | datetime | None = connection.ops.adapt_datetimefield_value(
        datetime.fromtimestamp(at_ms / 1000, UTC)
    )
    return at


def note(log_id: int, text: str, *, machine: str = "", step: int = 0, patience_s: float = PATIENCE_S) -> int:
    """Append the dashboard's own word, a line for each of its lines; return the last one's number."""
    lines = [LogLine(machine, "note", line) for line in text.split("\n")]
    at_ms = int(timezone.now().timestamp() * 1000)
    return append(log_id, lines, at_ms=at_ms, step=step, patience_s=patience_s)


def announce(log_id: int, last_line: int, complete: str) -> None:
    """Tell the log's readers, once what they are told of is committed."""
    nudge: nudges.LogGrew = {"type": "log.grew", "log": log_id, "last_line": last_line, "complete": complete}
    transaction.on_commit(lambda: live.announce(nudge))


def size(log_id: int) -> Size:
    """Raises Log.DoesNotExist."""
    return Size(*read_size(log_id))


def read(log_id: int, after: int, limit: int, max_bytes: int | None = None) -> Page:
    """Return lines after+1 …, at most `limit`, at most about `max_bytes` of text but at least one line.

    Raises Log.DoesNotExist.
    """
    chunks, line_count, complete = read_chunks(log_id, after, limit, max_bytes)
    return Page(max(after, -1) + 1, [row for chunk in chunks for row in chunk.rows()], line_count, complete)


def read_chunks(
    log_id: int, after: int, limit: int, max_bytes: int | None = None
) -> tuple[list[Chunk], int, str]:
    """Return the same lines as they are stored, in pieces, how many the log has, and how it ended.

    The log's size is read first: lines that come meanwhile are in the page, and none that it counts is
    missing. Raises Log.DoesNotExist.
    """
    after = max(after, -1)
    line_count, complete = size(log_id)
    chunks: list[Chunk] = []
    if limit > 0:
        last = after + limit
        chunks = list(bounded(chunks_after(log_id, after, until=last), last, max_bytes))
    if chunks:
        line_count = max(line_count, chunks[-1].first_line + chunks[-1].line_count)
    return chunks, line_count, complete


def bounded(chunks: Iterable[Chunk], last: int, max_bytes: int | None) -> Iterator[Chunk]:
    """Yield what chunks hold up to line `last` and within `max_bytes` together; one line at least."""
    room = max_bytes
    for chunk in chunks:
        some = chunk.until(last)
        if room is None:
            yield some
            continue
        head, rest = some.within(room)
        if head is None and room == max_bytes:
            head, rest = some.first()
        if head is not None:
            yield head
            room -= len(head.raw) + 1
        if rest is not None:
            return


def read_tail(log_id: int, count: int) -> Page:
    """Return the last `count` lines."""
    return read(log_id, size(log_id).line_count - count - 1, count)


def iter_text(log_id: int, *, stamps: bool) -> Iterator[bytes]:
    """Yield the whole log as UTF-8 text, each line with its newline; chunk by chunk."""
    for chunk in chunks_after(log_id, -1):
        yield stamped(chunk) if stamps else chunk.raw + b"\n"


def stamped(chunk: Chunk) -> bytes:
    """Return a chunk's lines, each after its time (UTC) and its machine."""
    lines: list[str] = []
    texts = iter(chunk.texts)
    for count, ms, _, machine, _ in chunk.marks:
        at = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        prefix = f"{at} {machine}: " if machine else f"{at} "
        lines += [prefix + text for text in islice(texts, count)]
    return ("\n".join(lines) + "\n").encode()


def finish(log_id: int, status: str, *, patience_s: float = PATIENCE_S) -> None:
    """Declare a log complete, compact it, announce it; a complete log stays as it is."""
    if with_patience(partial(complete_log, log_id, status), patience_s):
        with_patience(lambda _: compact(log_id), patience_s)
    line_count, complete = size(log_id)
    announce(log_id, line_count - 1, complete)


def complete_log(log_id: int, status: str, is_retry: bool) -> bool:
    """Return whether there is something to compact; asked again it is so too."""
    return bool(Log.objects.filter(pk=log_id, complete="").update(complete=status)) or is_retry
