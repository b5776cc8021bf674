"""What the terminals' templates are given; pairings put the same fragment on their own page."""

from django.conf import settings

from webapp.accounts.models import User
from webapp.labs.access import can
from webapp.labs.models import Lab
from webapp.shells.models import Terminal
from webapp.shells.queries import live_terminals, recordings_of

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
