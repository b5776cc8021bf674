"""The issue-ready bundle: ask for it, its archive as a stream, the report's text."""

from collections.abc import Iterator

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_POST

from webapp.cluster.bundle import LINES, Entry, bundle_archive
from webapp.cluster.errands import ErrandError, request_errand
from webapp.cluster.models import Errand
from webapp.labs.models import Lab
from webapp.logs import store
from webapp.runs.models import Run
from webapp.web.cluster_more import bundle_context, find_errand, may_change
from webapp.web.pages_cluster import frame_context, see_cluster
from webapp.web.requests import Request
from webapp.web.streams import streamed


@require_GET
def bundle(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    place = see_cluster(request, slug=slug, pk=pk)
    return render(request, "cluster/bundle.html", {**frame_context(place, "bundle"), **bundle_context(place)})


@require_GET
def bundle_state(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    return render(request, "cluster/_bundle.html", bundle_context(see_cluster(request, slug=slug, pk=pk)))


@require_POST
def bundle_start(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    place = may_change(see_cluster(request, slug=slug, pk=pk))
    try:
        request_errand(place.saved(), Errand.Kind.BUNDLE, request.user)
    except ErrandError as error:
        messages.error(request, str(error))
    return redirect(place.urls["bundle"])


@require_GET
def bundle_download(request: Request, errand: int, slug: str = "", pk: int = 0) -> StreamingHttpResponse:
    """Stream the archive; it is made while it is sent."""
    place = see_cluster(request, slug=slug, pk=pk)
    found = find_errand(place, errand)
    if found.kind != Errand.Kind.BUNDLE or found.is_open:
        raise Http404("There is no such bundle yet.")
    archive = streamed(bundle_archive(found, run_logs(place.lab)))
    answer = StreamingHttpResponse(archive, content_type="application/zip")
    name = f"{slugify(place.name) or 'cluster'}-{found.pk}.zip"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def run_logs(lab: Lab | None) -> Iterator[Entry]:
    """Yield the newest run's last lines, redacted when they were stored."""
    run = Run.objects.filter(lab=lab).order_by("-id").first() if lab is not None else None
    if run is not None:
        page = store.read_tail(run.log_id, LINES)
        yield f"runs/{run.number}.log", (f"{line[3]} {line[4]}\n".encode() for line in page.lines)
