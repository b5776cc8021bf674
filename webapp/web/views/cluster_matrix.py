"""Connectivity on demand, and readiness: started, uploaded, compared."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST
from zstandard import ZstdDecompressor

from webapp.cluster.errands import ErrandError, request_errand
from webapp.cluster.models import Errand
from webapp.cluster.readiness import MOST_BYTES, ReportError
from webapp.cluster.readiness_run import keep_report, request_readiness
from webapp.web.bodies import MIB, takes_mib
from webapp.web.cluster_more import connectivity_context, find_errand, may_change, readiness_context
from webapp.web.pages_cluster import frame_context, see_cluster, watch
from webapp.web.requests import Request


@require_GET
def connectivity(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    place = see_cluster(request, slug=slug, pk=pk)
    watch(place)
    context = {**frame_context(place, "connectivity"), **connectivity_context(place)}
    return render(request, "cluster/connectivity.html", context)


@require_GET
def connectivity_cells(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    place = see_cluster(request, slug=slug, pk=pk)
    return render(request, "cluster/_matrix.html", connectivity_context(place))


@require_POST
def connectivity_start(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    """Try every way now; an open try is the answer already."""
    place = may_change(see_cluster(request, slug=slug, pk=pk))
    watch(place)
    try:
        request_errand(place.saved(), Errand.Kind.MATRIX, request.user)
    except ErrandError as error:
        messages.error(request, str(error))
    return redirect(place.urls["connectivity"])


@require_GET
def readiness(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    place = see_cluster(request, slug=slug, pk=pk)
    context = {**frame_context(place, "readiness"), **readiness_context(place)}
    return render(request, "cluster/readiness.html", context)


@require_GET
def readiness_rows(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    place = see_cluster(request, slug=slug, pk=pk)
    return render(request, "cluster/_readiness.html", readiness_context(place))


@require_POST
def readiness_start(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    place = may_change(see_cluster(request, slug=slug, pk=pk))
    category, focus = request.POST.get("category", ""), request.POST.get("focus", "").strip()
    try:
        request_readiness(place.saved(), request.user, category=category, focus=focus)
    except ErrandError as error:
        messages.error(request, str(error))
    return redirect(place.urls["readiness"])


@takes_mib(lambda: MOST_BYTES // MIB)
@require_POST
def readiness_upload(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    """Keep a JUnit report from elsewhere."""
    place = may_change(see_cluster(request, slug=slug, pk=pk))
    file = request.FILES.get("report")
    if file is None or (file.size or 0) > MOST_BYTES:
        messages.error(request, f"Choose a JUnit report of at most {MOST_BYTES // MIB} MiB.")
        return redirect(place.urls["readiness"])
    try:
        keep_report(place.saved(), request.POST.get("name", "").strip()[:80], file.read(), request.user)
    except ReportError as error:
        messages.error(request, str(error))
    return redirect(place.urls["readiness"])


@require_GET
def readiness_report(request: Request, errand: int, slug: str = "", pk: int = 0) -> HttpResponse:
    """The JUnit as it came, never shown as a page."""
    found = find_errand(see_cluster(request, slug=slug, pk=pk), errand)
    data = ZstdDecompressor().decompress(bytes(found.document)) if found.document else b""
    answer = HttpResponse(data, content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="junit-{found.pk}.xml"'
    return answer
