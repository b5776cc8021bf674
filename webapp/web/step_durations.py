"""How long ended steps took, by kind: counted once, not at every scrape.

What ended more than a minute ago does not change any more and is remembered by the process; a scrape looks
only at what has ended since (an index leads to it). Steps of labs that are deleted stay counted, as
Prometheus wants of a histogram.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from django.db.models import Count, DurationField, ExpressionWrapper, F, Q, Sum

from webapp.runs.models import Step

BUCKETS_S = (1, 5, 15, 30, 60, 120, 300, 600, 1200, 3600)
SETTLED_AFTER = timedelta(seconds=60)  # longer than any transaction that ends a step


@dataclass(frozen=True)
class Tally:
    """Steps of one kind; `within[n]` of them took at most BUCKETS_S[n]."""

    count: int = 0
    total_s: float = 0.0
    within: tuple[int, ...] = (0,) * len(BUCKETS_S)

    def __add__(self, other: "Tally") -> "Tally":
        within = tuple(a + b for a, b in zip(self.within, other.within, strict=True))
        return Tally(self.count + other.count, self.total_s + other.total_s, within)


Tallies = Mapping[str, Tally]


@dataclass
class StepDurations:
    """What one process has counted: everything that ended up to `_until`."""

    _settled: Tallies = field(default_factory=dict)
    _until: datetime | None = None
    _lock: Lock = field(default_factory=Lock)

    def by_kind(self, now: datetime) -> Tallies:
        """Return the tallies of all steps that have ended."""
        with self._lock:
            border = now - SETTLED_AFTER
            if self._until is None or border > self._until:
                self._settled = add(self._settled, count_steps(self._until, border))
                self._until = border
            return add(self._settled, count_steps(self._until, None))


def add(some: Tallies, more: Tallies) -> Tallies:
    return {kind: some.get(kind, Tally()) + more.get(kind, Tally()) for kind in sorted({**some, **more})}


def count_steps(after: datetime | None, to: datetime | None) -> Tallies:
    """Count the steps that ended in (after, to]; carried-over steps count once, where they ran."""
    ended = Step.objects.filter(is_carried=False, started_at__isnull=False, finished_at__isnull=False)
    if after is not None:
        ended = ended.filter(finished_at__gt=after)
    if to is not None:
        ended = ended.filter(finished_at__lte=to)
    took = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())
    within = {f"le_{s}": Count("pk", filter=Q(took__lte=timedelta(seconds=s))) for s in BUCKETS_S}
    rows = ended.order_by().annotate(took=took).values("kind")
    return {row["kind"]: tally(row) for row in rows.annotate(count=Count("pk"), total=Sum("took"), **within)}


def tally(row: Mapping[str, Any]) -> Tally:  # Any: the annotations' values
    return Tally(row["count"], row["total"].total_seconds(), tuple(row[f"le_{s}"] for s in BUCKETS_S))
