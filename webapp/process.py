"""Child processes that never outlive their worker and never lose a byte. Contract: docs/driver.md.

`start_child` puts a keeper (keeper.py) between the worker and the child; the keeper spools what
the child says to files, from which `Child` reads here, or `open_spool` after the worker was lost.
The bytes go on to `logs.lines`. Linux and macOS; Windows hosts are not supported by the worker.
"""

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Self

import psutil

KEEPER = Path(__file__).with_name("keeper.py")
GRACE_S = 10.0
SPOOL_VARIABLE = (
    "LAB_SPOOL"  # marks every descendant of a child, so that a lost keeper's group can be told apart
)
CAPTURE_BYTES = 64 * 1024 * 1024


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
            return f"was ended by {signal.Signals(self.signal).name}"
        return "was lost" if self.code is None else f"ended with exit code {self.code}"


@dataclass(frozen=True)
class Completed:
    """What a captured command gave back. `timed_out`: it was stopped, the output is what came before."""

    code: int | None
    output: str
    errors: str
    timed_out: bool = False


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


class Child(SpoolReader):
    """A running child: read it, wait for it, stop it. One thread at a time."""

    def __init__(self, keeper: "subprocess.Popen[bytes]", spool: Path) -> None:
        super().__init__(spool)
        self._keeper = keeper
        self._exit: Exit | None = None
        assert keeper.stdin is not None and keeper.stdout is not None
        self._to_keeper: IO[bytes] = keeper.stdin
        self._from_keeper: IO[bytes] = keeper.stdout
        os.set_blocking(self._from_keeper.fileno(), False)
        self._keeper_ended = False

    def wait(self, timeout_s: float) -> bool:
        """Return True as soon as there is something to read or the end; False when the time is over."""
        deadline = time.monotonic() + timeout_s
        while True:
            self._hear_keeper()
            if self._keeper_ended or self.has_more:
                return True
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            poll = select.poll()
            poll.register(self._from_keeper.fileno(), select.POLLIN)
            poll.poll(int(left_s * 1000) + 1)

    def _hear_keeper(self) -> None:
        """Take the keeper's wake-up bytes; the end of the pipe is the keeper's end."""
        if self._keeper_ended:
            return
        with contextlib.suppress(BlockingIOError):
            while (words := os.read(self._from_keeper.fileno(), 65_536)) and len(words) == 65_536:
                pass
            self._keeper_ended = words == b""

    @property
    def keeper_is_alive(self) -> bool:
        self._hear_keeper()
        return not self._keeper_ended

    @property
    def ended(self) -> Exit | None:
        """Return how the child ended, once all it said has been read; None before."""
        if self._exit is None:
            self._exit = super().ended
            if self._exit is not None:
                self.close()
        return self._exit

    def stop(self) -> None:
        """Begin the ladder INT, TERM, KILL on the child's whole group; return at once."""
        self._say(b"s")

    def discard(self, before: int) -> None:
        """Delete the segments that lie wholly before this offset and let a waiting child go on."""
        count = len(self._passed)
        super().discard(before)
        if len(self._passed) < count:
            self._say(b"d")

    def _say(self, word: bytes) -> None:
        with contextlib.suppress(BrokenPipeError, ValueError):  # it has ended; closed here
            os.write(self._to_keeper.fileno(), word)

    def close(self) -> None:
        """Let go of the child: one that still runs is stopped first. Leaves no process, no descriptor."""
        super().close()
        self._to_keeper.close()
        self._from_keeper.close()
        self._keeper_ended = True
        self._keeper.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_exit(spool: Path) -> Exit | None:
    """Return the keeper's record of the child's end, None before it is written."""
    try:
        record = json.loads((spool / "exit.json").read_text())
    except FileNotFoundError:
        return None
    return Exit(record["code"], record["signal"], record["stopped"])


def start_child(
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    spool: Path,
    grace_s: float = GRACE_S,
    stderr: Path | None = None,
) -> Child:
    """Start a child below a keeper. `spool` is an empty or new folder; `stderr` a new file for what
    the child says on standard error (None: into the spool, in order). `env` is all the child gets.

    Raises FileNotFoundError where the program or the working folder does not exist, SpoolError
    where the spool is in use.
    """
    program = shutil.which(str(argv[0]), path=env.get("PATH"))
    if program is None:
        raise FileNotFoundError(f"There is no program {argv[0]}.")
    lock = claim_spool(spool)
    try:
        keeper = start_keeper(
            [str(spool), str(grace_s), str(lock), str(stderr or ""), program, *map(str, argv[1:])],
            lock=lock,
            cwd=cwd,
            env={**env, SPOOL_VARIABLE: str(spool)},
        )
    finally:
        os.close(lock)
    return Child(keeper, spool)


def claim_spool(spool: Path) -> int:
    """Make the folder and return its locked lock file; the keeper inherits and keeps the lock."""
    spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    spool.chmod(0o700)
    if any(spool.iterdir()):
        raise SpoolError(f"{spool} is in use: a spool has to be empty at the start.")
    lock = os.open(spool / "keeper.lock", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock


def start_keeper(
    arguments: Sequence[str], *, lock: int, cwd: Path, env: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    complaints = os.open(
        Path(arguments[0]) / "keeper.err", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
    )
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(KEEPER), *arguments],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            cwd=cwd,
            env=dict(env),
            start_new_session=True,
            pass_fds=(lock,),
        )
    finally:
        os.close(complaints)


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


class Scratch:
    """Where captures have their spools; None: the system's own folder. Set once, when the process starts."""

    folder: Path | None = None


def scratch_folder() -> Path | None:
    if Scratch.folder is not None:
        Scratch.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Scratch.folder


def capture(
    argv: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], timeout_s: float, grace_s: float = 2.0
) -> Completed:
    """Run a short command to its end and return what it said; at most 64 MiB, stopped after `timeout_s`."""
    with tempfile.TemporaryDirectory(prefix="capture-", dir=scratch_folder()) as folder:
        errors = Path(folder) / "stderr"
        spool = Path(folder) / "spool"
        with start_child(argv, cwd=cwd, env=env, spool=spool, grace_s=grace_s, stderr=errors) as child:
            output, timed_out = read_all(child, errors, time.monotonic() + timeout_s)
            ended = child.ended
        return Completed(
            code=ended.code if ended else None,
            output=output.decode("utf-8", "replace"),
            errors=errors.read_bytes()[:CAPTURE_BYTES].decode("utf-8", "replace") if errors.exists() else "",
            timed_out=timed_out,
        )


def read_all(child: Child, errors: Path, deadline: float) -> tuple[bytes, bool]:
    """Read a child to its end; stop it at the deadline or when it says too much."""
    output = bytearray()
    is_stopping = False
    while child.ended is None:
        child.wait(0.25)
        data = child.read()
        output += data[: max(0, CAPTURE_BYTES - len(output))]
        child.discard(child.offset)
        said = child.offset + (errors.stat().st_size if errors.exists() else 0)
        if not is_stopping and (time.monotonic() > deadline or said > CAPTURE_BYTES):
            child.stop()
            is_stopping = True
    return bytes(output), is_stopping
