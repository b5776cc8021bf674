"""What the terminals' templates are given; pairings put the same fragment on their own page."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from webapp.accounts.models import Role, User
from webapp.labs.access import can
from webapp.labs.models import Lab
from webapp.shells.fresh import is_fresh
from webapp.shells.models import Terminal
from webapp.shells.queries import live_terminals, recordings_of
from webapp.web.requests import Request

Context = dict[str, object]


def shells_context(lab: Lab, user: User, number: str = "", pairing_id: int | None = None) -> Context:
    """Terminals of a lab (or of one of its pairings), the one that is shown, and what this person may do."""
    terminals = list(live_terminals(lab, pairing_id))
    return {
        "lab": lab,
        "terminals": terminals,
        "shown": chosen(terminals, number),
        "pairing_id": pairing_id,
        "machines": list(lab.machines.all()),
        "recordings": list(recordings_of(lab, pairing_id)[:20]),
        "may_type": can(user, "lab.shell", lab),
        "may_manage": can(user, "lab.baton", lab),
        "why_not": why_not(lab),
        "file_mib": settings.SHELL_FILE_MIB,
    }


def sign_in_first(request: Request, back: str) -> HttpResponse | None:
    """Lead somebody whose sign-in is too old for terminals to a new one, and then to `back`; else None."""
    if is_fresh(request.session, request.user):
        return None
    if request.user.role == Role.GUEST:
        messages.error(request, "You came in long ago: open your invitation's link again, then the terminal.")
        return redirect(back)
    messages.error(request, "Your sign-in is too old for a terminal; sign in again.")
    return redirect(f"{reverse('sign-in')}?{urlencode({'again': 1, 'next': back})}")


def chosen(terminals: list[Terminal], number: str) -> Terminal | None:
    """Return the asked one, else the newest."""
    asked = [terminal for terminal in terminals if str(terminal.number) == number]
    return next(iter(asked or terminals[-1:]), None)


def why_not(lab: Lab) -> str:
    """Say why no terminal can be opened on this lab; "" when one can."""
    if lab.destroyed_at is not None:
        return "The lab is destroyed."
    if lab.host.name != settings.LAB_HOST:
        return (
            f"Terminals reach labs on {settings.LAB_HOST} only; this one is on {lab.host.name}. "
            "The lab's page lists the ways in from there."
        )
    return ""
