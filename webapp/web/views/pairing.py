"""Pairings: lists, opening one, its page, coming and going, its end and summary; invitations."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.labs.access import can, require
from webapp.labs.models import Lab
from webapp.pairing import guests
from webapp.pairing.actions import (
    end_pairing,
    join_pairing,
    leave_pairing,
    open_pairing,
    plan_pairing,
    start_pairing,
)
from webapp.pairing.errors import PairingError
from webapp.pairing.models import Pairing
from webapp.pairing.queries import open_pairing_of, open_pairings_with, pairings_for, pairings_of
from webapp.pairing.summary import absolute
from webapp.runs.models import Run
from webapp.shells.actions import open_terminal
from webapp.shells.errors import ShellError
from webapp.web.forms_pairing import InvitationForm, PairingForm
from webapp.web.pages_labs import find_lab
from webapp.web.pages_pairing import (
    head_context,
    log_context,
    pairing_context,
    panel_context,
    people_context,
    remains_context,
    rights_of,
    see_pairing,
    terminals_context,
)
from webapp.web.pages_shells import sign_in_first
from webapp.web.requests import Request, whole_number

MOST_LISTED = 100


@require_GET
def all_pairings(request: Request) -> HttpResponse:
    """Pairings of every lab that the person may see."""
    require(request.user, "lab.list")
    return render(request, "pairing/all.html", {"pairings": pairings_for(request.user)[:MOST_LISTED]})


@require_GET
def pairings(request: Request, slug: str) -> HttpResponse:
    lab = find_lab(request, slug, "lab.see")
    context = {**panel_context(request.user, lab), "pairings": pairings_of(lab)[:MOST_LISTED]}
    return render(request, "pairing/list.html", context)


@require_GET
def panel(request: Request, slug: str) -> HttpResponse:
    lab = find_lab(request, slug, "lab.see")
    return render(request, "pairing/_panel.html", panel_context(request.user, lab))


@require_GET
def chip(request: Request, slug: str) -> HttpResponse:
    """The open pairing of a lab as a link, for the top of each of its pages; it is where quotes go."""
    lab = find_lab(request, slug, "lab.see")
    context = {
        "lab": lab,
        "open_pairing": open_pairing_of(lab),
        "may_note": can(request.user, "lab.note", lab),
    }
    return render(request, "pairing/_chip.html", context)


@require_GET
def mine(request: Request) -> HttpResponse:
    """Where a build can be quoted: the open pairings one takes part in."""
    require(request.user, "build.see")
    found = [one for one in open_pairings_with(request.user) if can(request.user, "lab.note", one.lab)]
    return render(request, "pairing/_mine.html", {"pairings": found, "build": request.GET.get("build", "")})


@require_http_methods(["GET", "POST"])
def pairing_new(request: Request, slug: str) -> HttpResponse:
    """Open one now, or plan one; with `run` on that run's failure."""
    lab = find_lab(request, slug, "lab.pair")
    run = failure(lab, request.POST.get("run") or request.GET.get("run", ""))
    form = PairingForm(request.POST or None, initial=proposal(run))
    if form.is_valid():
        try:
            return redirect("pairing", slug, made(request, lab, form, run).number)
        except PairingError as error:
            form.add_error(None, str(error))
    context = {"lab": lab, "form": form, "run": run, "open_pairing": open_pairing_of(lab)}
    return render(request, "pairing/new.html", context, status=422 if form.is_bound else 200)


def failure(lab: Lab, number: str) -> Run | None:
    """Return the run that is to be paired on; Http404 for one that is not there."""
    if not number:
        return None
    return get_object_or_404(Run, lab=lab, number=whole_number(number, 0))


def proposal(run: Run | None) -> dict[str, str]:
    if run is None:
        return {}
    return {"title": f"#{run.number} {run.verb} {run.status}"[:80], "goal": run.sentence[:200]}


def made(request: Request, lab: Lab, form: PairingForm, run: Run | None) -> Pairing:
    """Make what the form asks for. Raises PairingError."""
    given = form.cleaned_data
    planned_at = given.pop("planned_at")
    if planned_at is not None:
        return plan_pairing(lab, request.user, planned_at=planned_at, **given)
    pairing, is_new = open_pairing(lab, request.user, run=run, **given)
    if not is_new:
        messages.info(request, f"A pairing was open on {lab.name} already; this is it.")
    return pairing


@require_GET
def pairing(request: Request, slug: str, number: int) -> HttpResponse:
    found = see_pairing(request, slug, number)
    if found.is_ended:
        context = {**pairing_context(request, found), **remains_context(found)}
        return render(request, "pairing/ended.html", context)
    return render(request, "pairing/detail.html", page_context(request, found))


