"""What stands around every view and is ours; settings.MIDDLEWARE has the order."""

from django.http import HttpRequest, HttpResponse
from django.middleware.common import CommonMiddleware
from django.shortcuts import render

from webapp.web.bodies import TOO_LARGE

ALIVE = "/healthz"


class SiteMiddleware(CommonMiddleware):
    """Hold each request to ALLOWED_HOSTS but one: a health check asks an address, not the site's name.

    And refuse what `bodies` has found too large, before anything is made of it.
    """

    def process_request(self, request: HttpRequest) -> HttpResponse | None:  # type: ignore[override]  # 413 too
        too_large = getattr(request, "scope", {}).get(TOO_LARGE)
        if too_large:
            return refuse_body(request, too_large)
        return None if request.path_info == ALIVE else super().process_request(request)


def refuse_body(request: HttpRequest, sentence: str) -> HttpResponse:
    """Answer a browser with a page, a script with the sentence."""
    if "text/html" in request.headers.get("Accept", ""):
        return render(request, "413.html", {"problem": sentence}, status=413)
    return HttpResponse(sentence, status=413, content_type="text/plain; charset=utf-8")
