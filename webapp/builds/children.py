"""A build's child processes: each into the build's log, with the watch looking on."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from webapp.builds.models import Build
from webapp.builds.watch import Watch
from webapp.executions.record import Recorder, make_spool, record_child
from webapp.logs import store
from webapp.logs.lines import LogLine
from webapp.logs.redact import Redactor
from webapp.process import start_child
from webapp.spool import Exit, remove_spool

GRACE_S = 3.0
Translate = Callable[[Sequence[str]], list[LogLine]]


def plain(texts: Sequence[str]) -> list[LogLine]:
    return [LogLine("", "output", text) for text in texts]


@dataclass
class Complaint:
    """Passes lines on and keeps the one that explains a failure of git: its first "fatal", else the last."""

    text: str = ""

    def translate(self, texts: Sequence[str]) -> list[LogLine]:
        for text in texts:
            if text.strip() and "fatal:" not in self.text:
                self.text = text.strip()
        return plain(texts)


def run_child(
    build: Build,
    watch: Watch,
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    translate: Translate = plain,
) -> Exit:
    """Run a command to its end, recorded; raises watch.Stopped when the build had to end meanwhile."""
    folder = Path(settings.SPOOL_DIR) / f"build{build.pk}-{time.time_ns():x}"
    spool = make_spool(build.log_id, 0, folder)
    watch.spool = folder
    try:
        with start_child(argv, cwd=cwd, env=env, spool=folder, grace_s=GRACE_S) as child:
            ended = record_child(child, Recorder(spool, translate, Redactor(())), watch)
    finally:
        watch.spool = None
    remove_spool(folder)
    if watch.stopped is not None:
        raise watch.stopped
    return ended


def note(build: Build, text: str) -> None:
    store.note(build.log_id, text, patience_s=store.FOREVER)
