"""What the PTYs' process reads and writes in the database; every function runs in its one thread for that."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.db import close_old_connections, connection
from django.db.models import Q
from django.utils import timezone

from webapp.accounts.models import User
from webapp.executions.models import Status
from webapp.shells import actions, baton, ways
from webapp.shells.models import Recording, Terminal
from webapp.shells.queries import whole_terminals
from webapp.shells.readiness import Readiness, readiness_of
from webapp.shells.recordings import recording_file

LOST = "The terminals' process was started again; what ran in it is gone. It is being connected."


@dataclass(frozen=True)
class RecordingFacts:
    pk: int
    path: Path
    started_at: float


@dataclass(frozen=True)
class Facts:
    """A terminal's row, as the process needs it."""

    pk: int
    lab_id: int
    number: int
    title: str
    kind: str
    status: str
    sentence: str
    holder_id: int | None
    holder: str
    asked_by: str
    offered_to: str
    recording: RecordingFacts | None

    @property
    def is_closed(self) -> bool:
        return self.status == Terminal.Status.CLOSED

    def refusal(self, user_id: int) -> str:
        """Say why somebody who may type here may not type now; "" when they may."""
        if self.holder_id is None:
            return "Nobody has the baton: ask for it, then type."
        return "" if user_id == self.holder_id else f"{self.holder} has the baton: ask for it."

    def closed(self, sentence: str) -> "Facts":
        return replace(self, status=str(Terminal.Status.CLOSED), sentence=sentence, recording=None)

    def to_json(self) -> dict[str, Any]:  # Any: the JSON edge
        named = {"holder": self.holder, "asked_by": self.asked_by, "offered_to": self.offered_to}
        return {
            "terminal": self.pk,
            "status": self.status,
            "sentence": self.sentence,
            "holder_id": self.holder_id,
            **named,
            "recording": self.recording is not None,
        }


def with_connection(function: Callable[..., Any], *arguments: Any) -> Any:  # Any: the function's own
    """Call one of these with a connection that works: the database may have been away since the last call."""
    close_old_connections()
    return function(*arguments)


def with_own_connection(function: Callable[..., Any], *arguments: Any) -> Any:  # Any: as above
    """Call something that is seldom asked for in a thread of its own, and leave no connection behind."""
    try:
        return function(*arguments)
    finally:
        close_connection()


def close_connection() -> None:
    """Close this thread's connection: `connection.close` itself would be the caller's thread's."""
    connection.close()


def live_facts() -> list[Facts]:
    return [facts_of(row) for row in whole_terminals().exclude(status=Terminal.Status.CLOSED)]


def facts(pk: int) -> Facts | None:
    row = whole_terminals().filter(pk=pk).first()
    return facts_of(row) if row else None


def facts_of(row: Terminal) -> Facts:
    running = next((one for one in row.recordings.all() if one.is_running and one.deleted_at is None), None)
    return Facts(
        pk=row.pk,
        lab_id=row.lab_id,
        number=row.number,
        title=f"{row.lab.name} {row}",
        kind=row.kind,
        status=row.status,
        sentence=row.sentence,
        holder_id=row.holder_id,
        holder=row.holder.username if row.holder else "",
        asked_by=row.asked_by.username if row.asked_by else "",
        offered_to=row.offered_to.username if row.offered_to else "",
        recording=RecordingFacts(running.pk, recording_file(running), running.started_at.timestamp())
        if running
        else None,
    )


def forget_connections() -> None:
    """At the start: nothing is connected, whatever the rows say."""
    Terminal.objects.filter(status=Terminal.Status.OPEN).update(status=Terminal.Status.WAITING, sentence=LOST)


def get(pk: int) -> Terminal:
    return whole_terminals().get(pk=pk)


def readiness(pk: int) -> Readiness:
    row = whole_terminals().filter(pk=pk).first()
    return readiness_of(row) if row else Readiness(False, "The lab is gone.", is_gone=True)


def way(pk: int) -> ways.Way:
    """Raises WayError."""
    return ways.way_to(get(pk))


def to_be_looked_at() -> set[int]:
    """Return the terminals whose machine may not be ready any more: one query, however many are idle."""
    suspect = (
        Q(lab__runs__status=Status.RUNNING)
        | ~Q(machine__state="running")
        | Q(lab__destroyed_at__isnull=False)
    )
    return set(Terminal.objects.filter(suspect, status=Terminal.Status.OPEN).values_list("pk", flat=True))


def mark_open(pk: int) -> bool:
    return get(pk).move(Terminal.Status.OPEN, (Terminal.Status.WAITING,), sentence="")


def mark_waiting(pk: int, sentence: str) -> bool:
    """Tell whether this is news."""
    row, said = get(pk), sentence[:200]
    if row.status == Terminal.Status.WAITING and row.sentence == said:
        return False
    return row.move(Terminal.Status.WAITING, actions.LIVE, sentence=said)


def close(pk: int, sentence: str) -> bool:
    return actions.close_terminal(get(pk), None, sentence)


def free_vanished(pk: int, user_id: int) -> bool:
    return baton.free_vanished(get(pk), User.objects.get(pk=user_id))


def recording_ended(pk: int, size_bytes: int) -> None:
    """Store a recording's size, and that it is over."""
    rows = Recording.objects.filter(pk=pk)
    rows.update(size_bytes=size_bytes)
    rows.filter(ended_at=None).update(ended_at=timezone.now())


def delete_old_recordings(days: int) -> int:
    return actions.delete_old_recordings(days)
