"""Workloads of a cluster: the catalogue, somebody's own YAML, removing; stopping slow work of any kind."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.cluster.errands import ErrandError, cancel_errand
from webapp.cluster.models import Errand, Workload
from webapp.cluster.objects import check_own
from webapp.cluster.workloads import apply_own, apply_recipe, namespace_of, remove_workload
from webapp.web.cluster_more import find_errand, kube_at, may_change, workloads_context
from webapp.web.pages_cluster import Context, Place, frame_context, see_cluster, watch
from webapp.web.requests import Request

PAGES = {
    Errand.Kind.APPLY: "workloads",
    Errand.Kind.REMOVE: "workloads",
    Errand.Kind.MATRIX: "connectivity",
    Errand.Kind.READINESS: "readiness",
    Errand.Kind.BUNDLE: "bundle",
}


@require_GET
def workloads(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    place = see_cluster(request, slug=slug, pk=pk)
    watch(place)
    return render(request, "cluster/workloads.html", page(place))


def page(place: Place, **more: object) -> Context:
    return {**frame_context(place, "workloads"), **workloads_context(place), **more}


@require_GET
def workload_rows(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    place = see_cluster(request, slug=slug, pk=pk)
    watch(place)
    return render(request, "cluster/_workloads.html", workloads_context(place))


@require_POST
def workload_apply(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    """Apply a ready workload."""
    place = may_change(see_cluster(request, slug=slug, pk=pk))
    watch(place)
    try:
        apply_recipe(place.saved(), request.POST.get("recipe", ""), kube_at(place), request.user)
    except ErrandError as error:
        messages.error(request, str(error))
    return redirect(place.urls["workloads"])


@require_http_methods(["POST"])
def workload_own(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    """Check what was pasted, say what it reaches, and apply it once that was read."""
    place = may_change(see_cluster(request, slug=slug, pk=pk))
    name, manifest = request.POST.get("name", "").strip(), request.POST.get("manifest", "")
    checked = check_own(manifest, namespace_of(place.cluster))
    must_read = checked.warnings if {*checked.warnings} - {*request.POST.getlist("read")} else ()
    problems = list(checked.problems)
    if not problems and not must_read:
        try:
            apply_own(place.saved(), name, manifest, request.user)
            return redirect(place.urls["workloads"])
        except ErrandError as error:
            problems = str(error).splitlines()
    typed = {"own_name": name, "own_manifest": manifest, "problems": problems, "warnings": must_read}
    return render(request, "cluster/workloads.html", page(place, **typed), status=422)


@require_POST
def workload_remove(request: Request, workload: int, slug: str = "", pk: int = 0) -> HttpResponse:
    """Remove exactly what was applied."""
    place = may_change(see_cluster(request, slug=slug, pk=pk))
    found = get_object_or_404(
        Workload.objects.select_related("cluster__lab__host"), pk=workload, cluster=place.cluster
    )
    watch(place)
    try:
        remove_workload(found, request.user)
    except ErrandError as error:
        messages.error(request, str(error))
    return redirect(place.urls["workloads"])


@require_POST
def errand_cancel(request: Request, errand: int, slug: str = "", pk: int = 0) -> HttpResponse:
    """Ask slow work to stop; for one that has ended this changes nothing."""
    place = may_change(see_cluster(request, slug=slug, pk=pk))
    found = find_errand(place, errand)
    if not cancel_errand(found, request.user):
        messages.info(request, "It has ended.")
    return redirect(place.urls[PAGES[Errand.Kind(found.kind)]])
