"""Read pairings: what pages, the player of recordings and the lab's page show."""

from datetime import datetime

from django.db.models import Prefetch, Q, QuerySet

from webapp.accounts.models import User
from webapp.labs.models import Lab, Member
from webapp.labs.queries import visible_labs
from webapp.pairing.models import Message, Pairing, Paragraph, Participant

MESSAGES_A_PAGE = 200


def pairings_of(lab: Lab) -> QuerySet[Pairing]:
    """A lab's pairings, newest first."""
    people = Prefetch("participants", Participant.objects.select_related("user"))
    return lab.pairings.select_related("opened_by", "lab", "run").prefetch_related(people).order_by("-number")


def newest_of(lab: Lab, count: int) -> list[Pairing]:
    """Planned ones, the open one, then ended ones, newest first."""
    return list(lab.pairings.order_by("-status", "-number")[:count])


def pairings_for(user: User) -> QuerySet[Pairing]:
    """Pairings on all labs that the person may see: open ones first, then planned, then the newest."""
    people = Prefetch("participants", Participant.objects.select_related("user"))
    found = Pairing.objects.filter(lab__in=visible_labs(user)).select_related("opened_by", "lab")
    return found.prefetch_related(people).order_by("-status", "-id")


def open_pairing_of(lab: Lab) -> Pairing | None:
    return lab.pairings.filter(status=Pairing.Status.OPEN).first()


def open_pairings_with(user: User) -> QuerySet[Pairing]:
    """The open pairings in which a person takes part: where they can quote to."""
    mine = Participant.objects.filter(user=user, left_at=None, removed_at=None)
    open_ones = Pairing.objects.filter(status=Pairing.Status.OPEN, pk__in=mine.values("pairing"))
    members = Prefetch("lab__members", Member.objects.all())
    return open_ones.select_related("lab").prefetch_related(members).order_by("-id")


def find_pairing(slug: str, number: int) -> Pairing:
    """Raises Pairing.DoesNotExist."""
    people = Prefetch("participants", Participant.objects.select_related("user", "invitation"))
    members = Prefetch("lab__members", Member.objects.select_related("user"))
    found = Pairing.objects.select_related("lab__owner", "lab__host", "opened_by", "run")
    return found.prefetch_related(people, members, "lab__machines").get(lab__slug=slug, number=number)


def messages_after(pairing: Pairing, after: int) -> list[Message]:
    """Messages with ids beyond `after`, oldest first; the newest 200 at most."""
    newest = pairing.messages.filter(pk__gt=after).select_related("author", "quote").order_by("-pk")
    return list(reversed(newest[:MESSAGES_A_PAGE]))


def chat_between(lab: Lab, start: datetime, end: datetime, pairing_id: int | None = None) -> list[Message]:
    """What was said on a lab (in one pairing, if given) from start to end: beside a recording."""
    chosen = Q(pairing__lab=lab) if pairing_id is None else Q(pairing__lab=lab, pairing=pairing_id)
    said = Message.objects.filter(chosen, at__gte=start, at__lte=end)
    return list(said.select_related("author", "quote").order_by("at", "pk"))


def notes_of(pairing: Pairing) -> QuerySet[Paragraph]:
    """The paragraphs that are there, in order, with their last writers."""
    return pairing.paragraphs.exclude(text="").select_related("edited_by")
