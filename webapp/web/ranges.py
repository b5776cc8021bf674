"""A file over HTTP with range requests (RFC 9110, section 14): a download goes on where it broke off.

One range is served; for several, or none that makes sense, the whole file is (which the RFC allows).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from webapp.web.streams import read_file, streamed

RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)


class Span(NamedTuple):
    """Bytes first..last, inclusive."""

    first: int
    last: int


def parse_range(header: str, size: int) -> Literal[False] | Span | None:
    """Return the wanted span, None for the whole file, False when it lies outside. Pure."""
    found = RANGE.fullmatch(header.replace(" ", ""))
    if not found or found[0] == "bytes=-":
        return None
    if not found[1]:
        length = min(int(found[2]), size)
        return Span(size - length, size - 1) if length else False
    first, last = int(found[1]), min(int(found[2] or size), size - 1)
    if found[2] and int(found[2]) < first:
        return None
    return Span(first, last) if first < size else False


def serve_file(request: HttpRequest, path: Path, *, name: str, etag: str) -> HttpResponseBase:
    """Answer with the file or the part of it that is asked for."""
    size = path.stat().st_size
    wanted: Span | bool | None = None
    if request.headers.get("If-Range", f'"{etag}"') == f'"{etag}"':
        wanted = parse_range(request.headers.get("Range", ""), size)
    if wanted is False:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    span = wanted if isinstance(wanted, Span) else Span(0, size - 1)
    answer = StreamingHttpResponse(
        streamed(read_span(path, span) if request.method == "GET" else ()),
        status=206 if isinstance(wanted, Span) else 200,
        content_type="application/octet-stream",
    )
    if isinstance(wanted, Span):
        answer["Content-Range"] = f"bytes {span.first}-{span.last}/{size}"
    answer["Content-Length"] = str(span.last - span.first + 1)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Accept-Ranges"] = "bytes"
    answer["ETag"] = f'"{etag}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def read_span(path: Path, span: Span) -> Iterator[bytes]:
    file = path.open("rb")
    file.seek(span.first)
    return read_file(file, span.last - span.first + 1)
