"""Find terminals and recordings: what pages and pairings ask."""

from django.db.models import QuerySet

from webapp.labs.models import Lab
from webapp.shells.models import Recording, Terminal


def whole_terminals() -> QuerySet[Terminal]:
    """Terminals with everything that a page or the PTYs' process shows of them."""
    return Terminal.objects.select_related(
        "lab__host", "lab__owner", "machine", "holder", "asked_by", "offered_to", "opened_by"
    ).prefetch_related("lab__members", "recordings")


def live_terminals(lab: Lab, pairing_id: int | None = None) -> QuerySet[Terminal]:
    """The lab's terminals that are not closed, in tab order; with a pairing: its own only."""
    found = whole_terminals().filter(lab=lab).exclude(status=Terminal.Status.CLOSED)
    return found if pairing_id is None else found.filter(pairing_id=pairing_id)


def terminal_of(lab: Lab, number: int) -> Terminal:
    """Raises Terminal.DoesNotExist."""
    return whole_terminals().get(lab=lab, number=number)


def recordings_of(lab: Lab, pairing_id: int | None = None) -> QuerySet[Recording]:
    """Recordings whose files are there, newest first."""
    found = Recording.objects.filter(terminal__lab=lab, deleted_at=None)
    found = found if pairing_id is None else found.filter(terminal__pairing_id=pairing_id)
    return found.select_related("terminal__machine", "terminal__lab", "started_by")
