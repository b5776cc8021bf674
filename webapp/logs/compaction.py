"""Many small chunks → few larger ones with exactly the same lines, each in one transaction.

A log that grows line by line is compacted every COMPACT_EVERY appends, and as a whole at its end.
"""

import logging
from collections import Counter
from typing import NamedTuple

from django.db import DatabaseError, transaction
from django.db.models.functions import Length

from webapp.logs.chunks import join_chunks, unpack
from webapp.logs.models import LogChunk

logger = logging.getLogger(__name__)

COMPACT_EVERY = 256  # appends
TAIL_CHUNKS = 2 * COMPACT_EVERY
SMALL_LINES = 2000
SMALL_BYTES = 64 * 1024  # compressed
FULL_LINES = 4000
FULL_BYTES = 512 * 1024  # the sum of what is joined, compressed


class Outline(NamedTuple):
    """A chunk without its content; `size`: bytes of its compressed texts."""

    id: int
    first_line: int
    last_line: int
    size: int

    @property
    def is_small(self) -> bool:
        return self.last_line - self.first_line + 1 < SMALL_LINES and self.size < SMALL_BYTES


appends: Counter[int] = Counter()  # of this process, by log, since its last compaction


def note_append(log_id: int) -> None:
    """Compact the log's tail when it has got many small chunks."""
    appends[log_id] += 1
    if appends[log_id] < COMPACT_EVERY:
        return
    del appends[log_id]
    try:
        compact(log_id, newest=TAIL_CHUNKS)
    except DatabaseError as error:
        logger.warning("log %s: not compacted now: %s", log_id, error)


def compact(log_id: int, newest: int | None = None) -> None:
    """Join small chunks; only among the `newest` ones if given. May run at the same time as itself."""
    appends.pop(log_id, None)
    chunks = LogChunk.objects.filter(log_id=log_id).order_by("-last_line").annotate(size=Length("texts"))
    rows = chunks.values_list("id", "first_line", "last_line", "size")[:newest]
    for group in groups([Outline(*row) for row in reversed(rows)]):
        join(log_id, group)


def groups(outlines: list[Outline]) -> list[list[Outline]]:
    """Pure: return the runs of neighbours that are worth joining."""
    found: list[list[Outline]] = []
    group: list[Outline] = []
    for outline in outlines:
        if group and (not outline.is_small or is_full(group)):
            found.append(group)
            group = []
        if outline.is_small:
            group.append(outline)
    return [group for group in [*found, group] if len(group) > 1]


def is_full(group: list[Outline]) -> bool:
    lines = group[-1].last_line - group[0].first_line + 1
    return lines >= FULL_LINES or sum(outline.size for outline in group) >= FULL_BYTES


def join(log_id: int, group: list[Outline]) -> None:
    """Replace a group by one chunk, unless somebody else has done so meanwhile."""
    ids = [outline.id for outline in group]
    rows = (
        LogChunk.objects.filter(pk__in=ids).order_by("last_line").values_list("first_line", "texts", "marks")
    )
    chunks = [unpack(*row) for row in rows]
    if len(chunks) != len(ids):
        return
    packed = join_chunks(chunks)
    with transaction.atomic():
        deleted, _ = LogChunk.objects.filter(pk__in=ids).delete()
        if deleted != len(ids):
            transaction.set_rollback(True)
            return
        LogChunk.objects.create(
            log_id=log_id,
            first_line=group[0].first_line,
            last_line=group[-1].last_line,
            texts=packed.texts,
            marks=packed.marks,
        )
