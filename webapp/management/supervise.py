"""Run supervisord below this process so that nothing outlives it.

INT, TERM and HUP end everything in order. When this process is killed, the kernel tells supervisord; when
supervisord is killed, what it leaves comes to this process (child subreaper) and is ended here.
"""

import contextlib
import ctypes
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import psutil

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
END_WITHIN_S = 10
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def supervise(config: Path, when_started: Callable[[subprocess.Popen[bytes]], None]) -> int:
    """Run supervisord with `config` until it ends or a signal asks for it; return its exit code.

    `when_started` is called beside it in a thread; what it raises is printed, and everything ended.
    """
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    with start_supervisord(config) as child, signals_end(child):
        threading.Thread(target=greet, args=(when_started, child), daemon=True).start()
        relay(child)
        code = child.wait()
    end_leftovers()
    return code


def start_supervisord(config: Path) -> subprocess.Popen[bytes]:
    """Start it in a session of its own, so that Ctrl-C reaches this process only."""
    command = [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "--configuration", str(config)]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=end_with_parent,  # noqa: PLW1509 (no thread runs yet)
    )


def end_with_parent() -> None:
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def prctl(option: int, value: int) -> None:
    """Linux only; elsewhere a killed `make up` may leave processes behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


@contextlib.contextmanager
def signals_end(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Pass on the wish to end as TERM, which supervisord takes as such; whoever asks twice does not wait."""
    asked = False

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            child.kill()
        else:
            child.terminate()
        asked = True

    before = {number: signal.signal(number, pass_on) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def greet(when_started: Callable[[subprocess.Popen[bytes]], None], child: subprocess.Popen[bytes]) -> None:
    try:
        when_started(child)
    except Exception as error:  # whatever it was, a dashboard that cannot be reached must not stay
        print(f"Nothing is kept running: {error}", file=sys.stderr, flush=True)  # noqa: T201 (a terminal's tool)
        child.terminate()


def relay(child: subprocess.Popen[bytes]) -> None:
    """Copy what the processes print; go on reading when nobody listens any more."""
    assert child.stdout is not None
    for line in child.stdout:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.buffer.write(line)
            sys.stdout.flush()


def end_leftovers() -> None:
    """End what is still there below this process: TERM, then KILL after 10 s."""
    left = psutil.Process().children(recursive=True)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(left, timeout=END_WITHIN_S)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
