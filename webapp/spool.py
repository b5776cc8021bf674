"""Read what a keeper spooled, while its child runs or after the worker was lost. Contract: docs/driver.md.

A spool is a folder: segments named by the offset of their first byte, child.json, exit.json at the end.
keeper.py writes them; `process.Child` reads a running child's, `runs.reap` and `builds.reap` a lost worker's.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil

SPOOL_VARIABLE = "LAB_SPOOL"  # marks a child's descendants, so that a lost keeper's group can be told apart


class SpoolError(Exception):
    """The spool cannot be read from the wanted offset."""


@dataclass(frozen=True)
class Exit:
    """How a child ended. Neither code nor signal: the keeper was lost too, nobody knows."""

    code: int | None
    signal: int | None
    stopped: bool

    @property
    def is_ok(self) -> bool:
        return self.code == 0

    def __str__(self) -> str:
        if self.signal is not None:
            return f"was ended by {signal_name(self.signal)}"
        return "was lost" if self.code is None else f"ended with exit code {self.code}"


def signal_name(number: int) -> str:
    """Return "SIGKILL"; most real-time signals have no name."""
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"


class SpoolReader:
    """Reads one spool from an offset on; the only reader of it."""

    def __init__(self, spool: Path, offset: int = 0) -> None:
        self.spool = spool
        self.offset = offset
        self._file = -1
        self._start = 0
        self._passed: deque[tuple[int, int]] = deque()
        self._find_place()

    def _find_place(self) -> None:
        """Open the segment that holds `offset` and note those before it, for `discard`."""
        starts = sorted(int(path.stem) for path in self.spool.glob("*.out"))
        if starts and starts[0] > self.offset:
            raise SpoolError(f"{self.spool}: what was said before byte {starts[0]} has been discarded.")
        before = [start for start in starts if start <= self.offset]
        self._passed.extend(pairwise(before))
        if before:
            self._open(before[-1])
            if os.lseek(self._file, 0, os.SEEK_END) < self.offset - self._start:
                self.close()
                raise SpoolError(f"{self.spool}: byte {self.offset} has not been said yet.")

    def _open(self, start: int) -> None:
        opened = os.open(self._path(start), os.O_RDONLY | os.O_CLOEXEC)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._start = opened, start

    def _path(self, start: int) -> Path:
        return self.spool / f"{start:016d}.out"

    def read(self, limit: int = 262_144) -> bytes:
        """Return what comes next, at most `limit` bytes; b"" when there is nothing new now."""
        data = self._read_segment(limit)
        while data == b"" and self._go_on():
            data = self._read_segment(limit)
        self.offset += len(data)
        return data

    def _read_segment(self, limit: int) -> bytes:
        return b"" if self._file < 0 else os.pread(self._file, limit, self.offset - self._start)

    def _go_on(self) -> bool:
        """Move to the next segment: it exists only when the one before it is complete."""
        begins_here = self._file >= 0 and self._start == self.offset
        if begins_here or not self._path(self.offset).exists():
            return False
        if self._file >= 0:
            self._passed.append((self._start, self.offset))
        self._open(self.offset)
        return True

    @property
    def has_more(self) -> bool:
        """Tell whether `read` would return something now."""
        if self._file >= 0 and os.fstat(self._file).st_size > self.offset - self._start:
            return True
        return self._go_on() and self.has_more

    def discard(self, before: int) -> None:
        """Delete the segments that lie wholly before this offset: their lines are stored."""
        while self._passed and self._passed[0][1] <= before:
            self._path(self._passed.popleft()[0]).unlink(missing_ok=True)

    @property
    def keeper_is_alive(self) -> bool:
        """Tell whether a keeper still writes to this spool."""
        try:
            lock = os.open(self.spool / "keeper.lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    @property
    def ended(self) -> Exit | None:
        """Return how the child ended, once all it said has been read; None before."""
        is_alive = self.keeper_is_alive  # asked first: a dead keeper changes nothing any more
        recorded = read_exit(self.spool)
        if (recorded is None and is_alive) or self.has_more:
            return None
        if recorded is None:
            kill_left_behind(self.spool)
        self.close()
        return recorded or Exit(None, None, stopped=False)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def open_spool(spool: Path, offset: int) -> SpoolReader:
    """Read on in the spool of a lost worker. Raises SpoolError for an offset that is not there."""
    return SpoolReader(spool, offset)


def remove_spool(spool: Path) -> None:
    """Delete a spool whose child has ended and whose lines are stored."""
    shutil.rmtree(spool, ignore_errors=True)


def kill_left_behind(spool: Path) -> None:
    """Kill what is left of the child's session after its keeper was killed; daemons have left it."""
    try:
        session = int(json.loads((spool / "child.json").read_text())["pid"])
    except FileNotFoundError:
        return
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            if os.getsid(process.pid) == session and process.environ().get(SPOOL_VARIABLE) == str(spool):
                process.kill()


def read_exit(spool: Path) -> Exit | None:
    """Return the keeper's record of the child's end, None before it is written."""
    try:
        record = json.loads((spool / "exit.json").read_text())
    except FileNotFoundError:
        return None
    return Exit(record["code"], record["signal"], record["stopped"])
