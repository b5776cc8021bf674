"""Keep one child process: spool what it says, stop it when asked or when the worker is gone.

Run as `python -I -S keeper.py SPOOL GRACE_S LOCK_FD STDERR ARGV…` by `process.start_child`; the dashboard
never imports it. It imports only light parts of the standard library: its start is on every step's path.

    descriptor 0    from the worker: "s" = stop, "d" = segments were discarded, end of file = it is gone
    descriptor 1    to the worker: one byte for each news; end of file = the keeper has ended
    LOCK_FD         an flock held as long as this process lives
    SPOOL           segments named by the offset of their first byte, child.json, exit.json at the end

    running → (stop | worker gone | SIGTERM) → INT → grace → TERM → grace → KILL → ended → exit.json
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import select
import signal
import sys
import time

SEGMENT_BYTES = 4 * 1024 * 1024
SEGMENTS_AHEAD = 16  # unread segments before the child has to wait
READ_BYTES = 256 * 1024
PIPE_BYTES = 1024 * 1024
F_SETPIPE_SZ = 1031  # Linux; the fcntl module names it from 3.10 on, but not everywhere
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
# A daemon may inherit the pipe and hold it open: after the child's end, this long a silence ends the output.
QUIET_AFTER_END_S = 0.3
TALK_AFTER_END_S = 5.0
RETRY_WRITE_S = 0.5
GIVE_UP_WRITE_S = 60.0
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)  # a disk that may take it later
LADDER = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
SILENT_SIGNALS = (signal.SIGINT, signal.SIGHUP)


def prctl(option: int, value: int) -> None:
    """Call Linux's prctl; elsewhere do nothing (the worker then kills what a lost keeper leaves)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def open_new(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def write_whole(path: str, value: dict[str, object]) -> bool:
    """Write JSON so that a reader sees all of it or nothing; False when the disk refused."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path + ".new")
    try:
        with os.fdopen(open_new(path + ".new"), "w") as file:
            json.dump(value, file)
        os.rename(path + ".new", path)
    except OSError as error:
        if error.errno not in FULL:
            raise
        return False
    return True


class Spool:
    """The segments: written here, deleted by the reader."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.starts: list[int] = []
        self.end = 0
        self.file = -1
        self.pending = memoryview(b"")

    def count(self) -> int:
        """Return how many segments lie on disk, forgetting those that the reader deleted."""
        if len(self.starts) > SEGMENTS_AHEAD:
            self.starts = [s for s in self.starts if os.path.exists(self.path(s))]
        return len(self.starts)

    def path(self, start: int) -> str:
        return f"{self.folder}/{start:016d}.out"

    def put(self, data: memoryview) -> bool:
        """Write out, in a new segment where the last is full; False when the disk refused."""
        self.pending = data
        try:
            while self.pending:
                self.write_some()
        except OSError as error:
            if error.errno not in FULL:
                raise
            return False
        return True

    def write_some(self) -> None:
        if self.file < 0 or self.end - self.starts[-1] >= SEGMENT_BYTES:
            self.open_segment()
        room = SEGMENT_BYTES - (self.end - self.starts[-1])
        written = os.write(self.file, self.pending[:room])
        self.end += written
        self.pending = self.pending[written:]

    def open_segment(self) -> None:
        opened = open_new(self.path(self.end))
        if self.file >= 0:
            os.close(self.file)
        self.file = opened
        self.starts.append(self.end)


def start(argv: list[str], stderr: str) -> tuple[int, int]:
    """Fork and exec the child in its own session; return its pid and the pipe it talks through."""
    reader, writer = os.pipe()
    with contextlib.suppress(OSError):
        fcntl.fcntl(writer, F_SETPIPE_SZ, PIPE_BYTES)
    keeper = os.getpid()
    pid = os.fork()
    if pid == 0:
        become_child(argv, writer, stderr, keeper)
    os.close(writer)
    os.set_blocking(reader, False)
    return pid, reader


