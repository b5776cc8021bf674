"""Logs of a cluster: what can be read, reading one, following it in the viewer that runs have."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.cluster.nodelogs import find_log, note_reader, open_log, stop_log
from webapp.cluster.nodelogs_source import SourceError, source_from
from webapp.web.cluster_more import find_row, log_context, logs_context, may_change
from webapp.web.pages_cluster import Place, frame_context, see_cluster, watch
from webapp.web.requests import Request


@require_GET
def logs(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    place = see_cluster(request, slug=slug, pk=pk)
    watch(place)
    context = {**frame_context(place, "logs"), **logs_context(place), "given": {}}
    return render(request, "cluster/logs.html", context)


@require_http_methods(["GET", "POST"])
def log(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    """GET leads to the newest log of the source, or offers to read it; POST reads it."""
    place = see_cluster(request, slug=slug, pk=pk)
    given = (request.POST if request.method == "POST" else request.GET).dict()
    try:
        if request.method == "POST":
            return start(request, may_change(place), given)
        found = find_log(place.cluster, source_from(given))
        if found is not None and found.is_open:
            return redirect(place.urls.of("log-view", found.pk))
        return form(request, place, given, "", older=found)
    except SourceError as error:
        return form(request, place, given, str(error))


def form(
    request: Request, place: Place, given: dict[str, str], problem: str, older: object = None
) -> HttpResponse:
    """The form with everything that was typed."""
    context = {**frame_context(place, "logs"), **logs_context(place), "given": given, "problem": problem}
    return render(request, "cluster/logs.html", {**context, "older": older}, status=422 if problem else 200)


def start(request: Request, place: Place, given: dict[str, str]) -> HttpResponse:
    """Begin to read. Raises SourceError."""
    row, is_new = open_log(
        place.saved(), source_from(given), request.user, follows=given.get("follows") == "1"
    )
    if not is_new:
        messages.info(request, "This log is being read already: here it is.")
    return redirect(place.urls.of("log-view", row.pk))


@require_GET
def log_view(request: Request, log: int, slug: str = "", pk: int = 0) -> HttpResponse:
    place = see_cluster(request, slug=slug, pk=pk)
    row = find_row(place, log)
    note_reader(row, timezone.now())
    return render(
        request, "cluster/log.html", {**frame_context(place, "logs"), **log_context(request, place, row)}
    )


@require_GET
def log_head(request: Request, log: int, slug: str = "", pk: int = 0) -> HttpResponse:
    """The fragment above the lines; while it is asked for, somebody watches."""
    place = see_cluster(request, slug=slug, pk=pk)
    row = find_row(place, log)
    note_reader(row, timezone.now())
    return render(request, "cluster/_nodelog_head.html", {"place": place, "row": row})


@require_POST
def log_stop(request: Request, log: int, slug: str = "", pk: int = 0) -> HttpResponse:
    """Stop reading; for one that has ended this changes nothing."""
    place = may_change(see_cluster(request, slug=slug, pk=pk))
    if not stop_log(find_row(place, log), request.user):
        messages.info(request, "It has ended.")
    return redirect(place.urls.of("log-view", log))
