"""How long each rung usually takes: the median of past ladders of the same provider."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median

from webapp.cluster.models import Change

PAST_CHANGES = 600
LONGEST = timedelta(hours=2)  # what took longer stood still over somebody's lunch
Row = tuple[int, str, str, str, datetime]  # cluster, machine, rung, state, time


def usual_times(provider: str) -> dict[str, int]:
    """Return seconds by rung, from the newest changes of labs of this provider. One query."""
    rows = (
        Change.objects.filter(kind=Change.Kind.RUNG, state="done", cluster__lab__provider=provider)
        .order_by("-id")
        .values_list("cluster_id", "machine", "key", "state", "at")[:PAST_CHANGES]
    )
    return medians(reversed(rows))


def medians(rows: Iterable[Row]) -> dict[str, int]:
    """Pure: a rung took from the end of the one that was done before it to its own; rows in their order."""
    last: dict[tuple[int, str], datetime] = {}
    took: defaultdict[str, list[float]] = defaultdict(list)
    for cluster, machine, key, _, at in rows:
        before = last.get((cluster, machine))
        if before is not None and timedelta(0) < at - before < LONGEST:
            took[key].append((at - before).total_seconds())
        last[cluster, machine] = at
    return {key: max(round(median(seconds)), 1) for key, seconds in took.items()}
