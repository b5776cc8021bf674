"""What the cluster pages and the labs page read. Contract: docs/cluster.md."""

from collections.abc import Iterable
from datetime import datetime

from django.utils import timezone

from webapp.cluster.gather import (
    Key,
    ladder_of,
    ladders_of,
    load_rows,
    newest_changes,
    problem_of,
    seen_of,
)
from webapp.cluster.ladder import KINDS, duration
from webapp.cluster.models import Change, Cluster
from webapp.cluster.page import ClusterPage, ServiceRow
from webapp.cluster.rungs import Ladder
from webapp.cluster.seen import Entered
from webapp.cluster.services import service_rows
from webapp.executions.models import OPEN
from webapp.kube.facts import KubeFacts
from webapp.labs.models import Lab

LAST_FIXES = 10
STRIP_CHANGES = 200
TITLES = {kind.key: kind.title for kinds in KINDS.values() for kind in kinds}

__all__ = [
    "ClusterPage",
    "ServiceRow",
    "attached_page",
    "cluster_page",
    "find_cluster",
    "ladder",
    "services",
    "strip",
    "stuck_line",
    "stuck_lines",
]


def find_cluster(lab: Lab) -> Cluster:
    """Return the lab's cluster; an unsaved one when nobody has looked yet."""
    return Cluster.objects.select_related("lab").filter(lab=lab).first() or Cluster(lab=lab)


def cluster_page(lab: Lab, now: datetime | None = None) -> ClusterPage:
    """Load all of a lab's cluster page; a fixed number of queries."""
    return page_of(find_cluster(lab), now or timezone.now())


def attached_page(cluster: Cluster, now: datetime | None = None) -> ClusterPage:
    return page_of(cluster, now or timezone.now())


def page_of(cluster: Cluster, now: datetime) -> ClusterPage:
    rows = load_rows(cluster)
    api = rows.sightings.get("")
    fixes = list(cluster.fixes.select_related("requested_by")[:LAST_FIXES]) if cluster.pk else []
    tried = [sighting for sighting in rows.sightings.values() if sighting.tried_at is not None]
    return ClusterPage(
        cluster=cluster,
        ladders=ladders_of(rows, now),
        kube=rows.kube or KubeFacts(),
        seen_at=api.seen_at if api is not None else None,
        problem=api.problem if api is not None else "",
        polled=api.polled if api is not None and not api.problem else "",
        reached=frozenset(machine.name for machine in rows.named),
        is_silent=bool(tried) and all(problem_of(sighting) for sighting in tried),
        open_fixes=tuple(fix for fix in fixes if fix.status in OPEN),
        last_fixes=tuple(fix for fix in fixes if fix.status not in OPEN),
    )


def ladder(lab: Lab, machine: str, now: datetime | None = None) -> Ladder:
    """Draw one machine's ladder. KeyError for a machine that the lab does not have."""
    return ladder_of(load_rows(find_cluster(lab)), machine, now or timezone.now())


def services(lab: Lab, machine: str, now: datetime | None = None) -> tuple[ServiceRow, ...]:
    """Return a machine's services beside what is expected. KeyError as in `ladder`."""
    return service_rows(seen_of(load_rows(find_cluster(lab)), machine, now or timezone.now()))


def strip(lab: Lab, machine: str) -> dict[str, tuple[Change, ...]]:
    """Return a machine's history by "rung KEY" and "service NAME", oldest first. One query."""
    changes = Change.objects.filter(cluster__lab=lab, machine=machine).order_by("-id")[:STRIP_CHANGES]
    found: dict[str, list[Change]] = {}
    for change in reversed(changes):
        found.setdefault(f"{change.kind} {change.key}", []).append(change)
    return {key: tuple(rows) for key, rows in found.items()}


def stuck_line(lab: Lab, now: datetime | None = None) -> str:
    """Say in a few words where the lab stands: "winw1 stuck at CNI for 4 min"; "" when it does not."""
    return stuck_lines([lab], now).get(lab.pk, "")


def stuck_lines(labs: Iterable[Lab], now: datetime | None = None) -> dict[int, str]:
    """Return the line of each lab that has one. Three queries, however many labs."""
    lab_of = dict(Cluster.objects.filter(lab__in=list(labs)).values_list("pk", "lab_id"))
    changes = newest_changes(lab_of)
    lines = {lab_of[pk]: line_of(found, now or timezone.now()) for pk, found in changes.items()}
    return {lab: line for lab, line in lines.items() if lab is not None and line}


def line_of(changes: dict[Key, Entered], now: datetime) -> str:
    """Pure: a failed rung before one at work; of those the one that has stood longest."""
    standing = [
        (entered.state != "failed", entered.at, machine, key)
        for (machine, kind, key), entered in changes.items()
        if kind == Change.Kind.RUNG and entered.state in ("failed", "now")
    ]
    if not standing:
        return ""
    is_working, at, machine, key = min(standing)
    word = "is at" if is_working else "stuck at"
    more = len({name for _, _, name, _ in standing}) - 1
    return f"{machine} {word} {TITLES.get(key, key)} for {duration(now - at)}{f' (+{more})' if more else ''}"
