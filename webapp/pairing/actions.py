"""Plan, open, join, leave and end pairings; each goes on the audit trail.

    plan_pairing ─► start_pairing ─┐
    open_pairing (at once) ────────┴─► open ─► join, leave … ─► end_pairing ─► summary, guests out

Rights are asked by the caller (labs.access). A pairing opened on a failed run holds the lab's machines and
ends by itself unless somebody joins in time.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from webapp import live
from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.executions.models import ENDED, Status
from webapp.labs.actions import hold_machines
from webapp.labs.models import Lab
from webapp.pairing.errors import PairingError
from webapp.pairing.guests import BY_OWN_RIGHT, note_joined, settle_guests
from webapp.pairing.models import Pairing, Participant
from webapp.pairing.summary import write_summary
from webapp.runs.models import Run
from webapp.shells.actions import close_terminal
from webapp.shells.queries import live_terminals

JOIN_WINDOW = timedelta(minutes=10)
LONGEST_AGENDA = 4_000


def plan_pairing(
    lab: Lab, by: User, *, title: str, planned_at: datetime, goal: str = "", agenda: str = ""
) -> Pairing:
    """Store a pairing that begins later, when somebody starts it."""
    pairing = make_pairing(lab, by, title, goal, agenda, planned_at=planned_at)
    audit.record(by, "planned pairing", str(pairing), lab_id=lab.pk)
    announce(pairing)
    return pairing


def open_pairing(
    lab: Lab, by: User, *, title: str, goal: str = "", agenda: str = "", run: Run | None = None
) -> tuple[Pairing, bool]:
    """Begin at once; or return the lab's open pairing and False.

    With a failed `run` of the lab the machines are held, and the window to join begins. Raises PairingError.
    """
    now = timezone.now()
    if run is not None:
        check_failure(lab, run)
    until = now + JOIN_WINDOW if run is not None else None
    try:
        with transaction.atomic():
            pairing = make_pairing(
                lab,
                by,
                title,
                goal,
                agenda,
                status=Pairing.Status.OPEN,
                started_at=now,
                run=run,
                join_until=until,
            )
            audit.record(by, "opened pairing", str(pairing), lab_id=lab.pk)
            begin(pairing, by, now)
    except IntegrityError:
        other = Pairing.objects.filter(lab=lab, status=Pairing.Status.OPEN).first()
        if other is None:
            raise
        return other, False
    announce(pairing)
    return pairing, True


def check_failure(lab: Lab, run: Run) -> None:
    if run.lab_id != lab.pk or run.status not in ENDED or run.status == Status.SUCCEEDED:
        raise PairingError("Only a run of this lab that has failed can be paired on.")


def make_pairing(lab: Lab, by: User, title: str, goal: str, agenda: str, **fields: object) -> Pairing:
    """Store a pairing with the next number. Raises PairingError, IntegrityError for a second open one."""
    refuse_destroyed(lab)
    if not title.strip():
        raise PairingError("A pairing needs a title.")
    with transaction.atomic():
        Lab.objects.select_for_update().get(pk=lab.pk)
        newest = lab.pairings.aggregate(newest=Max("number"))["newest"] or 0
        return Pairing.objects.create(
            lab=lab,
            number=newest + 1,
            title=title.strip()[:80],
            goal=goal.strip()[:200],
            agenda=agenda.strip()[:LONGEST_AGENDA],
            opened_by=by,
            **fields,
        )


def refuse_destroyed(lab: Lab) -> None:
    if lab.destroyed_at is not None:
        raise PairingError("The lab has been destroyed; there is nothing left to pair on.")


def begin(pairing: Pairing, by: User, now: datetime) -> None:
    """Whoever begins it takes part; a failure's machines are held."""
    Participant.objects.update_or_create(
        pairing=pairing, user=by, defaults={"left_at": None}, create_defaults={"joined_at": now}
    )
    if pairing.run_id is not None:
        sentence = f"held for pairing #{pairing.number}, which {by.username} opened on a failure"
        hold_machines(pairing.lab, sentence, by)


def start_pairing(pairing: Pairing, by: User) -> bool:
    """Begin a planned one; False if it had begun. Raises PairingError: another is open, or no lab left."""
    now = timezone.now()
    refuse_destroyed(pairing.lab)
    try:
        with transaction.atomic():
            started = pairing.move(Pairing.Status.OPEN, (Pairing.Status.PLANNED,), started_at=now)
            if started:
                audit.record(by, "opened pairing", str(pairing), lab_id=pairing.lab_id)
                begin(pairing, by, now)
    except IntegrityError as error:
        raise PairingError("Another pairing is open on this lab; end that one first.") from error
    if started:
        announce(pairing)
    return started


def join_pairing(pairing: Pairing, user: User) -> bool:
    """Take part by a right of one's own; False if one does already. Raises PairingError."""
    if pairing.is_ended:
        raise PairingError("This pairing has ended.")
    known = Participant.objects.filter(pairing=pairing, user=user).first()
    if known is not None and known.left_at is None and known.removed_at is None:
        return False
    was_put_out = known is not None and known.removed_at is not None
    with transaction.atomic():
        Participant.objects.update_or_create(
            pairing=pairing,
            user=user,
            defaults={"left_at": None, **(BY_OWN_RIGHT if was_put_out else {})},
            create_defaults={"joined_at": timezone.now()},
        )
        note_joined(pairing, user)
    announce(pairing)
    return True


def leave_pairing(pairing: Pairing, user: User) -> bool:
    """Say that one has gone; the right to come back stays."""
    here = Participant.objects.filter(pairing=pairing, user=user, left_at=None)
    left = bool(here.update(left_at=timezone.now()))
    if left:
        audit.record(user, "left pairing", str(pairing), lab_id=pairing.lab_id)
        announce(pairing)
    return left


def end_pairing(pairing: Pairing, by: User | None, sentence: str = "") -> bool:
    """End it: the summary is written, guests and terminals go, machines are let go. False if it had ended."""
    now = timezone.now()
    said = sentence or (f"{by.username} ended it." if by else "It was ended.")
    expect = (Pairing.Status.PLANNED, Pairing.Status.OPEN)
    with transaction.atomic():
        was_planned = pairing.status == Pairing.Status.PLANNED
        if not pairing.move(Pairing.Status.ENDED, expect, ended_at=now, sentence=said[:200], join_until=None):
            return False
        Participant.objects.filter(pairing=pairing, left_at=None).update(left_at=now)
        Pairing.objects.filter(pk=pairing.pk).update(summary=write_summary(pairing))
        audit.record(by, "ended pairing", str(pairing), lab_id=pairing.lab_id, detail={"why": said})
        settle_guests(pairing)
        if not was_planned and pairing.run_id is not None:
            hold_machines(pairing.lab, "", by)
    for terminal in live_terminals(pairing.lab, pairing.pk):
        close_terminal(terminal, by, "The pairing has ended.")
    announce(pairing)
    return True


def end_unjoined(now: datetime) -> int:
    """End the pairings on failures that nobody has joined in time; return how many."""
    late = Pairing.objects.filter(status=Pairing.Status.OPEN, join_until__lt=now).select_related("lab")
    return sum(end_pairing(pairing, None, "Nobody joined in time.") for pairing in late)


def announce(pairing: Pairing) -> None:
    """After the commit: have the pages look again."""
    lab_id, pairing_id = pairing.lab_id, pairing.pk
    transaction.on_commit(
        lambda: live.announce({"type": "pairing.changed", "lab": lab_id, "pairing": pairing_id})
    )
