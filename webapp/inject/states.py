"""What an injection's steps leave behind: its state, and which binaries a lab uses."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from webapp.builds.models import ArtifactUse
from webapp.inject.models import Injection

State = Injection.State
# The end of a step (its name without the system) → the state, if it did what it should, and if not.
ENDS: dict[str, tuple[State | None, State | None]] = {
    "inject-prepare": (None, None),
    "inject-replace": (None, None),
    "inject-start": (State.IN_PLACE, None),
    "inject-back": (State.BACK, State.BROKEN),
}


def short(step: str) -> str:
    """Return "inject-start" for "linux-inject-start"."""
    return step.partition("-")[2]


def note_start(injection: Injection, step: str) -> None:
    """A step begins: from the replacing on, the machine is being changed."""
    state = {"inject-prepare": State.ASKED, "inject-replace": State.CHANGING}.get(short(step))
    if state is not None:
        Injection.objects.filter(pk=injection.pk).update(state=state, changed_at=timezone.now())


def note_end(injection: Injection, step: str, *, is_done: bool, now: datetime) -> None:
    """A step has ended; two that end the same way leave the same."""
    state = ENDS[short(step)][0 if is_done else 1]
    if state is None:
        return
    with transaction.atomic():
        Injection.objects.filter(pk=injection.pk).update(state=state, changed_at=now)
        if state == State.IN_PLACE:
            follow_on(injection, now)


def follow_on(injection: Injection, now: datetime) -> None:
    """End what lay in this place before, and note the new binary's use, so that the quota keeps it."""
    earlier = Injection.objects.filter(
        lab=injection.lab,
        machine=injection.machine,
        component=injection.component,
        state__in=(State.IN_PLACE, State.BROKEN),
    )
    earlier.exclude(pk=injection.pk).update(state=State.TAKEN_OUT, changed_at=now)
    uses = ArtifactUse.objects.filter(
        lab=injection.lab,
        machine=injection.machine,
        artifact__component=injection.component,
        ended_at=None,
    )
    uses.exclude(artifact=injection.artifact).update(ended_at=now)
    if injection.artifact is not None and not uses.filter(artifact=injection.artifact).exists():
        ArtifactUse.objects.create(artifact=injection.artifact, lab=injection.lab, machine=injection.machine)
