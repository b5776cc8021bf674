"""Search over a whole log, stored lines only, in linear time whatever the pattern (RE2)."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import re2

from webapp.logs.chunks import Chunk
from webapp.logs.models import Log
from webapp.logs.reading import chunks_after

MOST_CHARACTERS = 1000


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
    for chunk in chunks_after(log_id, after):
        for line in hits_in(chunk, pattern, machine):
            if line > after:
                hits.append(line)
            if len(hits) >= limit:
                return SearchPage(hits, line, max(line_count, line + 1), timed_out=False)
        searched_to = chunk.first_line + chunk.line_count - 1
        if time.monotonic() > end:
            return SearchPage(hits, searched_to, line_count, timed_out=searched_to < line_count - 1)
    return SearchPage(hits, searched_to, max(line_count, searched_to + 1), timed_out=False)


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
