"""Who types: exactly one person a terminal. Every move is one UPDATE that filters on what it expects.

free ──ask──► held by me          held ──ask──► asked_by        asked_by ──offer to them──► theirs
held ──offer──► offered_to ──accept──► theirs      held ──let go / vanished──► free
held by anyone ──take (owner, administrator)──► mine
"""

from typing import Any

from django.utils import timezone

from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.shells.actions import LIVE, tell
from webapp.shells.models import Terminal


def ask_baton(terminal: Terminal, who: User) -> str:
    """Get a free baton at once ("held"), or ask its holder ("asked"); "" when neither changed anything."""
    if pass_to(terminal, who, "took the free baton", holder=None):
        return "held"
    waiting = rows(terminal).exclude(holder=who).exclude(holder=None)
    if waiting.update(asked_by=who):
        told(terminal, who, "asked for the baton")
        return "asked"
    return ""


def offer_baton(terminal: Terminal, by: User, to: User) -> bool:
    """As its holder: pass it to the one who asked, or offer it to somebody else, who has to accept."""
    if pass_to(terminal, to, "passed the baton", actor=by, holder=by, asked_by=to):
        return True
    offered = rows(terminal).filter(holder=by).exclude(holder=to).update(offered_to=to)
    if offered:
        told(terminal, by, "offered the baton", {"to": to.username})
    return bool(offered)


def accept_baton(terminal: Terminal, who: User) -> bool:
    return pass_to(terminal, who, "accepted the baton", offered_to=who)


def let_go_of_baton(terminal: Terminal, who: User) -> bool:
    """Free it; whoever has asked gets it."""
    asked_by = Terminal.objects.select_related("asked_by").get(pk=terminal.pk).asked_by
    if asked_by and pass_to(terminal, asked_by, "passed the baton", actor=who, holder=who, asked_by=asked_by):
        return True
    return free(terminal, who, who, "let go of the baton")


def take_baton(terminal: Terminal, by: User) -> bool:
    """As somebody with lab.baton: take it from whoever holds it."""
    return pass_to(terminal, by, "took the baton")


def free_vanished(terminal: Terminal, holder: User) -> bool:
    """Free the baton of somebody who has been gone too long."""
    return free(terminal, holder, None, "lost the baton of one who is gone")


def free(terminal: Terminal, holder: User, actor: User | None, action: str) -> bool:
    freed = rows(terminal).filter(holder=holder).update(**held_by(None))
    if freed:
        told(terminal, actor, action, {"holder": holder.username})
    return bool(freed)


def pass_to(
    terminal: Terminal, to: User, action: str, actor: User | None = None, **expect: User | None
) -> bool:
    won = rows(terminal).filter(**expect).exclude(holder=to).update(**held_by(to))
    if won:
        told(terminal, actor or to, action, {"to": to.username})
    return bool(won)


def rows(terminal: Terminal) -> Any:  # Any: a queryset of one row
    return Terminal.objects.filter(pk=terminal.pk, status__in=LIVE)


def held_by(who: User | None) -> dict[str, object]:
    return {
        "holder": who,
        "asked_by": None,
        "offered_to": None,
        "held_since": timezone.now() if who else None,
    }


def told(terminal: Terminal, actor: User | None, action: str, detail: dict[str, str] | None = None) -> None:
    audit.record(actor, action, str(terminal), lab_id=terminal.lab_id, detail=detail)
    tell(terminal)
