"""A log over HTTP: lines, searches, the whole as text. Contract: docs/logs.md."""

import gzip
import io
from collections.abc import Iterable, Iterator

import orjson
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from webapp.builds.models import Build
from webapp.cluster.models import NodeLog
from webapp.labs.access import require
from webapp.logs import store
from webapp.logs.search import BadPattern, search
from webapp.runs.models import Run
from webapp.web.requests import Request, whole_number
from webapp.web.streams import streamed

MAX_LINES = 5_000
DEFAULT_LINES = 500
MAX_BYTES = 4 * 1024 * 1024  # of text: a page of very long lines ends early, the next one goes on
GZIP_AT_BYTES = 64 * 1024


def log_of(request: Request, log_id: int) -> int:
    """Return the id of a log that this person may see; 404 or 403."""
    run = Run.objects.select_related("lab").prefetch_related("lab__members").filter(log_id=log_id).first()
    node_log = None if run is not None else find_node_log(log_id)
    if run is not None:
        require(request.user, "lab.see", run.lab)
    elif node_log is not None:
        lab = node_log.cluster.lab
        require(request.user, "lab.see" if lab is not None else "cluster.see", lab)
    else:
        get_object_or_404(Build, log_id=log_id)
        require(request.user, "build.see")
    return log_id


def find_node_log(log_id: int) -> NodeLog | None:
    rows = NodeLog.objects.select_related("cluster__lab").prefetch_related("cluster__lab__members")
    return rows.filter(log_id=log_id).first()


def json_answer(value: object, status: int = 200) -> HttpResponse:
    headers = {"Cache-Control": "no-store"}
    return HttpResponse(orjson.dumps(value), content_type="application/json", status=status, headers=headers)


@require_GET
def log_lines(request: Request, log_id: int) -> HttpResponse:
    """Answer a page of lines after `after`."""
    limit = min(max(whole_number(request.GET.get("limit"), DEFAULT_LINES), 1), MAX_LINES)
    after = whole_number(request.GET.get("after"), -1)
    page = store.read(log_of(request, log_id), after, limit, max_bytes=MAX_BYTES)
    return json_answer(
        {"first": page.first, "lines": page.lines, "count": page.line_count, "complete": page.complete}
    )


@require_GET
def log_search(request: Request, log_id: int) -> HttpResponse:
    """Answer the numbers of matching lines after `after`."""
    try:
        page = search(
            log_of(request, log_id),
            request.GET.get("q", ""),
            regex=request.GET.get("regex") == "1",
            ignore_case=request.GET.get("case") != "1",
            machine=request.GET.get("machine", ""),
            after=whole_number(request.GET.get("after"), -1),
        )
    except BadPattern as error:
        return json_answer({"error": str(error)}, status=422)
    return json_answer(
        {
            "hits": page.hits,
            "searched_to": page.searched_to,
            "count": page.line_count,
            "timed_out": page.timed_out,
        }
    )


@require_GET
def log_raw(request: Request, log_id: int) -> StreamingHttpResponse:
    """Stream the whole log as text, gzipped for who takes it."""
    text: Iterable[bytes] = store.iter_text(log_of(request, log_id), stamps=request.GET.get("stamps") == "1")
    takes_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
    answer = StreamingHttpResponse(
        streamed(gzipped(text) if takes_gzip else text), content_type="text/plain; charset=utf-8"
    )
    answer["Content-Disposition"] = f'inline; filename="log-{log_id}.txt"'
    answer["X-Content-Type-Options"] = "nosniff"
    if takes_gzip:
        answer["Content-Encoding"] = "gzip"
    return answer


def gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Compress as it comes; memory does not grow with the log."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1) as packer:
        for piece in pieces:
            packer.write(piece)
            if buffer.tell() > GZIP_AT_BYTES:
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
    yield buffer.getvalue()
