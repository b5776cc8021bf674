"""The attached clusters with how each stands, for their list. Three queries, however many."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from webapp.cluster.gather import kube_of, newest_changes, problem_of
from webapp.cluster.models import Cluster
from webapp.cluster.queries import line_of


@dataclass(frozen=True)
class AttachedRow:
    """One cluster. `node_count` None: nobody told."""

    cluster: Cluster
    kind: str
    word: str
    sentence: str = ""
    seen_at: datetime | None = None
    node_count: int | None = None
    ready_count: int = 0


def attached_list(now: datetime | None = None) -> list[AttachedRow]:
    clusters = Cluster.objects.filter(lab=None).select_related("owner").prefetch_related("sightings")
    found = list(clusters.order_by("name", "pk"))
    changes = newest_changes(cluster.pk for cluster in found)
    at = now or timezone.now()
    return [row_of(cluster, line_of(changes.get(cluster.pk, {}), at)) for cluster in found]


def row_of(cluster: Cluster, line: str) -> AttachedRow:
    sighting = next((row for row in cluster.sightings.all() if row.machine == ""), None)
    seen_at = sighting.seen_at if sighting is not None else None
    kube, _ = kube_of(sighting)
    if kube is None:
        problem = problem_of(sighting)
        kind, word = ("attention", "not answering") if problem else ("unknown", "not seen yet")
        return AttachedRow(cluster, kind, word, problem, seen_at)
    if "nodes" in kube.missing:
        return AttachedRow(cluster, "attention", "tells no nodes", " ".join(kube.problems[:1]), seen_at)
    if not kube.nodes:
        return AttachedRow(cluster, "attention", "has no node", line, seen_at, 0)
    ready = sum(node.ready is not None and node.ready.status == "True" for node in kube.nodes)
    is_whole = ready == len(kube.nodes) and not line
    kind, word = ("ready", "ready") if is_whole else ("attention", "not all ready")
    return AttachedRow(cluster, kind, word, line, seen_at, len(kube.nodes), ready)
