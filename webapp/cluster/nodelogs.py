"""Read logs of the cluster into Logs of our own, redacted, and follow them while somebody watches.

open_log ─► row, Log ─► webapp.read_node_log (lab host's worker) ─► a thread of its own
  ─► Reader ─► Sieve (window, pattern) ─► redact ─► store.append ─► the same viewer as runs have
"""

import logging
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone

from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.background import enqueue
from webapp.cluster.actions import announce, queue_of, require_change
from webapp.cluster.facts import MachineFacts
from webapp.cluster.gather import kube_of
from webapp.cluster.models import Cluster, Errand, NodeLog, Sighting
from webapp.cluster.nodelogs_batch import Batch, Reader
from webapp.cluster.nodelogs_readers import make_reader
from webapp.cluster.nodelogs_source import Sieve, Source, SourceError, source_from
from webapp.cluster.reach import ReachError, reach_of
from webapp.cluster.services import logs_of
from webapp.cluster.threads import Threads
from webapp.executions.holder import holder_name
from webapp.executions.models import OPEN, Status
from webapp.kube.stored import from_json
from webapp.logs import store
from webapp.logs.lines import LINE_BYTES, LogLine
from webapp.logs.models import Log
from webapp.logs.redact import Redactor

logger = logging.getLogger(__name__)

WATCHED_FOR = timedelta(seconds=45)  # without anybody who looks, a tail ends
TOUCH_EVERY = timedelta(seconds=5)
PAUSE_S, COST = 2.0, 4.0  # between two looks; a look that takes long is made less often
LONGEST_PAUSE_S = 60.0  # far below what a worker may be silent for before its log is given up
MOST_BYTES = 64 * 1024 * 1024
TAILS = Threads(32, "tail")
MOST_OPEN = 20  # of a cluster at once
FAILURES = 4
SHUTTING_DOWN = threading.Event()

__all__ = [
    "NodeLog",
    "Source",
    "SourceError",
    "find_log",
    "note_reader",
    "open_log",
    "read_log",
    "source_from",
]


def open_log(cluster: Cluster, source: Source, by: User, *, follows: bool) -> tuple[NodeLog, bool]:
    """Begin to read a log, audited; the one that is being read already and False.

    Raises PermissionDenied, SourceError.
    """
    require_change(cluster, by)
    if cluster.lab is not None and cluster.lab.destroyed_at is not None:
        raise SourceError("This lab has been destroyed; what was read of it before is still here.")
    is_open = NodeLog.objects.filter(cluster=cluster, errand=None, status__in=OPEN)
    if (found := is_open.filter(source=source.to_json(), follows=follows).first()) is not None:
        note_reader(found, timezone.now())
        return found, False
    if is_open.count() >= MOST_OPEN:
        raise SourceError(f"{MOST_OPEN} logs of this cluster are being read; stop one of them first.")
    with transaction.atomic():
        row = make_row(cluster, source, by, follows=follows)
        audit.record(by, "reads a log", f"{cluster} {source.title}", lab_id=cluster.lab_id)
        enqueue("webapp.read_node_log", row.pk, queue=queue_of(cluster))
    announce(cluster)
    return row, True


def make_row(
    cluster: Cluster, source: Source, by: User | None, *, follows: bool, errand: Errand | None = None
) -> NodeLog:
    return NodeLog.objects.create(
        cluster=cluster,
        errand=errand,
        log=Log.objects.create(),
        source=source.to_json(),
        title=source.title[:300],
        follows=follows,
        requested_by=by,
        watched_at=timezone.now(),
    )


def find_log(cluster: Cluster, source: Source) -> NodeLog | None:
    """Return the newest log that was read from this source, whole or in part."""
    if cluster.pk is None:
        return None
    rows = NodeLog.objects.filter(cluster=cluster, errand=None, source=source.to_json())
    return rows.select_related("log", "requested_by").first()


def note_reader(row: NodeLog, now: datetime) -> None:
    """Somebody watches: writes at most every 5 s."""
    if row.is_open and (row.watched_at is None or abs(now - row.watched_at) > TOUCH_EVERY):
        NodeLog.objects.filter(pk=row.pk).update(watched_at=now)


def stop_log(row: NodeLog, by: User) -> bool:
    """Ask a reading log to end; False when it has. Raises PermissionDenied."""
    require_change(row.cluster, by)
    asked = NodeLog.objects.filter(pk=row.pk, status__in=OPEN, cancel_requested_at=None)
    if not asked.update(cancel_requested_at=timezone.now(), cancel_requested_by=by):
        return False
    if row.move(Status.CANCELED, (Status.PENDING,), finished_at=timezone.now(), sentence="Stopped."):
        store.finish(row.log_id, Status.CANCELED)
    return True


def start_reading(row_id: int) -> None:
    """Read in a thread of its own: a tail may take hours, a task may not."""
    TAILS.submit(read_in_thread, row_id)


def read_in_thread(row_id: int) -> None:
    try:
        read_log(row_id)
    except NodeLog.DoesNotExist:
        logger.info("node log %s is gone", row_id)
    except Exception:
        logger.exception("node log %s: a fault of ours", row_id)
    finally:
        connections.close_all()


