"""A log's size and its chunks in order, in small batches.

Compaction between two batches changes no line's number. In SQL, because each nudge leads here: building
the two queries by the ORM takes five times as long as they do.
"""

from collections.abc import Iterator
from typing import NamedTuple

from django.db import connection

from webapp.logs.chunks import Chunk, unpack
from webapp.logs.models import Log

FIRST_BATCH = 4
BATCH = 32
# Lines are numbered by bigint: this is after all of them.
NO_END = 2**63 - 1


def read_size(log_id: int) -> tuple[int, str]:
    """Return the number of lines and the status the log ended with. Raises Log.DoesNotExist."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT line_count, complete FROM webapp_log WHERE id = %s", [log_id])
        row = cursor.fetchone()
    if row is None:
        raise Log.DoesNotExist(f"There is no log {log_id}.")
    return int(row[0]), str(row[1])


class StoredChunk(NamedTuple):
    """A chunk's columns, as the database gives them."""

    first_line: int
    last_line: int
    texts: bytes | memoryview
    marks: bytes | memoryview


def chunks_after(log_id: int, after: int, until: int = NO_END) -> Iterator[Chunk]:
    """Yield the chunks that hold lines after+1 … (to `until`, inclusive), in order."""
    for stored in stored_after(log_id, after, until):
        yield unpack(stored.first_line, stored.texts, stored.marks)


def stored_after(log_id: int, after: int, until: int = NO_END) -> Iterator[StoredChunk]:
    """Yield the same as they are stored, for whoever unpacks them in another thread."""
    after, until = min(after, NO_END), min(until, NO_END)
    batch = FIRST_BATCH
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT first_line, last_line, texts, marks FROM webapp_logchunk"
                " WHERE log_id = %s AND last_line > %s AND first_line <= %s ORDER BY last_line LIMIT %s",
                [log_id, after, until, batch],
            )
            rows = cursor.fetchall()
        for row in rows:
            stored = StoredChunk(*row)
            yield stored
            after = stored.last_line
        if len(rows) < batch:
            return
        batch = BATCH
