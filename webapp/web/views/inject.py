"""Binaries of a lab: the passport panels, putting a binary in, taking it out again."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.builds.models import Artifact
from webapp.cluster.actions import note_watching
from webapp.inject.actions import InjectError, RunIsOpen, roll_back, start
from webapp.inject.models import Injection
from webapp.labs.access import can, require
from webapp.labs.models import Lab
from webapp.labs.queries import whole_labs
from webapp.runs.models import Run
from webapp.web.forms_inject import ChooseBinaryForm, ChooseMachinesForm
from webapp.web.pages_inject import artifact_context, choose_context, panel_context
from webapp.web.pages_labs import find_lab
from webapp.web.requests import Request


@require_GET
def binaries(request: Request, slug: str) -> HttpResponse:
    """What runs on each machine against what was meant."""
    lab = find_lab(request, slug, "lab.see")
    note_watching(lab, timezone.now())  # whoever looks at this page wants fresh looks
    return render(request, "inject/binaries.html", panel_context(request, lab))


@require_GET
def binary_panels(request: Request, slug: str) -> HttpResponse:
    lab = find_lab(request, slug, "lab.see")
    note_watching(lab, timezone.now())
    return render(request, "inject/_panels.html", panel_context(request, lab))


@require_GET
def binary_alarm(request: Request, slug: str) -> HttpResponse:
    lab = find_lab(request, slug, "lab.see")
    return render(request, "inject/_alarm.html", panel_context(request, lab))


@require_http_methods(["GET", "POST"])
def choose_binary(request: Request, slug: str, machine: str, component: str) -> HttpResponse:
    """From a machine's panel: which of the store's binaries shall go there."""
    lab = find_lab(request, slug, "lab.operate")
    found = get_object_or_404(lab.machines, name=machine)
    given = request.POST if request.method == "POST" else None
    form = ChooseBinaryForm(given, machine=found, component=component)
    if form.is_valid():
        run = asked(request, lab, [machine], form.cleaned_data["artifact"], is_forced=form.is_forced)
        if run is not None:
            return redirect("run", slug, run.number)
    context = choose_context(request, lab, found, component, form)
    return render(request, "inject/choose.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def artifact_inject(request: Request, pk: int) -> HttpResponse:
    """From a binary's page: onto which lab and machines."""
    require(request.user, "build.see")
    artifact = get_object_or_404(Artifact.objects.select_related("build"), pk=pk)
    context = artifact_context(request, artifact)
    if request.method == "POST":
        form = ChooseMachinesForm(request.POST)
        if form.is_valid():
            lab = get_object_or_404(whole_labs(), slug=form.cleaned_data["lab"])
            require(request.user, "lab.operate", lab)
            run = asked(request, lab, form.cleaned_data["machines"], artifact, is_forced=form.is_forced)
            if run is not None:
                return redirect("run", lab.slug, run.number)
        else:
            messages.error(request, "Choose at least one machine.")
        return render(request, "inject/targets.html", context, status=422)
    return render(request, "inject/targets.html", context)


def asked(
    request: Request, lab: Lab, machines: list[str], artifact: Artifact, *, is_forced: bool
) -> Run | None:
    """Ask for the injection; None, with a message, when it cannot be had."""
    if is_forced and not can(request.user, "lab.force", lab):
        messages.error(request, "Only the lab's owner may inject in spite of the flags.")
        return None
    try:
        return start(lab, machines, [artifact], request.user, is_forced=is_forced)
    except RunIsOpen as refused:
        messages.info(request, str(refused))
    except InjectError as refused:
        messages.error(request, str(refused))
    return None


@require_POST
def injection_roll_back(request: Request, slug: str, pk: int) -> HttpResponse:
    """Put back what lay there before, in a run of its own."""
    lab = find_lab(request, slug, "lab.operate")
    injection = get_object_or_404(Injection.objects.select_related("lab"), pk=pk, lab=lab)
    try:
        run = roll_back(injection, request.user)
    except RunIsOpen as refused:
        messages.info(request, str(refused))
        return redirect("run", slug, refused.run.number)
    except InjectError as refused:
        messages.error(request, str(refused))
        return redirect("binaries", slug)
    return redirect("run", slug, run.number)
