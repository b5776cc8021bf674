"""The labs page, launching, a lab's page and its fragments, its verbs, its people."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.accounts.models import User
from webapp.labs.access import require
from webapp.labs.actions import LaunchError, add_guest, remove_member
from webapp.labs.verbs import right_to
from webapp.planning.plan import PlanError, Verb
from webapp.runs.actions import RunError, request_run
from webapp.runs.launch import launch_once
from webapp.runs.models import Run
from webapp.runs.overview import run_history
from webapp.web.forms_labs import GuestForm, LaunchForm
from webapp.web.pages_labs import (
    find_lab,
    head_context,
    lab_context,
    labs_context,
    machines_context,
    run_context,
    see_lab,
    will_be_made,
)
from webapp.web.requests import Request


@require_GET
def labs(request: Request) -> HttpResponse:
    require(request.user, "lab.list")
    return render(request, "labs/list.html", labs_context(request))


@require_GET
def lab_cards(request: Request) -> HttpResponse:
    require(request.user, "lab.list")
    return render(request, "labs/_cards.html", labs_context(request))


@require_http_methods(["GET", "POST"])
def lab_new(request: Request) -> HttpResponse:
    """Choose and launch; a second click on Launch leads to the first one's run."""
    require(request.user, "lab.launch")
    form = LaunchForm(request.POST or None, definition=request.GET.get("definition", ""))
    run = launched(form, request.user) if form.is_valid() else None
    if run is not None:
        return redirect("run", run.lab.slug, run.number)
    context = {"form": form, "made": will_be_made(form)}
    return render(request, "labs/new.html", context, status=422 if form.is_bound else 200)


@require_GET
def lab_new_made(request: Request) -> HttpResponse:
    """The fragment that says what the choices so far would make."""
    require(request.user, "lab.launch")
    return render(request, "labs/_made.html", {"made": will_be_made(LaunchForm(request.GET))})


def launched(form: LaunchForm, by: User) -> Run | None:
    """Call the action with what the form holds; its problems become the form's errors."""
    try:
        run, _ = launch_once(**form.cleaned_data, by=by)
    except (LaunchError, PlanError) as error:
        for problem in getattr(error, "problems", [str(error)]):
            form.add_error(None, problem)
        return None
    return run


@require_GET
def lab(request: Request, slug: str) -> HttpResponse:
    found = see_lab(request, slug)
    context = {
        **lab_context(found, request.user),
        "history": run_history(found.lab, request.GET.get("page", 1)),
    }
    return render(request, "labs/detail.html", context)


@require_GET
def lab_head(request: Request, slug: str) -> HttpResponse:
    return render(request, "labs/_head.html", head_context(see_lab(request, slug), request.user))


@require_GET
def lab_machines(request: Request, slug: str) -> HttpResponse:
    return render(request, "labs/_machines.html", machines_context(see_lab(request, slug), request.user))


@require_GET
def lab_run(request: Request, slug: str) -> HttpResponse:
    return render(request, "labs/_run.html", run_context(see_lab(request, slug)))


@require_GET
def lab_history(request: Request, slug: str) -> HttpResponse:
    found = find_lab(request, slug, "lab.see")
    history = run_history(found, request.GET.get("page", 1))
    return render(request, "labs/_history.html", {"lab": found, "history": history})


@require_GET
def lab_destroy(request: Request, slug: str) -> HttpResponse:
    """Say what would be gone, and ask for the lab's name."""
    found = find_lab(request, slug, "lab.destroy")
    return render(request, "labs/destroy.html", {"lab": found, "machine": request.GET.get("machine", "")})


@require_POST
def lab_verb(request: Request, slug: str, verb: str) -> HttpResponse:
    """Ask for a run of a verb; an open run of the lab is shown instead of a second one."""
    found = find_lab(request, slug, right_to(verb))
    machine = request.POST.get("machine", "")
    if verb == Verb.DESTROY and request.POST.get("confirm", "").strip() != found.name:
        context = {
            "lab": found,
            "machine": machine,
            "error": f"Type {found.name} exactly; nothing was destroyed.",
        }
        return render(request, "labs/destroy.html", context, status=422)
    try:
        run, is_new = request_run(
            found, verb, request.user, machine=machine, snapshot=request.POST.get("snapshot", "").strip()
        )
    except (RunError, PlanError) as error:
        messages.error(request, str(error))
        return redirect("lab", slug)
    if not is_new:
        messages.info(request, f"A run was already open on {found.name}; this is it. Nothing new was begun.")
    return redirect("run", slug, run.number)


@require_POST
def lab_guest_add(request: Request, slug: str) -> HttpResponse:
    found = find_lab(request, slug, "lab.share")
    form = GuestForm(found, request.POST)
    if not form.is_valid():
        messages.error(request, "Choose a person who has no right on this lab yet.")
        return redirect("lab", slug)
    add_guest(found, form.cleaned_data["person"], request.user)
    messages.success(request, f"{form.cleaned_data['person'].username} may operate {found.name} now.")
    return redirect(f"{reverse('lab', args=[slug])}#people")


@require_POST
def lab_member_remove(request: Request, slug: str) -> HttpResponse:
    found = find_lab(request, slug, "lab.share")
    person = get_object_or_404(User, username=request.POST.get("person", ""))
    remove_member(found, person, request.user)
    messages.success(request, f"{person.username} has no right of their own on {found.name} any more.")
    return redirect(f"{reverse('lab', args=[slug])}#people")
