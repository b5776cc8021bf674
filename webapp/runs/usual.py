"""How long steps usually take: the median of past ones, else what the kit says."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from statistics import median

from webapp.labs.models import Lab
from webapp.planning.plan import Plan
from webapp.runs.models import Step

PAST_STEPS = 400
PAST_PER_STEP = 15


def usual_times(lab: Lab, plan: Plan, speed: float) -> dict[str, int | None]:
    """Return seconds by step key: labs of the same provider and the same pace are alike.

    `speed` is how many times faster than real a rehearsal plays; 0 waits for nothing.
    """
    keys = [step.key for step in plan.steps]
    past = (
        Step.objects.filter(
            key__in=keys,
            run__lab__provider=lab.provider,
            run__lab__host=lab.host,
            status=Step.Status.SUCCEEDED,
            is_carried=False,
            finished_at__isnull=False,
        )
        .order_by("-id")
        .values_list("key", "started_at", "finished_at")[:PAST_STEPS]
    )
    seen = medians((key, finished - started) for key, started, finished in past if started and finished)
    pace = speed if lab.is_rehearsal else 1.0
    return {**{step.key: paced(step.usual_s, pace) for step in plan.steps}, **seen}


def paced(usual_s: int | None, pace: float) -> int | None:
    """Pure: what is left of `usual_s` at this pace, at least one second."""
    if usual_s is None:
        return None
    return max(round(usual_s / pace), 1) if pace else 1


def medians(durations: Iterable[tuple[str, timedelta]]) -> dict[str, int]:
    """Pure: the median seconds of each key's newest durations (they come newest first)."""
    by_key: defaultdict[str, list[float]] = defaultdict(list)
    for key, duration in durations:
        if len(by_key[key]) < PAST_PER_STEP:
            by_key[key].append(duration.total_seconds())
    return {key: max(round(median(seconds)), 1) for key, seconds in by_key.items()}
