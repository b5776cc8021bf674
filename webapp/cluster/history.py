"""A cluster's changes as strips: one a rung and service, all over the same stretch of time.

Changes ─► `strips` ─► Strip(parts in thousandths of the stretch), drawn by the pages as one row of bars.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from webapp.cluster.gather import Key
from webapp.cluster.models import Change, Cluster

LONGEST = timedelta(hours=24)
SHORTEST = timedelta(minutes=10)
MOST_CHANGES = 1000
WIDTH = 1000
NARROWEST = 4  # a state that passed in a moment can still be seen


@dataclass(frozen=True)
class Part:
    """A state from `since` to `until`; `x` and `width` in thousandths of the strip."""

    state: str
    since: datetime
    until: datetime
    x: int
    width: int


@dataclass(frozen=True)
class Strip:
    """One key's history, oldest first; before its first part nothing is known."""

    begins_at: datetime
    ends_at: datetime
    parts: tuple[Part, ...] = ()


def load_strips(cluster: Cluster, now: datetime) -> dict[Key, Strip]:
    """Return the strips of all rungs and services of a cluster. One query."""
    if cluster.pk is None:
        return {}
    rows = Change.objects.filter(cluster=cluster).order_by("-id")[:MOST_CHANGES]
    return strips(reversed(rows), now)


def strips(changes: Iterable[Change], now: datetime) -> dict[Key, Strip]:
    """Pure: group by key, over the stretch from the first change (a day at most) to now."""
    by_key: dict[Key, list[Change]] = {}
    for change in changes:
        by_key.setdefault((change.machine, change.kind, change.key), []).append(change)
    begins_at = beginning(by_key, now)
    return {key: strip_of(rows, begins_at, now) for key, rows in by_key.items()}


def beginning(by_key: Mapping[Key, list[Change]], now: datetime) -> datetime:
    first = min((rows[0].at for rows in by_key.values()), default=now)
    return max(min(first, now - SHORTEST), now - LONGEST)


def strip_of(changes: list[Change], begins_at: datetime, now: datetime) -> Strip:
    ends = [change.at for change in changes[1:]] + [now]
    parts = (
        part_of(change.state, max(change.at, begins_at), end, begins_at, now)
        for change, end in zip(changes, ends, strict=True)
        if end > begins_at
    )
    return Strip(begins_at, now, tuple(parts))


def part_of(state: str, since: datetime, until: datetime, begins_at: datetime, now: datetime) -> Part:
    x = min(place(since, begins_at, now), WIDTH - NARROWEST)
    width = max(place(until, begins_at, now) - x, NARROWEST)
    return Part(state, since, until, x, width)


def place(at: datetime, begins_at: datetime, now: datetime) -> int:
    return round(WIDTH * ((at - begins_at) / (now - begins_at)))
