"""Which lines belong to which step and machine, without a single text.

The log viewer folds and filters a log of which it holds only a window; for that
it needs the shape of the whole. Contract: docs/log-view.md. Next: the view
`log-outline`, then static/js/log-outline.js.
"""

from typing import NamedTuple

import orjson

from webapp.logs.models import Log, LogChunk

MAX_RUNS = 50_000


class OutlineRun(NamedTuple):
    """So many consecutive lines of one step and one machine."""

    lines: int
    step: int
    machine: str


class OutlinePage(NamedTuple):
    """Runs from line `first` on; they may end before the log does: ask again from there."""

    first: int
    runs: list[OutlineRun]
    line_count: int


def read_outline(log_id: int, after: int, max_runs: int = MAX_RUNS) -> OutlinePage:
    """Read the outline of lines after+1 …, ending between two chunks once `max_runs` is reached.

    Raises Log.DoesNotExist.
    """
    line_count = Log.objects.values_list("line_count", flat=True).get(pk=log_id)
    chunks = LogChunk.objects.filter(log_id=log_id, last_line__gt=after).order_by("first_line")
    runs: list[OutlineRun] = []
    for first_line, marks in chunks.values_list("first_line", "marks").iterator(chunk_size=200):
        add_marks(runs, orjson.loads(bytes(marks)), skip=max(0, after + 1 - first_line))
        if len(runs) >= max_runs:
            break
    return OutlinePage(after + 1, runs, line_count)


def add_marks(runs: list[OutlineRun], marks: list[tuple[int, int, int, str, str]], skip: int) -> None:
    """Append a chunk's marks (count, ms, step, machine, stream), joined where nothing changes."""
    for count, _, step, machine, _ in marks:
        fresh = count - skip
        skip = max(0, -fresh)
        if fresh <= 0:
            continue
        if runs and runs[-1].step == step and runs[-1].machine == machine:
            runs[-1] = OutlineRun(runs[-1].lines + fresh, step, machine)
        else:
            runs.append(OutlineRun(fresh, step, machine))
