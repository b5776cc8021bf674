"""A child's output into a log: bytes → whole lines → redacted → stored → announced.

One recorder per child. It keeps reading while the child talks, stores the first
line of a quiet child at once and then at most every WINDOW_S, so that the cost
follows the number of chunks, not of lines.
"""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from django.utils import timezone

from webapp.logs import store
from webapp.logs.clixml import expand_clixml
from webapp.logs.lines import LineAssembler, LogLine
from webapp.logs.models import Spool
from webapp.logs.patience import for_ever
from webapp.logs.redact import Redactor
from webapp.process import Child
from webapp.spool import Exit, SpoolError, SpoolReader, open_spool, remove_spool

logger = logging.getLogger(__name__)

LOST_REST = "The rest of what was said here is lost: the file that held it is not whole."
WINDOW_S = 0.02
READ_LIMIT = 262_144
ASK_AGAIN_S = 0.25

Translate = Callable[[Sequence[str]], list[LogLine]]
OnLines = Callable[[int, list[LogLine]], None]


class StopAsked(Protocol):
    """Tells, cheaply, whether the child should be stopped (cancel, time limit)."""

    def __call__(self) -> bool: ...


def nothing(first: int, lines: list[LogLine]) -> None:
    """Ignore stored lines; the default listener."""


class Recorder:
    """Stores what one spool holds, from where an earlier recorder stopped."""

    def __init__(
        self, spool: Spool, translate: Translate, redactor: Redactor, on_lines: OnLines = nothing
    ) -> None:
        self.spool = spool
        self.translate = translate
        self.redactor = redactor
        self.on_lines = on_lines
        self.assembler = LineAssembler()
        self.start = spool.offset
        redactor.restore(spool.state)

    def feed(self, data: bytes) -> None:
        self.put(self.assembler.feed(data))

    def close(self) -> None:
        """Store the last line even without its newline; the spool is done."""
        self.put(self.assembler.finish())
        for_ever(lambda: Spool.objects.filter(pk=self.spool.pk).update(closed_at=timezone.now()))

    def put(self, texts: Sequence[str]) -> None:
        if not texts:
            return
        lines = self.redactor.redact(expand_clixml(self.translate(texts)))
        offset = self.start + self.assembler.safe_offset
        progress = store.Progress(self.spool.pk, self.spool.offset, offset, self.redactor.state)
        last = store.append(
            self.spool.log_id,
            lines,
            at_ms=int(time.time() * 1000),
            step=self.spool.step,
            progress=progress,
            patience_s=store.FOREVER,
        )
        self.spool.offset = offset
        if lines:
            self.on_lines(last - len(lines) + 1, lines)


def record_child(child: Child, recorder: Recorder, stop_asked: StopAsked) -> Exit:
    """Store everything the child says until it has ended; stop it when asked to."""
    is_stopping = False
    while (ended := child.ended) is None:
        if not is_stopping and stop_asked():
            child.stop()
            is_stopping = True
        if not child.wait(ASK_AGAIN_S):
            continue
        began = time.monotonic()
        data = child.read(READ_LIMIT)
        recorder.feed(data)
        child.discard(recorder.spool.offset)
        if len(data) < READ_LIMIT:
            pause(began + WINDOW_S - time.monotonic())
    recorder.close()
    return ended


def pause(seconds: float) -> None:
    """Let lines gather for the rest of the window; the keeper goes on reading meanwhile."""
    if seconds > 0:
        time.sleep(seconds)


def record_rest(reader: SpoolReader, recorder: Recorder) -> bool:
    """Store what a lost worker left in a spool; False while its keeper still works on it."""
    if reader.keeper_is_alive:
        return False
    while data := reader.read(READ_LIMIT):
        recorder.feed(data)
    recorder.close()
    return True


def store_spool(recorder: Recorder) -> bool:
    """Store what a lost worker left in the recorder's spool, and remove it; False while its keeper works."""
    folder, row = Path(recorder.spool.folder), recorder.spool
    if not folder.exists():
        recorder.close()
        return True
    try:
        if not record_rest(open_spool(folder, row.offset), recorder):
            return False
    except SpoolError as error:  # a computer that lost power keeps less of its files than of the database
        logger.warning("log %s: the rest of a spool is lost: %s", row.log_id, error)
        store.note(row.log_id, LOST_REST, step=row.step)
        recorder.close()
    remove_spool(folder)
    return True


def make_spool(log_id: int, step: int, folder: Path) -> Spool:
    """Make the row before the child starts, so that no output can be without one."""
    row, _ = for_ever(lambda: Spool.objects.get_or_create(log_id=log_id, step=step, folder=str(folder)))
    return row
