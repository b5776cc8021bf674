"""The list of builds, asking for one, its page with fragments, cancel and again."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.builds.actions import cancel_build, rebuild, request_build
from webapp.builds.errors import BuildError
from webapp.builds.models import Build
from webapp.builds.uploads import request_fetch
from webapp.labs.access import require
from webapp.web.forms_builds import BuildForm, FetchForm
from webapp.web.pages_builds import (
    build_context,
    cancel_refusal,
    list_context,
    new_context,
    plain_log,
    resolved_view,
    see_build,
)
from webapp.web.requests import Request


@require_GET
def builds(request: Request) -> HttpResponse:
    return render(request, "builds/list.html", list_context(request))


@require_GET
def build_rows(request: Request) -> HttpResponse:
    return render(request, "builds/_rows.html", list_context(request))


@require_http_methods(["GET", "POST"])
def build_new(request: Request) -> HttpResponse:
    """Ask for a build; the same commit and recipe lead to the build that is there."""
    require(request.user, "build.request")
    if request.method == "GET":
        return render(request, "builds/new.html", new_context(request))
    form = BuildForm(request.POST)
    made = asked_build(request, form) if form.is_valid() else None
    if made is not None:
        return redirect_to(request, *made)
    return render(request, "builds/new.html", new_context(request, form=form), status=422)


def asked_build(request: Request, form: BuildForm) -> tuple[Build, bool] | None:
    """Make the build, or leave the reason on the form."""
    given = form.cleaned_data
    try:
        return request_build(
            url=given["url"],
            ref=given["ref"],
            names=given["components"],
            targets=given["targets"],
            by=request.user,
        )
    except BuildError as error:
        form.add_error(None, str(error))
        return None


def redirect_to(request: Request, build: Build, is_new: bool) -> HttpResponse:
    if not is_new:
        messages.info(request, f"This was asked for before: build #{build.pk} is it.")
    return redirect("build", build.pk)


@require_GET
def build_new_resolved(request: Request) -> HttpResponse:
    """The fragment that says what the typed ref is now."""
    require(request.user, "build.request")
    view = resolved_view(request.GET.get("url", ""), request.GET.get("ref", ""))
    return render(request, "builds/_resolved.html", {"resolved": view})


@require_POST
def build_fetch(request: Request) -> HttpResponse:
    """Ask for published binaries."""
    require(request.user, "build.request")
    form = FetchForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            made = request_fetch(
                source=given["source"],
                version=given["version"],
                names=given["members"],
                targets=given["fetch_targets"],
                by=request.user,
                sha256=given["sha256"],
            )
            return redirect_to(request, *made)
        except BuildError as error:
            form.add_error(None, str(error))
    return render(request, "builds/new.html", new_context(request, fetch_form=form), status=422)


@require_GET
def build(request: Request, pk: int) -> HttpResponse:
    found = see_build(request, pk)
    context = {**build_context(request, found), **plain_log(request, found)}
    return render(request, "builds/detail.html", context)


@require_GET
def build_head(request: Request, pk: int) -> HttpResponse:
    return render(request, "builds/_head.html", build_context(request, see_build(request, pk)))


@require_GET
def build_results(request: Request, pk: int) -> HttpResponse:
    return render(request, "builds/_results.html", build_context(request, see_build(request, pk)))


@require_POST
def build_cancel(request: Request, pk: int) -> HttpResponse:
    """Ask the build to stop; for one that has ended this changes nothing."""
    require(request.user, "build.request")
    found = see_build(request, pk)
    if cancel_build(found, request.user):
        messages.success(request, f"Build #{pk} was asked to stop.")
    else:
        messages.info(request, cancel_refusal(found) or "The build has ended.")
    return redirect("build", pk)


@require_POST
def build_again(request: Request, pk: int) -> HttpResponse:
    """Build the same commit and recipe anew; an open one is the answer already."""
    require(request.user, "build.request")
    return redirect_to(request, *rebuild(see_build(request, pk), request.user))
