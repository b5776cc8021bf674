"""What machines do between runs: somebody halts one by hand, the lab host starts again.

Called by beat on each lab host's own queue; `vagrant status` takes seconds, so one lab at a time, the one
whose last look is the oldest, and only where nobody has looked for LAB_LOOK_EVERY_S. While a run is open
its steps do the looking.
"""

import logging
from datetime import datetime, timedelta
from threading import Lock

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from webapp.executions.lost import is_away
from webapp.executions.models import OPEN
from webapp.hosts.models import Host
from webapp.labs.actions import record_states
from webapp.labs.models import Lab
from webapp.runs.models import Run
from webapp.runs.steps import driver_for
from webapp.vagrant.errors import VagrantError

logger = logging.getLogger(__name__)


class Looks:
    """One look at a time; when each lab was tried, so that a failed look is not repeated at once."""

    turn = Lock()
    tried: dict[int, datetime] = {}


def look_between_runs(host: Host, now: datetime) -> Lab | None:
    """Look at the lab of this host that is due, if one is and no look goes on; return it."""
    if not Looks.turn.acquire(blocking=False):
        return None
    try:
        lab = due_lab(host, now)
        if lab is not None:
            Looks.tried[lab.pk] = now
            look_at(lab)
        return lab
    finally:
        Looks.turn.release()


def due_lab(host: Host, now: datetime) -> Lab | None:
    """Return the lab without an open run that was seen longest ago; one never seen waits for its run."""
    every = timedelta(seconds=settings.LAB_LOOK_EVERY_S)
    Looks.tried = {pk: at for pk, at in Looks.tried.items() if abs(now - at) < every}
    labs = Lab.objects.filter(host=host, destroyed_at=None).exclude(runs__status__in=OPEN)
    labs = labs.exclude(pk__in=list(Looks.tried)).annotate(seen=Max("machines__seen_at"))
    return labs.filter(is_away("seen", now, settings.LAB_LOOK_EVERY_S)).order_by("seen").first()


def look_at(lab: Lab) -> None:
    """Store what Vagrant says; what cannot be seen stays as it was, with its old time."""
    began = timezone.now()
    try:
        states = driver_for(lab).status()
    except (VagrantError, OSError) as error:
        logger.warning("lab %s: not seen: %s", lab.pk, error)
        return
    with transaction.atomic():
        # A run that began meanwhile knows better.
        if not Run.objects.filter(Q(status__in=OPEN) | Q(finished_at__gte=began), lab=lab).exists():
            record_states(lab, {name: status.state for name, status in states.items()}, timezone.now())
