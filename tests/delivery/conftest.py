"""`make up` as a person starts it.

started     started(**env) -> Up: a dashboard of its own folder that prints its address; ended afterwards
lasting     one that a module's tests share, up and running
"""

import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.stack import ROOT, Visitor, free_port, wait_until

START_WITHIN_S = 120  # the machine may be busy with other tests
END_WITHIN_S = 60


@dataclass
class Up:
    """One `manage.py up`; the processes below it carry the same mark in their environment."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    mark: str

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def password(self) -> str:
        return re.findall(r"password (\S+)", self.output)[0]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def processes(self, word: str = "") -> list[psutil.Process]:
        """Return what runs with this mark and has `word` in its command line.

        Redis writes its title over its environment, but names its socket in it.
        """
        every = ((process, " ".join(command_of(process))) for process in psutil.process_iter())
        ours = str(self.log.parent)
        return [p for p, command in every if word in command and (has_mark(p, self.mark) or ours in command)]

    def one(self, word: str) -> psutil.Process:
        return wait_until(lambda: next(iter(self.processes(word)), None), START_WITHIN_S, word)

    def wait_for_address(self) -> "Up":
        wait_until(
            lambda: "is at http" in self.output or self.process.poll() is not None, START_WITHIN_S, "address"
        )
        assert self.process.poll() is None, self.output
        return self

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(END_WITHIN_S)

    def wait_for_nothing(self) -> None:
        wait_until(lambda: not self.processes(), END_WITHIN_S, f"nothing is left: {self.processes()}")

    def visitor(self) -> Visitor:
        """Sign in as the first administrator, with what the terminal showed."""
        visitor = Visitor(self.address)
        visitor.open("/sign-in")
        status, url, _ = visitor.open("/sign-in", {"username": "admin", "password": self.password})
        assert status == 200 and "sign-in" not in url
        return visitor

    def is_ready(self) -> bool:
        try:
            return Visitor(self.address).open("/readyz")[0] == 200
        except OSError:
            return False


def has_mark(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get("LAB_TEST_MARK") == mark and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def begin(folder: Path, **env: str) -> Up:
    """Start `manage.py up` with its data in `folder`; wait for nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    port, mark = int(env.get("PORT") or free_port()), uuid.uuid4().hex
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    ours = {"HOME": str(folder), "VAR_DIR": str(folder / "var"), "PORT": str(port), "LAB_TEST_MARK": mark}
    log = folder / "up.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env={**kept, **ours, **env},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    return Up(process, port, log, mark)


def clear_away(every: Iterable[Up]) -> None:
    for up in every:
        if up.process.poll() is None:
            up.end()
        for left in up.processes():
            left.kill()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    every: list[Up] = []

    def start(folder: Path = tmp_path, **env: str) -> Up:
        every.append(begin(folder, **env))
        return every[-1]

    yield start
    clear_away(every)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    up = begin(tmp_path_factory.mktemp("up"))
    try:
        yield up.wait_for_address()
    finally:
        clear_away([up])
