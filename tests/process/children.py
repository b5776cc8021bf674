"""Waiting for children in the tests of process.py, always with a deadline."""

import os
import time
from collections.abc import Callable

import psutil

from webapp.process import Child
from webapp.spool import Exit

ENV = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
DEADLINE_S = 30.0
Start = Callable[..., Child]


def wait_until(is_true: Callable[[], bool], what: str) -> None:
    """Wait for a condition; fail with `what` after 30 s."""
    deadline = time.monotonic() + DEADLINE_S
    while not is_true():
        assert time.monotonic() < deadline, f"Waited {DEADLINE_S} s for: {what}"
        time.sleep(0.01)


def read_to_end(child: Child) -> tuple[bytes, Exit]:
    """Read everything a child says, as the recorder does."""
    said = bytearray()
    deadline = time.monotonic() + DEADLINE_S
    while (ended := child.ended) is None:
        assert time.monotonic() < deadline, "the child did not end"
        child.wait(1.0)
        said += child.read()
        child.discard(child.offset)
    return bytes(said), ended


def read_until(child: Child, word: bytes) -> bytes:
    said = bytearray()
    deadline = time.monotonic() + DEADLINE_S
    while word not in said:
        assert time.monotonic() < deadline, f"the child never said {word!r}"
        child.wait(1.0)
        said += child.read()
    return bytes(said)


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended; an unreaped zombie of another parent counts as ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
