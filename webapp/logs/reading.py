"""A log's size and its chunks in order, in small batches.

Compaction between two batches changes no line's number, but it may put lines that were given already
into the chunk that comes next: each chunk is cut to what follows. In SQL, because each nudge leads
here: building the two queries by the ORM takes five times as long as they do.
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
    """A chunk's columns, as the database gives them. `after`: the line that was given last."""

    first_line: int
    last_line: int
    texts: bytes | memoryview
    marks: bytes | memoryview
    after: int

    def unpack(self) -> Chunk:
        """Return the chunk's lines that were not given yet."""
        return unpack(self.first_line, self.texts, self.marks).since(self.after)


def chunks_after(log_id: int, after: int, until: int = NO_END) -> Iterator[Chunk]:
    """Yield lines after+1 … (to `until`, inclusive, and the rest of its chunk), in order, chunk by chunk."""
    for stored in stored_after(log_id, after, until):
        yield stored.unpack()


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
        for first_line, last_line, texts, marks in rows:
            yield StoredChunk(first_line, last_line, texts, marks, after)
            after = last_line
        if len(rows) < batch:
            return
        batch = BATCH
