"""Which executions have lost their worker: their heartbeat is too old, by a clock that can be believed.

Heartbeats are wall times, since they pass from process to process. When the wall clock is set, or the
computer has slept, every heartbeat looks old or yet to come: then each worker gets the time to say anew that
it lives, before any is given up for lost. Next: `runs.reap`, `builds.reap`.
"""

import math
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from webapp.executions.models import ENDED, Status

JUMP_S = 5.0


class Clock:
    """Notices when the wall clock and the steady one part; the steady one stands still while Linux sleeps."""

    def __init__(
        self, wall_s: Callable[[], float] = time.time, steady_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall_s = wall_s
        self._steady_s = steady_s
        self._apart_s = wall_s() - steady_s()
        self._jumped_at_s = -math.inf

    def is_even(self, for_s: float) -> bool:
        """Tell whether no jump was noticed in the last `for_s` seconds. To be asked often."""
        steady_s = self._steady_s()
        apart_s = self._wall_s() - steady_s
        if abs(apart_s - self._apart_s) > JUMP_S:
            self._jumped_at_s = steady_s
        self._apart_s = apart_s
        return steady_s - self._jumped_at_s >= for_s


CLOCK = Clock()


def silent(now: datetime, clock: Clock = CLOCK) -> Q:
    """Return what picks the running executions whose worker is lost: none right after the clock jumped."""
    if not clock.is_even(settings.LAB_LOST_AFTER_S):
        return Q(pk__in=())
    return Q(status=Status.RUNNING) & is_away("heartbeat_at", now, settings.LAB_LOST_AFTER_S)


def left_open(now: datetime, sentence: str) -> Q:
    """Return what picks the ended executions whose log nobody closes any more.

    `sentence`: what those end with that were found lost. A worker that lives closes the log right after
    the end: it gets the time for that.
    """
    is_due = Q(sentence=sentence) | is_away("finished_at", now, settings.LAB_LOST_AFTER_S)
    return Q(status__in=ENDED, log__complete="") & is_due


def is_away(field: str, now: datetime, seconds: float) -> Q:
    """Pure: the time lies too long before now, or after it by as much, for its clock was set back since."""
    away = timedelta(seconds=seconds)
    return Q(**{f"{field}__lt": now - away}) | Q(**{f"{field}__gt": now + away})
