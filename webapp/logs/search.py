"""Search over a whole log, stored lines only, in linear time whatever the pattern (RE2).

Chunks are unpacked and searched in a few threads, a few ahead of the one whose hits come next: zstd and RE2
work without Python's lock.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import re2

from webapp.logs.chunks import Chunk
from webapp.logs.models import Log
from webapp.logs.reading import StoredChunk, stored_after

MOST_CHARACTERS = 1000
THREADS = min(os.cpu_count() or 1, 4)
AHEAD = 2 * THREADS  # chunks

searching_threads = ThreadPoolExecutor(THREADS, "log-search")


class BadPattern(Exception):
    """The query cannot be searched for; the message says why, to the person who typed it."""


class SearchPage(NamedTuple):
    """Line numbers, ascending. All lines up to `searched_to` have been looked at."""

    hits: list[int]
    searched_to: int
    line_count: int
    timed_out: bool


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
    """Find the lines after `after` that hold the query; ANSI colours are not looked at.

    `machine` "" = all lines. Raises BadPattern, Log.DoesNotExist.
    """
    pattern = compile_query(query, regex=regex, ignore_case=ignore_case)
    end = time.monotonic() + time_limit_s
    line_count = Log.objects.values_list("line_count", flat=True).get(pk=log_id)
    hits: list[int] = []
    searched_to = after
    look = partial(search_chunk, pattern=pattern, machine=machine, limit=limit)
    with closing(in_threads(look, stored_after(log_id, after))) as searched:
        for last_line, found in searched:
            hits += found
            if len(hits) >= limit:
                line = hits[limit - 1]
                return SearchPage(hits[:limit], line, max(line_count, line + 1), timed_out=False)
            searched_to = last_line
            if time.monotonic() > end:
                return SearchPage(hits, searched_to, line_count, timed_out=searched_to < line_count - 1)
    return SearchPage(hits, searched_to, max(line_count, searched_to + 1), timed_out=False)


def search_chunk(
    stored: StoredChunk, *, pattern: Any, machine: str, limit: int
) -> tuple[int, list[int]]:  # Any: the re2 package is untyped
    """Return the chunk's last line and its hits, at most `limit`."""
    return stored.last_line, list(islice(hits_in(stored.unpack(), pattern, machine), limit))


def in_threads(
    look: Callable[[StoredChunk], tuple[int, list[int]]], chunks: Iterator[StoredChunk]
) -> Generator[tuple[int, list[int]], None, None]:
    """Yield what `look` returns of each chunk, in order, a few chunks ahead."""
    ahead: deque[Future[tuple[int, list[int]]]] = deque()
    try:
        for chunk in chunks:
            ahead.append(searching_threads.submit(look, chunk))
            if len(ahead) == AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        for future in ahead:
            future.cancel()


def compile_query(query: str, *, regex: bool, ignore_case: bool) -> Any:  # Any: the re2 package is untyped
    """Return what finds the query's lines; text is found as it is written."""
    if query == "":
        raise BadPattern("Type what to search for.")
    if len(query) > MOST_CHARACTERS:
        raise BadPattern(f"The search is longer than {MOST_CHARACTERS} characters.")
    options = re2.Options()
    options.log_errors = False
    options.never_nl = True
    options.never_capture = True
    options.case_sensitive = not ignore_case
    source = f"(?m:{query})" if regex else re2.escape(query)
    try:
        return re2.compile(source.encode("utf-8", "replace"), options)
    except re2.error as error:
        raise BadPattern(explain(error)) from error


def explain(error: Exception) -> str:
    """Turn RE2's message into a sentence."""
    reason = error.args[0] if error.args else ""
    said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    if "invalid perl operator" in said or r"invalid escape sequence: \1" in said:
        return "This regular expression uses what the search does not know: look-around or back-references."
    if "too large" in said:
        return "This regular expression is too large; ask for fewer repetitions."
    if said.startswith(("missing )", "unexpected )")):
        return "This is not a regular expression: its parentheses do not match."
    return f"This is not a regular expression: {said}."


def hits_in(chunk: Chunk, pattern: Any, machine: str) -> Iterator[int]:  # Any: as above
    """Yield the numbers of the chunk's lines that match, ascending."""
    if machine and all(name != machine for _, name in chunk.machines()):
        return
    machines = chunk.machines()
    end, line_machine = next(machines)
    for line in matching_lines(chunk.bare(), pattern):
        while line >= end:
            end, line_machine = next(machines)
        if not machine or line_machine == machine:
            yield chunk.first_line + line


def matching_lines(raw: bytes, pattern: Any) -> Iterator[int]:  # Any: as above
    """Yield the indexes of the lines that match; goes from line to line only where there is a hit."""
    line = at = 0
    while (found := pattern.search(raw, at)) is not None:
        start = found.start()
        line += raw.count(b"\n", at, start)
        yield line
        newline = raw.find(b"\n", start)
        if newline < 0:
            return
        line, at = line + 1, newline + 1
