"""What the templates of the pairing pages are given: queries and rights put together."""

from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from webapp.accounts.models import User
from webapp.labs.access import can, require
from webapp.labs.models import Lab
from webapp.pairing import presence
from webapp.pairing.models import Invitation, Pairing, Participant
from webapp.pairing.queries import (
    find_pairing,
    messages_after,
    newest_of,
    notes_of,
)
from webapp.runs.models import Run
from webapp.runs.queries import run_page
from webapp.web.forms_pairing import InvitationForm
from webapp.web.pages_shells import shells_context
from webapp.web.requests import Request
from webapp.web.views.runs import plain_log

Context = dict[str, object]
PANEL_PAST = 5
MOST_IN_PANEL = 40


def see_pairing(request: Request, slug: str, number: int, action: str = "lab.see") -> Pairing:
    """Return a pairing of a lab on which the person may do `action`; Http404, PermissionDenied."""
    try:
        pairing = find_pairing(slug, number)
    except Pairing.DoesNotExist as error:
        raise Http404("There is no such pairing.") from error
    require(request.user, action, pairing.lab)
    return pairing


def participation_of(pairing: Pairing, user: User) -> Participant | None:
    return next((one for one in pairing.participants.all() if one.user_id == user.pk), None)


def rights_of(pairing: Pairing, user: User) -> dict[str, bool]:
    """What the person may do here now."""
    lab, one = pairing.lab, participation_of(pairing, user)
    is_in = one is not None and one.left_at is None and one.removed_at is None
    is_going_on = not pairing.is_ended
    is_to_begin = pairing.status == Pairing.Status.PLANNED and lab.destroyed_at is None
    may_come = can(user, "lab.pair", lab) or (one is not None and one.removed_at is None)
    may_decide = can(user, "lab.share", lab)
    return {
        "chat": is_going_on and can(user, "lab.chat", lab),
        "note": is_going_on and can(user, "lab.note", lab),
        "invite": is_going_on and may_decide,
        "join": is_going_on and not is_in and may_come,
        "leave": is_going_on and is_in,
        "start": is_to_begin and can(user, "lab.pair", lab),
        "end": is_going_on and (may_decide or pairing.opened_by_id == user.pk),
    }


def pairing_context(request: Request, pairing: Pairing, **more: object) -> Context:
    """Everything of the page but the log."""
    return {
        **head_context(request, pairing),
        **people_context(request, pairing),
        **chat_context(request, pairing),
        **notes_context(request, pairing),
        **more,
    }


def head_context(request: Request, pairing: Pairing) -> Context:
    return {
        "pairing": pairing,
        "lab": pairing.lab,
        "may": rights_of(pairing, request.user),
        "now": timezone.now(),
        "window": pairing.join_until if pairing.is_open else None,
    }


def people_context(request: Request, pairing: Pairing) -> Context:
    """Who takes part, who of them is here now, and the invitations for those who decide."""
    may = rights_of(pairing, request.user)
    here = {one.user: one for one in presence.people_on([pairing.lab_id]).get(pairing.lab_id, [])}
    rows = [{"one": one, "here": here.pop(one.user_id, None)} for one in pairing.participants.all()]
    invitations = list(pairing.invitations.select_related("created_by")) if may["invite"] else []
    return {
        "pairing": pairing,
        "lab": pairing.lab,
        "may": may,
        "rows": rows,
        "others": list(here.values()),
        "invitations": [(one, state_of(one)) for one in invitations],
        "invitation_form": InvitationForm(),
    }


def state_of(invitation: Invitation) -> str:
    """Say in a word how an invitation stands; "" while it lets people in."""
    if invitation.revoked_at is not None:
        return "revoked"
    if invitation.expires_at <= timezone.now():
        return "expired"
    return "used up" if invitation.use_count >= invitation.most_uses else ""


def chat_context(request: Request, pairing: Pairing, after: int = 0) -> Context:
    said = messages_after(pairing, after)
    return {
        "pairing": pairing,
        "lab": pairing.lab,
        "chat": said,
        "last": said[-1].pk if said else after,
        "me": request.user,
    }


def notes_context(request: Request, pairing: Pairing) -> Context:
    return {
        "pairing": pairing,
        "lab": pairing.lab,
        "notes": notes_of(pairing),
        "may": rights_of(pairing, request.user),
    }


def log_context(request: Request, pairing: Pairing) -> Context:
    """The log that the pairing looks at: of the run it was opened on, else of the newest."""
    run = pairing.run or Run.objects.filter(lab=pairing.lab).order_by("-number").first()
    if run is None:
        return {"run": None}
    now = timezone.now()
    page = run_page(pairing.lab.slug, run.number, now)
    return {"run": page.run, "page": page, "steps": page.steps, "now": now, **plain_log(request, page)}


def remains_context(pairing: Pairing) -> Context:
    """What is left of an ended pairing: its summary without the title, which the page has already."""
    return {"remains": pairing.summary.partition("\n\n")[2]}


def terminals_context(request: Request, pairing: Pairing) -> Context:
    """The lab's terminals; those that are opened here belong to the pairing, and close with it."""
    context = shells_context(pairing.lab, request.user, request.GET.get("terminal", ""))
    url = reverse("pairing-shell-open", args=[pairing.lab.slug, pairing.number])
    not_yet = "" if pairing.is_open else "The pairing has not begun."
    return {**context, "open_url": url, "why_not": context["why_not"] or not_yet}


def panel_context(user: User, lab: Lab) -> Context:
    """The lab page's panel: who is here, the open pairing, the next and the last ones."""
    found = newest_of(lab, MOST_IN_PANEL)
    return {
        "lab": lab,
        "here": presence.people_on([lab.pk]).get(lab.pk, []),
        "open_pairing": next((one for one in found if one.is_open), None),
        "planned": [one for one in found if one.status == Pairing.Status.PLANNED],
        "past": [one for one in found if one.is_ended][:PANEL_PAST],
        "may_pair": lab.destroyed_at is None and can(user, "lab.pair", lab),
    }