def read_log(row_id: int) -> None:
    """Claim the log and read it to its end; a followed one while somebody watches."""
    row = NodeLog.objects.select_related("cluster__lab__host").get(pk=row_id)
    if not row.start(holder_name(settings.LAB_HOST), timezone.now()):
        return
    announce(row.cluster)
    status, sentence = Status.FAILED, "A fault of the dashboard; the worker's log has it."
    try:
        source = source_from(row.source)
        version, files = seen_of_machine(row.cluster, source)
        reader = make_reader(reach_of(row.cluster), source, version=version, files=files)
        status, sentence = Tail(row, reader, source).run()
    except (ReachError, SourceError) as error:
        sentence = str(error)
        store.note(row.log_id, sentence)
    finally:
        if row.finish(status, timezone.now(), sentence):
            store.finish(row.log_id, status)
        announce(row.cluster)


def seen_of_machine(cluster: Cluster, source: Source) -> tuple[str, tuple[str, ...]]:
    """Return what the newest look knows: the kubelet's version, and the service's own files."""
    rows = {
        row.machine: row for row in Sighting.objects.filter(cluster=cluster, machine__in=["", source.machine])
    }
    kube, _ = kube_of(rows.get(""))
    node = kube.node(source.machine) if kube is not None else None
    own = rows.get(source.machine) if source.machine else None
    facts = from_json(MachineFacts, own.facts) if own is not None and own.facts else None
    return (node.version if node is not None else ""), logs_of(facts, source.unit)


class Tail:
    """Stores what a reader gives, until it has ended or nobody watches."""

    def __init__(self, row: NodeLog, reader: Reader, source: Source) -> None:
        self.row, self.reader, self.source = row, reader, source
        self.sieve, self.redactor = Sieve(source), Redactor(())
        self.taken, self.failures, self.has_read = 0, 0, False

    def run(self) -> tuple[Status, str]:
        """Return how it ended, with all that was said till then stored. Raises ReachError."""
        try:
            status, sentence = self.follow()
        except ReachError:
            self.put(Batch(self.reader.rest()))
            raise
        if status is not Status.INTERRUPTED:
            self.put(Batch(self.reader.rest()))
        return status, sentence

    def follow(self) -> tuple[Status, str]:
        """Read until there is a reason to end. Raises ReachError when it cannot be read at all."""
        while True:
            began = timezone.now()
            batch = self.ask()
            if batch is not None:
                self.put(batch)
            if (end := self.end(batch)) is not None:
                return end
            took_s = (timezone.now() - began).total_seconds()
            if batch is None or not batch.has_more:
                pause_s = max(PAUSE_S, took_s * COST) * (self.failures + 1)
                SHUTTING_DOWN.wait(min(pause_s, LONGEST_PAUSE_S))

    def ask(self) -> Batch | None:
        """Read once; a failure in mid-tail is told once and tried again."""
        try:
            batch = self.reader.read()
        except ReachError as error:
            self.failures += 1
            if not (self.row.follows and self.has_read) or self.failures > FAILURES:
                raise
            if self.failures == 1:
                store.note(self.row.log_id, f"Not answered, trying again: {error}")
            return None
        self.failures, self.has_read = 0, True
        return batch

    def put(self, batch: Batch) -> None:
        now = timezone.now()
        if batch.note:
            store.note(self.row.log_id, batch.note, machine=self.source.machine)
        kept = self.sieve.keep(batch.lines, now)
        self.taken += store_lines(self.row, kept, self.source.machine, self.redactor)

    def end(self, batch: Batch | None) -> tuple[Status, str] | None:
        """Return why it ends now, None while it goes on."""
        now = timezone.now()
        rows = NodeLog.objects.filter(pk=self.row.pk, status=Status.RUNNING)
        if not rows.update(heartbeat_at=now):
            return Status.INTERRUPTED, "It was given up for lost."
        watched_at, asked_at = rows.values_list("watched_at", "cancel_requested_at").get()
        if asked_at is not None:
            return Status.CANCELED, "Stopped."
        if SHUTTING_DOWN.is_set():
            return Status.INTERRUPTED, "The worker was stopped; read it again."
        if self.taken > MOST_BYTES:
            return Status.SUCCEEDED, f"It is longer than {MOST_BYTES // 1024**2} MiB; narrow the window."
        is_over = self.is_over(now, watched_at) if batch is None or not batch.has_more else None
        return None if is_over is None else (Status.SUCCEEDED, is_over)

    def is_over(self, now: datetime, watched_at: datetime | None) -> str | None:
        """Say why nobody needs more of it; None while somebody does."""
        if not self.row.follows or (self.source.until and self.source.until < now.isoformat()):
            return ""
        is_watched = watched_at is not None and abs(now - watched_at) <= WATCHED_FOR
        return None if is_watched else "Nobody watched any more."


def store_lines(row: NodeLog, texts: Sequence[str], machine: str, redactor: Redactor | None = None) -> int:
    """Append lines without their secrets; returns how many characters."""
    given = [LogLine(machine, "output", cut(text)) for text in texts]
    lines = (redactor or Redactor(())).redact(given)
    if lines:
        store.append(row.log_id, lines, at_ms=int(timezone.now().timestamp() * 1000))
    return sum(len(line.text) for line in lines)


def cut(text: str) -> str:
    """Hold to the contract of lines: no control characters, at most 64 KiB."""
    clean = text.replace("\x00", "").replace("\r", "")
    return clean if len(clean) <= LINE_BYTES // 4 else clean[: LINE_BYTES // 4] + " … [cut]"
