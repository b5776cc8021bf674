"""A log's chunks in order, in small batches. Compaction between two batches changes no line's number."""

from collections.abc import Iterator

from webapp.logs.chunks import Chunk, unpack
from webapp.logs.models import LogChunk

FIRST_BATCH = 4
BATCH = 32


def chunks_after(log_id: int, after: int, until: int | None = None) -> Iterator[Chunk]:
    """Yield the chunks that hold lines after+1 … (to `until`, inclusive), in order."""
    batch = FIRST_BATCH
    while True:
        chosen = LogChunk.objects.filter(log_id=log_id, last_line__gt=after)
        if until is not None:
            chosen = chosen.filter(first_line__lte=until)
        rows = list(
            chosen.order_by("last_line").values_list("first_line", "last_line", "texts", "marks")[:batch]
        )
        for first_line, last_line, texts, marks in rows:
            yield unpack(first_line, texts, marks)
            after = last_line
        if len(rows) < batch:
            return
        batch = BATCH
