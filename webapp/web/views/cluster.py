"""The pages of one cluster: ladder, services, network; asking for a repair."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from webapp.cluster.actions import FixError, request_fix
from webapp.cluster.offers import offer
from webapp.cluster.rungs import FixOffer
from webapp.web.cluster_tabs import ladder_context, network_context, services_context
from webapp.web.pages_cluster import Context, Place, frame_context, see_cluster, watch
from webapp.web.requests import Request


@require_GET
def ladder(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    place = see_cluster(request, slug=slug, pk=pk)
    return show_tab(request, place, "ladder", ladder_context(place, request.GET))


@require_GET
def ladder_grid(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    place = see_cluster(request, slug=slug, pk=pk)
    return show_part(request, place, "ladder", ladder_context(place, request.GET))


@require_GET
def services(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    place = see_cluster(request, slug=slug, pk=pk)
    return show_tab(request, place, "services", services_context(place))


@require_GET
def service_tables(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    place = see_cluster(request, slug=slug, pk=pk)
    return show_part(request, place, "services", services_context(place))


@require_GET
def network(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    place = see_cluster(request, slug=slug, pk=pk)
    return show_tab(request, place, "network", network_context(place))


@require_GET
def network_facts(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    place = see_cluster(request, slug=slug, pk=pk)
    return show_part(request, place, "network", network_context(place))


def show_tab(request: Request, place: Place, tab: str, more: Context) -> HttpResponse:
    """Show a tab's page, and let the looks be fast while it is open."""
    watch(place)
    return render(request, f"cluster/{tab}.html", {**frame_context(place, tab), **more})


def show_part(request: Request, place: Place, tab: str, more: Context) -> HttpResponse:
    """Show what of a tab changes, and let the looks stay fast."""
    watch(place)
    return render(request, f"cluster/_{tab}.html", more)


@require_http_methods(["GET", "POST"])
def fix(request: Request, slug: str = "", pk: int = 0) -> HttpResponse:
    """Say what would be done and ask; on POST ask the worker for it."""
    place = see_cluster(request, slug=slug, pk=pk)
    asked = asked_offer(request)
    back = "services" if asked.kind.endswith("-service") else "ladder"
    if request.method == "POST":
        carry_on(request, place, asked)
        return redirect(place.urls[back])
    context = {**frame_context(place, back), "offer": asked, "back": place.urls[back]}
    return render(request, "cluster/_ask.html" if request.htmx else "cluster/ask.html", context)


def asked_offer(request: Request) -> FixOffer:
    """Return the repair that the address or the form names. Http404 for an unknown one."""
    given = request.POST if request.method == "POST" else request.GET
    try:
        return offer(given.get("kind", ""), given.get("machine", "")[:63], given.get("argument", "")[:253])
    except KeyError as error:
        raise Http404("There is no such repair.") from error


def carry_on(request: Request, place: Place, asked: FixOffer) -> None:
    """Ask for the repair, and tell how that went."""
    watch(place)
    try:
        found, is_new = request_fix(
            place.saved(), asked.kind, request.user, machine=asked.machine, argument=asked.argument
        )
    except FixError as error:
        messages.error(request, str(error))
        return
    if is_new:
        messages.success(request, f"{asked.label}: the worker has been asked.")
    else:
        messages.info(request, f"A repair of {found.machine or place.name} is open; nothing new was begun.")
