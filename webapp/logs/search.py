"""Search a whole log on the server, also while it grows. Contract: docs/logs.md.

RE2 takes time linear in the text whatever the pattern, so that nobody can hang
the server with a regular expression.
"""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import re2

from webapp.logs.chunks import Chunk, decode_marks, decompress
from webapp.logs.models import Log
from webapp.logs.store import iter_chunks

MAX_QUERY = 500
MAX_RE2_BYTES = 8 * 1024 * 1024


class BadPattern(Exception):
    """The regular expression is not one; the text says why."""


class SearchPage(NamedTuple):
    """Numbers of matching lines, ascending; all lines up to `searched_to` have been looked at."""

    hits: list[int]
    searched_to: int
    line_count: int
    timed_out: bool


def compile_query(query: str, *, regex: bool, ignore_case: bool) -> Any:  # Any: re2 ships no types
    """Return a compiled pattern over bytes. Raises BadPattern."""
    if not query or len(query) > MAX_QUERY:
        raise BadPattern(f"Search for something of 1 to {MAX_QUERY} characters.")
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.max_mem = MAX_RE2_BYTES
    options.log_errors = False
    options.never_nl = True
    source = query if regex else re2.escape(query)
    try:
        # The group of flags makes ^ and $ mean a line's ends.
        return re2.compile(f"(?m:{source})", options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        reason = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise BadPattern(f"Not a regular expression (RE2): {reason}") from error


def search(
    log_id: int,
    query: str,
    *,
    regex: bool,
    ignore_case: bool,
    machine: str = "",
    after: int = -1,
    limit: int = 500,
    time_limit_s: float = 2.0,
) -> SearchPage:
    """Return the next `limit` matching lines after line `after`."""
    pattern = compile_query(query, regex=regex, ignore_case=ignore_case)
    line_count = Log.objects.only("line_count").get(pk=log_id).line_count
    deadline = time.monotonic() + time_limit_s
    hits: list[int] = []
    searched_to = after
    for chunk in iter_chunks(log_id, after):
        hits += (n for n in chunk_hits(chunk, pattern, machine) if n > after)
        searched_to = chunk.last_line
        if len(hits) >= limit:
            hits = hits[:limit]
            return SearchPage(hits, hits[-1], line_count, timed_out=False)
        if time.monotonic() > deadline:
            return SearchPage(hits, searched_to, line_count, timed_out=True)
    return SearchPage(hits, max(searched_to, line_count - 1), line_count, timed_out=False)


def chunk_hits(chunk: Chunk, pattern: Any, machine: str) -> Iterator[int]:  # Any: re2 ships no types
    """Yield the numbers of a chunk's matching lines; a chunk without a match costs one search."""
    text = decompress(chunk.texts)
    if pattern.search(text) is None:
        return
    wanted = machine_lines(chunk, machine)
    for position, line in enumerate(text.split(b"\n")):
        if (wanted is None or position in wanted) and pattern.search(line) is not None:
            yield chunk.first_line + position


def machine_lines(chunk: Chunk, machine: str) -> set[int] | None:
    """Return the positions of one machine's lines, None for all machines."""
    if machine == "":
        return None
    positions: set[int] = set()
    start = 0
    for count, _, _, name, _ in decode_marks(chunk):
        if name == machine:
            positions.update(range(start, start + count))
        start += count
    return positions
