"""Which commit is tried next, and what the verdicts say. Pure.

Positions count from 0, the good end, to the bad end. A skipped commit says nothing; the nearest one to the
middle that was not tried is next, as git bisect does.
"""

from collections.abc import Mapping
from dataclasses import dataclass

GOOD, BAD, SKIPPED = "good", "bad", "skipped"


@dataclass(frozen=True)
class Outcome:
    """How a search ended: one suspect is the first bad commit, several could not be told apart."""

    suspects: tuple[int, ...]


def bounds(count: int, verdicts: Mapping[int, str]) -> tuple[int, int]:
    """Return the last good and the first bad position; the ends count as what they were called."""
    bad = min((p for p, verdict in verdicts.items() if verdict == BAD), default=count - 1)
    good = max((p for p, verdict in verdicts.items() if verdict == GOOD and p < bad), default=0)
    return good, bad


def next_position(count: int, verdicts: Mapping[int, str], *, tries_ends: bool) -> int | None:
    """Return the position to try, None when nothing is left to tell apart."""
    ends = (0, count - 1) if tries_ends else ()
    untried = next((end for end in ends if end not in verdicts), None)
    if untried is not None:
        return untried
    good, bad = bounds(count, verdicts)
    left = [position for position in range(good + 1, bad) if position not in verdicts]
    return min(left, key=lambda position: (abs(2 * position - good - bad), position), default=None)


def outcome(count: int, verdicts: Mapping[int, str]) -> Outcome:
    """Return the suspects: everything after the last good one, up to the first bad one."""
    good, bad = bounds(count, verdicts)
    return Outcome(tuple(range(good + 1, bad + 1)))


def trials_left(count: int, verdicts: Mapping[int, str], *, tries_ends: bool) -> int:
    """Return how many trials are usually still needed."""
    good, bad = bounds(count, verdicts)
    ends = sum(end not in verdicts for end in (0, count - 1)) if tries_ends else 0
    return ends + (bad - good - 1).bit_length()


def wrong_end(count: int, verdicts: Mapping[int, str]) -> str:
    """Return a sentence when an end is not what it was called, "" while that is not so."""
    if verdicts.get(0, GOOD) != GOOD:
        return f"The good commit was found {verdicts[0]}: there is nothing to search between."
    if verdicts.get(count - 1, BAD) != BAD:
        return f"The bad commit was found {verdicts[count - 1]}: there is nothing to search between."
    return ""
