"""The audit trail: who did what, when, to what."""

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from webapp.accounts.queries import find_entries
from webapp.labs.access import require
from webapp.web.requests import Request

ENTRIES_A_PAGE = 50


@require_GET
def activity(request: Request) -> HttpResponse:
    require(request.user, "audit.see")
    asked = {name: request.GET.get(name, "").strip() for name in ("text", "actor", "lab")}
    page = Paginator(find_entries(**asked), ENTRIES_A_PAGE).get_page(request.GET.get("page", 1))
    context = {"entries": page, "asked": asked, "page_link": f"?{urlencode({**asked, 'page': ''})}"}
    return render(request, "activity/list.html", context)
