"""Ask for slow work on a cluster, claim it on a worker, end it, give lost work up, prune what is old.

request_errand ─► row ─► webapp.carry_out_errand (lab host's worker) ─► Doer ─► result ─► nudge
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.background import enqueue
from webapp.cluster.actions import announce, queue_of, require_change
from webapp.cluster.lost import reap_node_logs, reap_work
from webapp.cluster.models import Cluster, Errand, NodeLog, Workload
from webapp.cluster.reach import ReachError
from webapp.executions.holder import holder_name
from webapp.executions.lost import CLOCK, Clock
from webapp.executions.models import ENDED, OPEN, Status
from webapp.logs.models import Log

logger = logging.getLogger(__name__)

PRUNED_AT_ONCE = 200
Doer = Callable[[Errand], str]


class ErrandError(Exception):
    """It cannot be asked for; a sentence for the user."""


class CannotDo(Exception):
    """It was not done; a sentence."""


class Canceled(Exception):
    """Somebody asked it to stop."""


def request_errand(
    cluster: Cluster, kind: Errand.Kind, by: User, *, argument: str = ""
) -> tuple[Errand, bool]:
    """Store the wish and say so. As `store_errand`."""
    asked = store_errand(cluster, kind, by, argument=argument)
    announce(cluster)
    return asked


def store_errand(
    cluster: Cluster,
    kind: Errand.Kind,
    by: User,
    *,
    argument: str = "",
    workload: Workload | None = None,
) -> tuple[Errand, bool]:
    """Store the wish, audited; the open one and False when it is asked for already.

    Raises PermissionDenied, ErrandError.
    """
    require_change(cluster, by)
    if cluster.lab is not None and cluster.lab.destroyed_at is not None:
        raise ErrandError("This lab has been destroyed.")
    argument = argument[:253]
    try:
        with transaction.atomic():
            errand = Errand.objects.create(
                cluster=cluster, kind=kind, argument=argument, workload=workload, requested_by=by
            )
            target = " ".join(filter(None, [str(cluster), argument]))
            audit.record(by, f"asked {kind}", target, lab_id=cluster.lab_id, detail={"errand": errand.pk})
            enqueue("webapp.carry_out_errand", errand.pk, queue=queue_of(cluster))
    except IntegrityError as error:
        is_open = Errand.objects.filter(cluster=cluster, kind=kind, argument=argument, status__in=OPEN)
        if (found := is_open.first()) is None:
            raise ErrandError("The same has just ended; ask again.") from error
        return found, False
    return errand, True


def cancel_errand(errand: Errand, by: User) -> bool:
    """Ask it to stop; False when it has ended. Raises PermissionDenied."""
    require_change(errand.cluster, by)
    now = timezone.now()
    asked = Errand.objects.filter(pk=errand.pk, status__in=OPEN, cancel_requested_at=None)
    if not asked.update(cancel_requested_at=now, cancel_requested_by=by):
        return False
    audit.record(by, f"canceled {errand.kind}", str(errand.cluster), lab_id=errand.cluster.lab_id)
    errand.move(Status.CANCELED, (Status.PENDING,), finished_at=now, sentence="Canceled before it began.")
    announce(errand.cluster)
    return True


def carry_out_errand(errand_id: int, doers: Mapping[str, Doer]) -> None:
    """Claim a pending errand and do it."""
    errand = Errand.objects.select_related("cluster__lab__host", "workload", "requested_by").get(pk=errand_id)
    if not errand.start(holder_name(settings.LAB_HOST), timezone.now()):
        return
    announce(errand.cluster)
    try:
        errand.finish(Status.SUCCEEDED, timezone.now(), doers[errand.kind](errand))
    except Canceled:
        errand.finish(Status.CANCELED, timezone.now(), "It was stopped.")
    except (CannotDo, ReachError) as error:
        errand.finish(Status.FAILED, timezone.now(), str(error))
    except Exception:
        logger.exception("errand %s: a fault of ours", errand.pk)
        errand.finish(Status.FAILED, timezone.now(), "A fault of the dashboard; the worker's log has it.")
        raise
    finally:
        announce(errand.cluster)


def go_on(errand: Errand, result: Mapping[str, object] | None = None) -> None:
    """Say that it is alive, and how far it has come. Raises Canceled."""
    fields: dict[str, object] = {"heartbeat_at": timezone.now()}
    if result is not None:
        fields["result"] = errand.result = dict(result)
    rows = Errand.objects.filter(pk=errand.pk, status=Status.RUNNING)
    if not rows.update(**fields) or rows.filter(cancel_requested_at__isnull=False).exists():
        raise Canceled
    if result is not None:
        announce(errand.cluster)


def reap_errands(now: datetime, lost_after_s: float, clock: Clock = CLOCK) -> int:
    """End errands, and logs that are being read, whose worker was lost; returns how many."""
    sentence = "The worker was lost; ask for it again."
    task = "webapp.carry_out_errand"
    lost = reap_work(Errand.objects.all(), task, now, lost_after_s, sentence=sentence, clock=clock)
    return lost + reap_node_logs(now, lost_after_s, clock)


def prune(now: datetime, days: int) -> int:
    """Delete node logs and bundles that are older than the policy; 0 days = keep for ever."""
    if days == 0:
        return 0
    before = now - timedelta(days=days)
    old = NodeLog.objects.filter(finished_at__lt=before, status__in=ENDED).order_by("pk")
    logs = list(old.values_list("log_id", flat=True)[:PRUNED_AT_ONCE])
    if logs:
        Log.objects.filter(pk__in=logs).delete()  # the NodeLogs go with them
    gone = Errand.objects.filter(kind=Errand.Kind.BUNDLE, finished_at__lt=before, parts=None)
    count, _ = gone.delete() if gone.exists() else (0, {})
    return len(logs) + count
