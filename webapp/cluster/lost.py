"""Give up repairs and errands whose worker was lost; hand those that nobody has begun to a worker again.

By a clock that can be believed (`executions.lost`): set forward or back, it makes nothing lost by itself.
"""

from datetime import datetime
from typing import TypeVar

from django.db.models import QuerySet

from webapp.background import enqueue
from webapp.cluster.actions import announce, queue_of
from webapp.cluster.models import Errand, Fix, NodeLog
from webapp.executions.lost import CLOCK, Clock, is_away
from webapp.executions.models import OPEN, Status
from webapp.logs import store

FORGOTTEN_S = 15
SENT_AGAIN_LIVES_S = 10  # messages for a worker that is away for days must not pile up
Work = TypeVar("Work", Fix, Errand)


def reap_work(
    rows: QuerySet[Work],
    task: str,
    now: datetime,
    lost_after_s: float,
    *,
    sentence: str,
    clock: Clock = CLOCK,
) -> int:
    """End what was lost with a sentence; returns how many."""
    if not clock.is_even(lost_after_s):
        return 0
    for row in rows.filter(status=Status.PENDING).select_related("cluster__lab__host"):
        age_s = abs((now - row.requested_at).total_seconds())
        if age_s > lost_after_s:
            row.move(Status.CANCELED, (Status.PENDING,), finished_at=now, sentence="No worker took it.")
            announce(row.cluster)
        elif age_s > FORGOTTEN_S:
            enqueue(task, row.pk, queue=queue_of(row.cluster), expires_s=SENT_AGAIN_LIVES_S)
    away = rows.filter(is_away("heartbeat_at", now, lost_after_s), status=Status.RUNNING)
    lost = [row for row in away.select_related("cluster") if row.finish(Status.INTERRUPTED, now, sentence)]
    for row in lost:
        announce(row.cluster)
    return len(lost)


def reap_node_logs(now: datetime, lost_after_s: float, clock: Clock = CLOCK) -> int:
    """The same for logs that are being read; what was read stays."""
    if not clock.is_even(lost_after_s):
        return 0
    is_begun = is_away("heartbeat_at", now, lost_after_s)
    is_waiting = is_away("requested_at", now, lost_after_s)
    open_rows = NodeLog.objects.filter(status__in=OPEN)
    begun = [(row, "The worker was lost; read it again.") for row in open_rows.filter(is_begun)]
    unbegun = open_rows.filter(is_waiting, heartbeat_at=None)
    count = 0
    for row, sentence in (*begun, *((row, "No worker took it.") for row in unbegun)):
        if row.move(Status.INTERRUPTED, OPEN, finished_at=now, sentence=sentence):
            store.finish(row.log_id, Status.INTERRUPTED)
            count += 1
    return count
