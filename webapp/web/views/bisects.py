"""Bisects: the list, asking for one, its page with the fragment of trials, cancel."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.bisects.actions import BisectError, cancel_bisect, request_bisect
from webapp.labs.access import can, require
from webapp.labs.models import Lab
from webapp.web.forms_bisects import BisectForm
from webapp.web.pages_bisects import (
    bisect_context,
    component_names,
    first_url,
    listed_bisects,
    operable_labs,
    see_bisect,
)
from webapp.web.requests import Request


@require_GET
def bisects(request: Request) -> HttpResponse:
    require(request.user, "build.see")
    context = {"bisects": listed_bisects(), "may_ask": can(request.user, "build.request")}
    return render(request, "bisects/list.html", context)


@require_http_methods(["GET", "POST"])
def bisect_new(request: Request) -> HttpResponse:
    """Choose a lab first; then ask for the bisect on it."""
    require(request.user, "build.request")
    slug = (request.POST if request.method == "POST" else request.GET).get("lab", "")
    if not slug:
        return render(request, "bisects/choose.html", {"labs": operable_labs(request)})
    lab = get_object_or_404(Lab.objects.select_related("owner"), slug=slug, destroyed_at=None)
    require(request.user, "lab.operate", lab)
    form = new_form(request, lab)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("bisect", request_bisect(lab, form.wish(), request.user).pk)
        except BisectError as error:
            form.add_error(None, str(error))
    status = 422 if request.method == "POST" else 200
    return render(request, "bisects/new.html", {"form": form, "lab": lab}, status=status)


def new_form(request: Request, lab: Lab) -> BisectForm:
    names = component_names()
    if request.method == "POST":
        return BisectForm(request.POST, lab=lab, components=names)
    windows = next((machine.name for machine in lab.machines.all() if machine.is_windows), "")
    initial = {"url": first_url(), "machine": windows, "check_machine": windows}
    return BisectForm(initial=initial, lab=lab, components=names)


@require_GET
def bisect(request: Request, pk: int) -> HttpResponse:
    return render(request, "bisects/detail.html", bisect_context(request, see_bisect(request, pk)))


@require_GET
def bisect_trials(request: Request, pk: int) -> HttpResponse:
    return render(request, "bisects/_trials.html", bisect_context(request, see_bisect(request, pk)))


@require_POST
def bisect_cancel(request: Request, pk: int) -> HttpResponse:
    """End the search; for one that has ended this changes nothing."""
    found = see_bisect(request, pk)
    require(request.user, "lab.operate", found.lab)
    if cancel_bisect(found, request.user):
        messages.success(request, "The bisect was canceled.")
    else:
        messages.info(request, "The bisect has ended.")
    return redirect("bisect", pk)
