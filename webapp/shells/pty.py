"""One child on a pseudo-terminal, read and written by the running event loop.

What it says is taken in windows: the first bytes at once, then at most WINDOW_BYTES every WINDOW_S. A child
that floods waits in the kernel (`yes` runs as fast as somebody could read, not as fast as it can).
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import termios
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

WINDOW_S = 0.010
WINDOW_BYTES = 16 * 1024
MOST_WAITING = 256 * 1024  # typed bytes that the child has not taken yet
HANGUP_S = 3.0
INTERRUPT = b"\x03"


class Pty:
    """Start `argv`; `on_output` gets bytes, `on_end` the exit code (negative: the signal)."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        size: tuple[int, int],
        on_output: Callable[[bytes], None],
        on_end: Callable[[int], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_output, self._on_end = on_output, on_end
        self._waiting = bytearray()
        self._last_read = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.is_over = False
        self.reaped = asyncio.Event()
        self._descriptor, slave = os.openpty()
        os.set_blocking(self._descriptor, False)
        try:
            self.resize(size)
            self._process = start(argv, cwd, env, slave)
        except OSError:
            os.close(self._descriptor)
            raise
        finally:
            os.close(slave)
        self._loop.add_reader(self._descriptor, self._readable)

    @property
    def pid(self) -> int:
        return self._process.pid

    def resize(self, size: tuple[int, int]) -> None:
        if self.is_over:  # the descriptor may be another terminal's by now
            return
        columns, rows = size
        with contextlib.suppress(OSError):  # it has just ended
            fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def write(self, data: bytes) -> bool:
        """Type; False when so much waits already that this was dropped."""
        if self.is_over:
            return False
        if INTERRUPT in data:  # whoever interrupts does not want the rest of a paste typed first
            self._forget_typed()
        if len(self._waiting) + len(data) > MOST_WAITING:
            return False
        was_idle = not self._waiting
        self._waiting += data
        if was_idle:
            self._writable()
        return True

    def _forget_typed(self) -> None:
        """Drop what was typed and not read: ours, and up to 64 KiB that the kernel holds before it."""
        self._waiting.clear()
        with contextlib.suppress(OSError, termios.error):  # it has just ended
            termios.tcflush(self._descriptor, termios.TCOFLUSH)

    def hang_up(self) -> None:
        """End it: HUP to its group, KILL after HANGUP_S; `on_end` follows."""
        self._signal(signal.SIGHUP)
        self._loop.call_later(HANGUP_S, self._signal, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def _readable(self) -> None:
        due = self._last_read + WINDOW_S - self._loop.time()
        if due > 0:
            self._loop.remove_reader(self._descriptor)
            self._timer = self._loop.call_later(due, self._resume)
            return
        self._last_read = self._loop.time()
        data, has_ended = self._read()
        if data:
            self._on_output(data)
        if has_ended:
            self._end()

    def _resume(self) -> None:
        self._timer = None
        if not self.is_over:
            self._loop.add_reader(self._descriptor, self._readable)
            self._readable()

    def _read(self) -> tuple[bytes, bool]:
        """Read what is there, at most a window; tell whether the child has closed its end."""
        data = bytearray()
        while len(data) < WINDOW_BYTES:
            try:
                piece = os.read(self._descriptor, WINDOW_BYTES - len(data))
            except BlockingIOError:
                return bytes(data), False
            except OSError:  # EIO: nobody has the other end open any more
                return bytes(data), True
            if not piece:
                return bytes(data), True
            data += piece
        return bytes(data), False

    def _writable(self) -> None:
        try:
            written = os.write(self._descriptor, self._waiting[:4096])
            del self._waiting[:written]
        except BlockingIOError:
            pass
        except OSError:
            self._waiting.clear()
        if self._waiting and not self.is_over:
            self._loop.add_writer(self._descriptor, self._writable)
        else:
            self._loop.remove_writer(self._descriptor)

    def _end(self) -> None:
        self.is_over = True
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        os.close(self._descriptor)
        self.hang_up()  # whoever has let go of the terminal and goes on
        self._loop.create_task(self._reap())

    async def _reap(self) -> None:
        while self._process.poll() is None:
            await asyncio.sleep(0.02)
        self.reaped.set()
        self._on_end(self._process.returncode)


def start(argv: Sequence[str], cwd: Path, env: Mapping[str, str], slave: int) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own whose controlling terminal is `slave`."""
    return subprocess.Popen(
        list(argv),
        cwd=cwd,
        env=dict(env),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=take_terminal,  # noqa: PLW1509 (one system call, after setsid)
    )


def take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