def page_context(request: Request, found: Pairing, **more: object) -> dict[str, object]:
    terminals = terminals_context(request, found)
    show = request.GET.get("show", "terminals" if terminals["terminals"] else "log")
    shown = {"show": show, **terminals, **(log_context(request, found) if show == "log" else {})}
    return pairing_context(request, found, **shown, **more)


@require_GET
def pairing_head(request: Request, slug: str, number: int) -> HttpResponse:
    found = see_pairing(request, slug, number)
    return render(request, "pairing/_head.html", head_context(request, found))


@require_GET
def pairing_people(request: Request, slug: str, number: int) -> HttpResponse:
    found = see_pairing(request, slug, number)
    return render(request, "pairing/_people.html", people_context(request, found))


@require_POST
def pairing_start(request: Request, slug: str, number: int) -> HttpResponse:
    found = see_pairing(request, slug, number, "lab.pair")
    try:
        start_pairing(found, request.user)
    except PairingError as error:
        messages.error(request, str(error))
    return redirect("pairing", slug, number)


@require_POST
def pairing_join(request: Request, slug: str, number: int) -> HttpResponse:
    """Come in; for who is in already, or after its end, this changes nothing."""
    found = see_pairing(request, slug, number)
    rights = rights_of(found, request.user)
    if rights["join"]:
        join_pairing(found, request.user)
    elif not (rights["leave"] or found.is_ended):
        require(request.user, "lab.pair", found.lab)
    return redirect("pairing", slug, number)


@require_POST
def pairing_leave(request: Request, slug: str, number: int) -> HttpResponse:
    leave_pairing(see_pairing(request, slug, number), request.user)
    return redirect("pairing", slug, number)


@require_POST
def pairing_end(request: Request, slug: str, number: int) -> HttpResponse:
    """End it; for one that has ended this changes nothing."""
    found = see_pairing(request, slug, number)
    if found.opened_by_id != request.user.pk:
        require(request.user, "lab.share", found.lab)
    if end_pairing(found, request.user):
        messages.success(request, "The pairing has ended; this is what remains of it.")
    return redirect("pairing", slug, number)


@require_POST
def pairing_shell_open(request: Request, slug: str, number: int) -> HttpResponse:
    """Open a terminal that belongs to the pairing, and ends with it."""
    found = see_pairing(request, slug, number, "lab.shell")
    machine = get_object_or_404(found.lab.machines, name=request.POST.get("machine", ""))
    address = reverse("pairing", args=[slug, number])
    if not found.is_open:
        messages.error(request, "The pairing is not open.")
        return redirect(address)
    if (answer := sign_in_first(request, address)) is not None:
        return answer
    try:
        opened = open_terminal(found.lab, machine, request.user, found.pk)
    except ShellError as error:
        messages.error(request, str(error))
        return redirect(address)
    return redirect(f"{address}?show=terminals&terminal={opened.number}")


@never_cache
@require_POST
def pairing_invite(request: Request, slug: str, number: int) -> HttpResponse:
    """Make an invitation and show its link, this once."""
    found = see_pairing(request, slug, number, "lab.share")
    form = InvitationForm(request.POST)
    link, error = "", "Choose what the guests may do, how many and how long."
    if form.is_valid():
        try:
            _, token = guests.invite(found, request.user, **form.cleaned_data)
            link = request.build_absolute_uri(reverse("invitation", args=[token]))
        except PairingError as refused:
            error = str(refused)
    context = page_context(
        request, see_pairing(request, slug, number), link=link, error="" if link else error
    )
    return render(request, "pairing/detail.html", context, status=200 if link else 422)


@require_POST
def pairing_revoke(request: Request, slug: str, number: int, pk: int) -> HttpResponse:
    found = see_pairing(request, slug, number, "lab.share")
    if guests.revoke_invitation(get_object_or_404(found.invitations.all(), pk=pk), request.user):
        messages.success(request, "The invitation is revoked; whoever came by it is out.")
    return redirect("pairing", slug, number)


@require_POST
def pairing_remove(request: Request, slug: str, number: int, pk: int) -> HttpResponse:
    found = see_pairing(request, slug, number, "lab.share")
    one = get_object_or_404(found.participants.select_related("user"), user=pk)
    if guests.remove_guest(found, one.user, request.user):
        messages.success(request, f"{one.user.username} is out.")
    return redirect("pairing", slug, number)


@require_GET
def pairing_summary(request: Request, slug: str, number: int) -> HttpResponse:
    """The summary as a Markdown file."""
    found = see_pairing(request, slug, number)
    text = absolute(found.summary, request.build_absolute_uri("/").rstrip("/"))
    name = f"{found.lab.slug}-pairing-{found.number}.md"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(text, content_type="text/markdown; charset=utf-8", headers=headers)
