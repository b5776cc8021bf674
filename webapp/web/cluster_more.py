"""What the cluster's pages of logs, workloads, connectivity, readiness and bundle are given."""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone

from webapp.cluster.bundle_text import report_markdown
from webapp.cluster.gather import kube_of, load_rows
from webapp.cluster.models import Errand, NodeLog, Sighting
from webapp.cluster.page import ServiceRow
from webapp.cluster.queries import page_of
from webapp.cluster.readiness import CATEGORIES, Comparison, failures_of
from webapp.cluster.readiness_run import comparison, readiness_refusal
from webapp.cluster.tables import service_tables
from webapp.cluster.workloads import Recipe, namespace_of, recipes, refusal, workload_views
from webapp.kube.facts import KubeFacts
from webapp.kube.loose import text
from webapp.logs import store
from webapp.web.pages_cluster import Context, Place
from webapp.web.requests import Request, whole_number

LOGS_SHOWN = 40
PODS_SHOWN = 60
REPORTS_SHOWN = 12
PLAIN_LINES = 200


@dataclass(frozen=True)
class RecipeView:
    """A ready workload beside why it cannot run here, "" if it can."""

    recipe: Recipe
    refusal: str


@dataclass(frozen=True)
class ReportView:
    """A readiness run with what changed against the one before."""

    errand: Errand
    failures: list[tuple[str, str]]
    compared: Comparison | None


def may_change(place: Place) -> Place:
    """Raises PermissionDenied with the place's own reason."""
    if place.refusal:
        raise PermissionDenied(f"Not possible: {place.refusal}.")
    return place


def kube_at(place: Place) -> KubeFacts:
    row = Sighting.objects.filter(cluster=place.cluster, machine="").first() if place.cluster.pk else None
    return kube_of(row)[0] or KubeFacts()


def newest(place: Place, kind: Errand.Kind) -> Errand | None:
    rows = (
        Errand.objects.filter(cluster=place.cluster, kind=kind) if place.cluster.pk else Errand.objects.none()
    )
    return rows.select_related("requested_by").first()


def find_errand(place: Place, pk: int) -> Errand:
    if place.cluster.pk is None:
        raise Http404("There is no such errand.")
    rows = Errand.objects.select_related("cluster__lab__revision", "requested_by")
    return get_object_or_404(rows, pk=pk, cluster=place.cluster)


# -- logs -------------------------------------------------------------------------------


def machines_of(place: Place, kube: KubeFacts) -> list[str]:
    named = [m.name for m in place.lab.machines.all()] if place.lab is not None else []
    if place.lab is None:
        named = list(place.cluster.named_machines.values_list("name", flat=True))
    return list(dict.fromkeys([*named, *(node.name for node in kube.nodes)]))


def logs_context(place: Place) -> Context:
    """Everything that can be read, and what was read."""
    kube = kube_at(place)
    tables = service_tables(place.cluster, timezone.now()) if place.cluster.pk else ()
    rows = [(table.machine, row) for table in tables for row in table.rows if has_log(row)]
    return {
        "place": place,
        "machines": machines_of(place, kube),
        "services": rows,
        "pods": kube.pods[:PODS_SHOWN],
        "read_logs": read_logs(place),
    }


def has_log(row: ServiceRow) -> bool:
    return bool(row.log_files) or (row.state not in ("", "absent") and row.expected != "pod")


def read_logs(place: Place) -> list[NodeLog]:
    if place.cluster.pk is None:
        return []
    rows = NodeLog.objects.filter(cluster=place.cluster, errand=None)
    return list(rows.select_related("log", "requested_by")[:LOGS_SHOWN])


def find_row(place: Place, pk: int) -> NodeLog:
    if place.cluster.pk is None:
        raise Http404("There is no such log.")
    rows = NodeLog.objects.select_related("log", "requested_by", "cluster__lab")
    return get_object_or_404(rows, pk=pk, cluster=place.cluster)


def log_context(request: Request, place: Place, row: NodeLog) -> Context:
    """The viewer's own, with a page of lines for browsers without JavaScript."""
    last = max(-1, row.log.line_count - PLAIN_LINES - 1)
    after = max(-1, min(whole_number(request.GET.get("after"), last), last))
    read = store.read(row.log_id, after, PLAIN_LINES)
    return {
        "place": place,
        "row": row,
        "log": row.log,
        "now": timezone.now(),
        "plain_lines": [(machine, stream, said) for _, _, machine, stream, said in read.lines],
        "older_after": max(-1, after - PLAIN_LINES) if after >= 0 else None,
        "newer_after": after + PLAIN_LINES if after < last else None,
    }


# -- workloads, connectivity, readiness, bundle ---------------------------------------------


def workloads_context(place: Place) -> Context:
    kube = kube_at(place)
    views = workload_views(place.cluster, kube)
    there = {view.workload.recipe for view in views}
    offered = [
        RecipeView(recipe, refusal(recipe, kube)) for recipe in recipes().values() if recipe.key not in there
    ]
    return {"place": place, "views": views, "offered": offered, "namespace": namespace_of(place.cluster)}


def connectivity_context(place: Place) -> Context:
    return {"place": place, "errand": newest(place, Errand.Kind.MATRIX)}


def readiness_context(place: Place) -> Context:
    """The newest runs, each compared with the one before it of the same tests."""
    mine = Errand.objects.filter(cluster_id=place.cluster.pk or 0, kind=Errand.Kind.READINESS)
    rows = list(mine.select_related("requested_by").defer("document")[:REPORTS_SHOWN])
    views = [
        ReportView(row, failures_of(row.result), comparison(row) if row.result.get("outcomes") else None)
        for row in rows
    ]
    return {
        "place": place,
        "reports": views,
        "categories": CATEGORIES,
        "readiness_refusal": readiness_refusal(place.cluster),
    }


def bundle_context(place: Place) -> Context:
    errand = newest(place, Errand.Kind.BUNDLE)
    rows, now = load_rows(place.cluster), timezone.now()
    return {
        "place": place,
        "errand": errand,
        "report": report_markdown(page_of(place.cluster, now), rows, now),
        "file_name": f"{text({'name': place.name}, 'name')}.zip",
    }
