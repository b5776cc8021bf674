"""Looks after a build while its child runs: heartbeat, cancel, limits, progress; tells when to stop."""

import contextlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from django.conf import settings
from django.utils import timezone

from webapp.builds.actions import announce_build
from webapp.builds.models import Build
from webapp.executions.models import Status
from webapp.logs.patience import for_ever

LOOK_S = 0.5
WEIGH_S = 1.0  # memory: every process of the machine is gone through for it
MIB = 1024 * 1024
# Set when this worker process is told to end: every build stops its child.
SHUTTING_DOWN = threading.Event()


class Stopped(Exception):
    """The build has to end now with this status and sentence. `status` None: the claim was lost."""

    def __init__(self, status: Status | None, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class Watch:
    """Called often while a child talks; looks at most twice a second."""

    def __init__(self, build: Build) -> None:
        self.build = build
        self.deadline = time.monotonic() + settings.BUILD_LIMIT_S
        self.next_look = self.next_beat = self.next_weighing = 0.0
        self.spool: Path | None = None
        self.progress: Callable[[], tuple[int, int]] = lambda: (0, 0)
        self.now_mib = self.peak_mib = 0
        self.stopped: Stopped | None = None

    def __call__(self) -> bool:
        if self.stopped is None and time.monotonic() >= self.next_look:
            self.next_look = time.monotonic() + LOOK_S
            self.stopped = self.look()
        return self.stopped is not None

    def check(self) -> None:
        """Raise Stopped if the build has to end."""
        self.next_look = 0.0
        if self() and self.stopped is not None:
            raise self.stopped

    def look(self) -> Stopped | None:
        rows = Build.objects.filter(pk=self.build.pk).values("status", "holder", "cancel_requested_at")
        row = for_ever(rows.first)
        if row is None or row["status"] != Status.RUNNING or row["holder"] != self.build.holder:
            return Stopped(None, "The claim was lost.")
        self.report()
        if row["cancel_requested_at"] is not None:
            return Stopped(Status.CANCELED, "Canceled; nothing of it was kept.")
        if SHUTTING_DOWN.is_set():
            return Stopped(Status.INTERRUPTED, "The worker was shut down.")
        if time.monotonic() > self.deadline:
            hours = settings.BUILD_LIMIT_S / 3600
            return Stopped(Status.FAILED, f"It took longer than {hours:g} h and was stopped.")
        if self.memory_mib() > settings.BUILD_MEMORY_MIB:
            limit = settings.BUILD_MEMORY_MIB
            return Stopped(Status.FAILED, f"It took more than {limit} MiB of memory and was stopped.")
        return None

    def report(self) -> None:
        """Write the heartbeat and the progress when they are due."""
        done, total = self.progress()
        changed: dict[str, object] = {}
        if (done, total) != (self.build.packages_done, self.build.packages_total):
            changed = {"packages_done": done, "packages_total": total}
        if time.monotonic() >= self.next_beat:
            self.next_beat = time.monotonic() + settings.LAB_HEARTBEAT_S
            changed["heartbeat_at"] = timezone.now()
        if changed:
            held = Build.objects.filter(pk=self.build.pk, holder=self.build.holder)
            for_ever(lambda: held.update(**changed))
            for name, value in changed.items():
                setattr(self.build, name, value)
            announce_build(self.build)

    def memory_mib(self) -> int:
        """Return what the child and all below it hold, MiB, as last weighed; 0 while there is none."""
        if self.spool is None:
            return 0
        if time.monotonic() >= self.next_weighing:
            self.next_weighing = time.monotonic() + WEIGH_S
            self.now_mib = self.weigh(self.spool)
            self.peak_mib = max(self.peak_mib, self.now_mib)
        return self.now_mib

    @staticmethod
    def weigh(spool: Path) -> int:
        total = 0
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            child = psutil.Process(json.loads((spool / "child.json").read_text())["pid"])
            for process in (child, *child.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    total += process.memory_info().rss
        return total // MIB