def become_child(argv: list[str], writer: int, stderr: str, keeper: int) -> None:
    """Turn this fork into the child; never returns."""
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != keeper:  # it died before the line above
            os._exit(127)
        for number in (*SILENT_SIGNALS, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(writer, 1)
        os.dup2(open_new(stderr) if stderr else writer, 2)
        os.execvpe(argv[0], argv, os.environ)
    except OSError as error:
        os.write(2, f"Cannot start {argv[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


class Keeper:
    """The loop: wait for news from the child, the worker or the clock, and act on it."""

    def __init__(self, spool: Spool, grace_s: float, argv: list[str], stderr: str) -> None:
        self.spool = spool
        self.grace_s = grace_s
        self.buffer = memoryview(bytearray(READ_BYTES))
        self.signals, alarm = os.pipe()
        for end in (self.signals, alarm):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self.begin_stop())
        self.worker_lives = True
        self.is_stopped = False
        self.rung = 0
        self.next_rung_at = 0.0
        self.status: int | None = None
        self.ended_at = self.heard_at = self.refused_at = 0.0
        self.pid, self.output = start(argv, stderr)

    def run(self) -> None:
        while not self.is_done(time.monotonic()):
            self.step()

    def step(self) -> None:
        """Wait for one piece of news and deal with it."""
        ready = self.wait()
        if self.signals in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self.signals, 4096)
        if 0 in ready and self.worker_lives:
            self.hear_worker(os.read(0, 4096))
        if self.status is None or self.is_stopped:
            self.reap()
        if self.output in ready:
            self.hear_child()
        self.climb(time.monotonic())

    def wait(self) -> set[int]:
        """Sleep until something is readable or the next deadline; return what is readable."""
        poll = select.poll()
        poll.register(self.signals, select.POLLIN)
        if self.worker_lives:
            poll.register(0, select.POLLIN)
        if self.spool.pending and self.spool.put(self.spool.pending):
            self.refused_at = 0.0
            self.tell()
        if self.output >= 0 and not self.spool.pending and self.has_room():
            poll.register(self.output, select.POLLIN)
        return {descriptor for descriptor, _ in poll.poll(self.patience_ms())}

    def patience_ms(self) -> int | None:
        """Return how long nothing may happen; None = for ever."""
        waits = []
        if self.spool.pending:
            waits.append(RETRY_WRITE_S)
        if self.status is not None:
            waits.append(0.05)
        if self.is_stopped:
            waits.append(min(0.2, max(0.0, self.next_rung_at - time.monotonic())))
        return int(min(waits) * 1000) + 1 if waits else None

    def has_room(self) -> bool:
        """Tell whether the spool may grow. The last words of an orphan get as much room again."""
        allowed = SEGMENTS_AHEAD * (1 if self.worker_lives else 2) + (0 if self.status is None else 1)
        return self.spool.count() <= allowed

    def hear_worker(self, words: bytes) -> None:
        if words == b"":
            self.worker_lives = False
        if words == b"" or b"s" in words:
            self.begin_stop()

    def hear_child(self) -> None:
        try:
            length = os.readv(self.output, [self.buffer])
        except BlockingIOError:
            return
        if length == 0:
            os.close(self.output)
            self.output = -1
            return
        self.heard_at = time.monotonic()
        if not self.spool.put(self.buffer[:length]):
            self.refused_at = self.refused_at or self.heard_at
        self.tell()

    def tell(self) -> None:
        """Wake the worker; a full pipe means that it has been told already."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(1, b".")

    def reap(self) -> None:
        """Take the exit status of the child, and of orphans that were handed to this process."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0] != 0:
                if ended[0] == self.pid:
                    self.status = ended[1]
                    self.ended_at = self.heard_at = time.monotonic()

    def begin_stop(self) -> None:
        if not self.is_stopped and self.status is None:
            self.is_stopped = True
            self.next_rung_at = time.monotonic()

    def climb(self, now: float) -> None:
        """Send the next signal of the ladder to the whole group when its time has come."""
        if not self.is_stopped or self.rung == len(LADDER) or now < self.next_rung_at:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, LADDER[self.rung])
        self.rung += 1
        self.next_rung_at = now + (self.grace_s if self.rung < len(LADDER) else 1.0)

    def is_done(self, now: float) -> bool:
        """Tell whether the child has ended, all it said is spooled, and a stopped group is empty."""
        if self.status is None or (self.is_stopped and self.group_lives() and not self.has_killed(now)):
            return False
        if self.spool.pending:
            return not self.worker_lives and now - self.refused_at > GIVE_UP_WRITE_S
        if self.output < 0:
            return True
        if not self.has_room():
            self.ended_at = self.heard_at = now  # the clocks run only while the pipe is read
            return not self.worker_lives
        return now - self.heard_at > QUIET_AFTER_END_S or now - self.ended_at > TALK_AFTER_END_S

    def has_killed(self, now: float) -> bool:
        return self.rung == len(LADDER) and now >= self.next_rung_at

    def group_lives(self) -> bool:
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def record_exit(self) -> None:
        """Write down how the child ended; a disk that refuses is waited for, as with the child's words."""
        while not write_whole(f"{self.spool.folder}/exit.json", self.exit_record()):
            now = time.monotonic()
            self.refused_at = self.refused_at or now
            if not self.worker_lives and now - self.refused_at > GIVE_UP_WRITE_S:
                sys.exit("The disk refused the end of the child.")
            if self.worker_lives and select.select([0], [], [], RETRY_WRITE_S)[0]:
                self.hear_worker(os.read(0, 4096))
            elif not self.worker_lives:
                time.sleep(RETRY_WRITE_S)
        self.tell()

    def exit_record(self) -> dict[str, object]:
        status = self.status or 0
        signaled = os.WIFSIGNALED(status)
        return {
            "code": None if signaled else os.WEXITSTATUS(status),
            "signal": os.WTERMSIG(status) if signaled else None,
            "stopped": self.is_stopped,
        }


def main() -> None:
    folder, grace_s, lock, stderr = sys.argv[1:5]
    os.set_inheritable(int(lock), False)
    os.set_blocking(1, False)
    for number in SILENT_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    keeper = Keeper(Spool(folder), float(grace_s), sys.argv[5:], stderr)
    write_whole(f"{folder}/child.json", {"pid": keeper.pid})  # refused: a lost keeper's child dies by itself
    keeper.run()
    if keeper.spool.pending:
        sys.exit("The disk refused the last words of the child.")
    keeper.record_exit()


if __name__ == "__main__":
    main()
