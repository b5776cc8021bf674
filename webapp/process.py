"""Child processes that never outlive their worker and never lose a byte. Contract: docs/driver.md.

`start_child` puts a keeper (keeper.py) between the worker and the child; the keeper spools what the child
says to files, from which `Child` reads here, or `spool.open_spool` after the worker was lost.
The bytes go on to `logs.lines`. Linux and macOS; Windows hosts are not supported by the worker.
"""

import contextlib
import fcntl
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from webapp.spool import SPOOL_VARIABLE, Exit, SpoolError, SpoolReader

KEEPER = Path(__file__).with_name("keeper.py")
GRACE_S = 10.0
CAPTURE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Completed:
    """What a captured command gave back. `timed_out`: it was stopped, the output is what came before."""

    code: int | None
    output: str
    errors: str
    timed_out: bool = False


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
