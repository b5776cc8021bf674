"""Open and close terminals, start, end and delete recordings. Who types is `shells.baton`'s business.

Rights are asked by the caller (labs.access: lab.shell, lab.baton). Each action stores first,
then tells the process that holds the PTYs (shells/client.py), which tells the viewers.
"""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from webapp import live
from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.labs.models import Lab, Machine
from webapp.shells import client
from webapp.shells.errors import ShellError
from webapp.shells.models import Recording, Terminal
from webapp.shells.protocol import BadFrame
from webapp.shells.recordings import recording_file

COPY_WITHIN_S = 310.0
LIVE = (Terminal.Status.WAITING, Terminal.Status.OPEN)


def open_terminal(lab: Lab, machine: Machine, who: User, pairing_id: int | None = None) -> Terminal:
    """Store a terminal whose baton `who` holds, and have it connected. Raises ShellError with a sentence."""
    refuse_far_lab(lab)
    with transaction.atomic():
        Lab.objects.select_for_update().get(pk=lab.pk)  # two at once: numbers and limits hold
        refuse_too_many(lab, who)
        newest = Terminal.objects.filter(lab=lab).aggregate(newest=Max("number"))["newest"] or 0
        terminal = Terminal.objects.create(
            lab=lab,
            machine=machine,
            number=newest + 1,
            pairing_id=pairing_id,
            opened_by=who,
            holder=who,
            held_since=timezone.now(),
            sentence="It is being connected.",
        )
        audit.record(who, "opened terminal", str(terminal), lab_id=lab.pk, detail={"pairing": pairing_id})
    tell(terminal)
    return terminal


def refuse_far_lab(lab: Lab) -> None:
    """Raise ShellError for a lab that is gone, or whose machines are on another computer than the web's."""
    if lab.destroyed_at is not None:
        raise ShellError("The lab is destroyed; there is nothing to open a terminal on.")
    if lab.host.name != settings.LAB_HOST:
        raise ShellError(
            f"Terminals reach labs on {settings.LAB_HOST} only; this one is on {lab.host.name}. "
            "Use the ways in on the lab's page."
        )


def refuse_too_many(lab: Lab, who: User) -> None:
    if Terminal.objects.filter(lab=lab, status__in=LIVE).count() >= settings.SHELLS_PER_LAB:
        raise ShellError(f"This lab has {settings.SHELLS_PER_LAB} terminals already; close one first.")
    if Terminal.objects.filter(opened_by=who, status__in=LIVE).count() >= settings.SHELLS_PER_PERSON:
        raise ShellError(f"You have {settings.SHELLS_PER_PERSON} terminals open already; close one first.")


def close_terminal(terminal: Terminal, by: User | None, sentence: str = "") -> bool:
    """Close it for good; tell whether it was open. `by` None: the product itself."""
    said = sentence or (f"{by.username} closed it." if by else "It was closed.")
    closed = terminal.move(Terminal.Status.CLOSED, LIVE, sentence=said[:200], closed_at=timezone.now())
    if closed:
        Recording.objects.filter(terminal=terminal, ended_at=None).update(ended_at=timezone.now())
        audit.record(by, "closed terminal", str(terminal), lab_id=terminal.lab_id, detail={"why": said})
        tell(terminal)
    return closed


def start_recording(terminal: Terminal, by: User) -> Recording:
    """Record from now on; the one that runs if there is one. All viewers are shown a red mark."""
    if terminal.is_closed:
        raise ShellError("The terminal is closed; nothing is there to record.")
    recording, is_new = Recording.objects.get_or_create(
        terminal=terminal, ended_at=None, defaults={"started_by": by, "started_at": timezone.now()}
    )
    if is_new:
        audit.record(by, "started recording", str(terminal), lab_id=terminal.lab_id)
        tell(terminal)
    return recording


def end_recording(terminal: Terminal, by: User | None) -> bool:
    ended = Recording.objects.filter(terminal=terminal, ended_at=None).update(ended_at=timezone.now())
    if ended:
        audit.record(by, "ended recording", str(terminal), lab_id=terminal.lab_id)
        tell(terminal)
    return bool(ended)


def delete_recording(recording: Recording, by: User | None) -> bool:
    """Delete the file, keep the row; one that runs is ended first."""
    if recording.is_running:
        end_recording(recording.terminal, by)
    won = Recording.objects.filter(pk=recording.pk, deleted_at=None).update(deleted_at=timezone.now())
    if won:
        recording_file(recording).unlink(missing_ok=True)
        audit.record(by, "deleted recording", str(recording.terminal), lab_id=recording.terminal.lab_id)
    return bool(won)


def delete_old_recordings(days: int) -> int:
    """Delete what ended more than `days` ago (0: keep all); return how many."""
    if not days:
        return 0
    before = timezone.now() - timedelta(days=days)
    old = Recording.objects.filter(ended_at__lt=before, deleted_at=None).select_related("terminal__machine")
    return sum(delete_recording(recording, None) for recording in old)


def copy_file(terminal: Terminal, by: User, way: str, name: str, local: str) -> str:
    """Copy a file "up" into the machine or "down" out of it; return why not, "" when it was copied."""
    question = {"file": way, "terminal": terminal.pk, "name": name, "local": local}
    try:
        error = str(client.ask(question, COPY_WITHIN_S).get("error", ""))
    except (OSError, BadFrame) as failure:
        error = f"The terminals' process does not answer: {failure}."
    if not error:
        audit.record(by, f"copied file {way}", str(terminal), lab_id=terminal.lab_id, detail={"name": name})
    return error


def tell(terminal: Terminal) -> None:
    """After the commit: have the PTYs' process read the row again, and the pages their fragments."""

    def after_commit() -> None:
        client.tell({"changed": terminal.pk})
        live.announce({"type": "lab.changed", "lab": terminal.lab_id})

    transaction.on_commit(after_commit)
