"""What people do with clusters: watch, repair, attach. `fixes` carries repairs out, on the lab host."""

import json
import re
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from webapp import live
from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.background import enqueue
from webapp.cluster.api_request import ApiError
from webapp.cluster.attached import ask, client_from
from webapp.cluster.models import Cluster, Fix, Sighting
from webapp.cluster.observe import add_sightings
from webapp.cluster.offers import LABELS, RUN_FIXES, SERVICE_FIXES, attached_refusal
from webapp.cluster.record import WATCHED_FOR
from webapp.cluster.secrets import encrypt
from webapp.cluster.services import CONTROLLED
from webapp.executions.models import OPEN
from webapp.kube.kubeconfig import KubeconfigError, check_kubeconfig
from webapp.labs.access import require
from webapp.labs.models import Lab

TOUCH_EVERY = timedelta(seconds=5)
ANY_QUEUE = "default"
REQUEST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")


class FixError(Exception):
    """This cannot be repaired so; a sentence for the user."""


class AttachError(Exception):
    """The cluster cannot be attached; a sentence for the user."""


def cluster_of(lab: Lab) -> Cluster:
    """Return the lab's cluster, made when it is asked for the first time."""
    return Cluster.objects.get_or_create(lab=lab)[0]


def note_watching(watched: Lab | Cluster, now: datetime) -> None:
    """Somebody has a page open: look often for a while. Writes at most every 5 s."""
    cluster = cluster_of(watched) if isinstance(watched, Lab) else watched
    was = cluster.watched_at
    if was is not None and abs(now - was) < TOUCH_EVERY:
        return
    Cluster.objects.filter(pk=cluster.pk).update(watched_at=now)
    if was is None or abs(now - was) > WATCHED_FOR:
        look_soon(cluster, now)


def look_soon(cluster: Cluster, now: datetime) -> None:
    """Let every machine's turn come now, not at the slow clock's next tick."""
    Sighting.objects.filter(cluster=cluster, next_look_at__gt=now).exclude(
        next_look_at__lt=now + timedelta(seconds=5)
    ).update(next_look_at=now)
    if cluster.lab is None:
        enqueue("webapp.observe_attached", queue=ANY_QUEUE, expires_s=10)
    else:
        enqueue("webapp.observe_host", cluster.lab.host_id, queue=cluster.lab.host.queue, expires_s=10)


def request_fix(
    cluster: Cluster, kind: str, by: User, *, machine: str = "", argument: str = ""
) -> tuple[Fix, bool]:
    """Ask for a repair; audited. Returns the machine's open one and False.

    Raises FixError, PermissionDenied.
    """
    require_change(cluster, by)
    check_fix(cluster, kind, machine, argument)
    try:
        with transaction.atomic():
            fix = Fix.objects.create(
                cluster=cluster, kind=kind, machine=machine, argument=argument, requested_by=by
            )
            audit.record(
                by,
                f"asked {kind}",
                " ".join(filter(None, [str(cluster), machine, argument])),
                lab_id=cluster.lab_id,
                detail={"fix": fix.pk},
            )
            enqueue("webapp.carry_out_fix", fix.pk, queue=queue_of(cluster))
    except IntegrityError:
        open_fix = Fix.objects.filter(cluster=cluster, machine=machine, status__in=OPEN).first()
        if open_fix is None:
            raise
        return open_fix, False
    announce(cluster)
    return fix, True


def require_change(cluster: Cluster, by: User) -> None:
    """Raise PermissionDenied: a lab's cluster goes by the lab's rights, an attached one by its owner's."""
    if cluster.lab is None:
        require(by, "cluster.manage", owner_id=cluster.owner_id)
    else:
        require(by, "lab.operate", cluster.lab)


def queue_of(cluster: Cluster) -> str:
    """A lab's guests are reached from its host only; any worker reaches an attached cluster's API."""
    return ANY_QUEUE if cluster.lab is None else cluster.lab.host.queue


def check_fix(cluster: Cluster, kind: str, machine: str, argument: str) -> None:
    """Raises FixError for what makes no sense, before anything is stored."""
    if kind not in LABELS:
        raise FixError(f"There is no repair {kind!r}.")
    if kind == "approve-request" and not REQUEST_NAME.fullmatch(argument):
        raise FixError("This is no name of a certificate request.")
    if kind in SERVICE_FIXES and argument not in CONTROLLED:
        raise FixError(f"{argument!r} is no service that the dashboard starts or stops.")
    if cluster.lab is None:
        is_reached = cluster.named_machines.filter(name=machine).exists()
        if why := attached_refusal(kind, is_reached=is_reached):
            raise FixError(f"Not possible: {why}.")
        return
    if cluster.lab.destroyed_at is not None:
        raise FixError("This lab has been destroyed.")
    row = cluster.lab.machines.filter(name=machine).first()
    if row is None:
        raise FixError(f"The lab has no machine {machine!r}.")
    if kind in RUN_FIXES and row.role == "control-plane":
        raise FixError("A control plane does not join; destroy the lab and launch it again.")


def announce(cluster: Cluster) -> None:
    live.announce({"type": "cluster.changed", "cluster": cluster.pk, "lab": cluster.lab_id or 0})


def attach_cluster(name: str, kubeconfig: str, by: User) -> Cluster:
    """Check a kubeconfig, ask its API once, and keep it encrypted.

    Raises PermissionDenied before anything is asked; AttachError.
    """
    require(by, "cluster.attach")
    if not name.strip():
        raise AttachError("The cluster needs a name.")
    try:
        config = check_kubeconfig(kubeconfig)
        with client_from(config) as api:
            ask(api, "GET", "/api/v1/nodes", query={"limit": "1"})
    except (KubeconfigError, ApiError) as error:
        raise AttachError(str(error)) from error
    with transaction.atomic():
        cluster = Cluster.objects.create(
            name=name.strip()[:60],
            owner=by,
            server=config["clusters"][0]["cluster"]["server"][:200],
            kubeconfig=encrypt(json.dumps(config), settings.SECRET_KEY),
        )
        add_sightings(cluster, [""], timezone.now())
        audit.record(by, "attached cluster", cluster.name, detail={"server": cluster.server})
        enqueue("webapp.observe_attached", queue=ANY_QUEUE, expires_s=10)
    return cluster


def detach_cluster(cluster: Cluster, by: User) -> None:
    """Forget an attached cluster with its kubeconfig and its history."""
    if cluster.lab_id is not None:
        raise AttachError("This is a lab's own cluster; destroy the lab instead.")
    require_change(cluster, by)
    with transaction.atomic():
        audit.record(by, "detached cluster", cluster.name, detail={"server": cluster.server})
        cluster.delete()
