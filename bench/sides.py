"""The three ways from a child to its viewers: ours, the limit, the naive one; real processes on loopback."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil

from bench.viewers import Order, merge
from tests.stack import Stack, free_port, wait_until

ROOT = Path(__file__).parent.parent
MOST_VIEWERS = 100  # in one process
Figures = dict[str, Any]


class Part:
    """A process that says "ready" and waits for a line on stdin."""

    def __init__(self, stack: Stack, *arguments: str) -> None:
        command = [sys.executable, "-m", *arguments]
        errors = (stack.var / f"{arguments[0]}.err").open("ab")
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=stack.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        self.expect("ready")

    def expect(self, word: str) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line.startswith(word):
            raise RuntimeError(f"{self.process.args}: said {line!r} instead of {word}; see its .err file")
        return line

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def result(self) -> Figures:
        assert self.process.stdout is not None
        figures: Figures = json.loads(self.process.stdout.readline())
        return figures

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


class Side:
    """One way; `prepare` returns the process that starts the child, `servers` those whose CPU counts."""

    name = ""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.path, self.cookie, self.port = "/", "", 0

    def prepare(self, lines: int, rate: float) -> Part:
        raise NotImplementedError

    def servers(self, feeder: Part) -> list[int]:
        return [feeder.process.pid]

    def stop(self) -> None:
        """End what outlives a measurement."""

    def order(self, viewers: int, lines: int, **more: Any) -> Order:
        return Order(self.port, self.path, viewers, lines, cookie=self.cookie, **more)

    def measure(
        self, viewers: int, lines: int, rate: float, timeout_s: float = 60, stalled: int = 0
    ) -> Figures:
        """Run a child of `lines` lines under so many viewers."""
        feeder = self.prepare(lines, rate)
        order = self.order(viewers, lines, timeout_s=timeout_s, stalled=stalled, hold=True)
        with watching(self.stack, order) as watch:
            servers = self.servers(feeder)
            before, began = cpu_s(servers), time.monotonic()
            memory = rss_mb(servers[0])
            feeder.go()
            figures = watch.result()
            figures["cpu_s"] = cpu_s(servers) - before
            figures["cores"] = figures["cpu_s"] / (time.monotonic() - began)
            figures["grown_mb"] = rss_mb(servers[0]) - memory
        feeder.stop()
        delivered = max(figures["lines"], 1)
        figures["lines_per_s"] = delivered / max(viewers - stalled, 1) / figures["elapsed_s"]
        figures["cpu_per_million"] = figures["cpu_s"] / delivered * 1e6
        return figures

    def memory_per_viewer_mb(self, viewers: int) -> float:
        """Connect idle viewers and see how the server grows."""
        feeder = self.prepare(1, 0)
        server = self.servers(feeder)[0]
        with watching(self.stack, self.order(1, 1, is_idle=True)):
            before = rss_mb(server)
            with watching(self.stack, self.order(viewers, 1, is_idle=True)):
                time.sleep(1.0)  # the last of them settle
                grown = rss_mb(server) - before
        feeder.stop()
        return grown / viewers


class Watch:
    """Viewers at work, in one or several processes."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts

    def result(self) -> Figures:
        return merge([part.result() for part in self.parts])


@contextmanager
def watching(stack: Stack, order: Order) -> Iterator[Watch]:
    """Connect the viewers, a hundred a process: one for all would be what is measured, not the server."""
    with ExitStack() as parts:
        started = []
        for count in shares(order.count):
            part = Part(stack, "bench.viewers", json.dumps(asdict(replace(order, count=count))))
            parts.callback(part.stop)
            started.append(part)
        yield Watch(started)


def shares(viewers: int) -> list[int]:
    """Return how many viewers each process has."""
    return [min(MOST_VIEWERS, viewers - at) for at in range(0, viewers, MOST_VIEWERS)]


class Ours(Side):
    """The product: recorder, database, nudge, feed, consumer under uvicorn."""

    name = "ours"

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
        self.port = stack.port
        self.cookie = fill(stack, "session")["cookie"]

    def prepare(self, lines: int, rate: float) -> Part:
        log_id = fill(self.stack, "log")["log"]
        self.path = f"/ws/logs/{log_id}/?after=-1&form=joined"
        return Part(self.stack, "bench.recorder", str(log_id), str(lines), str(rate))

    def servers(self, feeder: Part) -> list[int]:
        return [self.stack.parts["web"].pid, feeder.process.pid, self.stack.parts["redis"].pid]


class Limit(Side):
    """Bare asyncio."""

    name = "limit"

    def prepare(self, lines: int, rate: float) -> Part:
        self.port = free_port()
        return Part(self.stack, "bench.limit", str(self.port), str(lines), str(rate))


class Naive(Side):
    """One group_send a line."""

    name = "naive"

    def prepare(self, lines: int, rate: float) -> Part:
        self.port = free_port()
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--log-level", "warning"]
        self.stack.start_part("naive", sys.executable, "-m", "uvicorn", "bench.naive:application", *options)
        wait_until(lambda: Stack.answers(self.port), 30, "the naive server answers")
        return Part(self.stack, "bench.naive", str(lines), str(rate))

    def servers(self, feeder: Part) -> list[int]:
        return [self.stack.parts["naive"].pid, feeder.process.pid, self.stack.parts["redis"].pid]

    def measure(
        self, viewers: int, lines: int, rate: float, timeout_s: float = 60, stalled: int = 0
    ) -> Figures:
        try:
            return super().measure(viewers, lines, rate, timeout_s, stalled)
        finally:
            self.stack.stop_part("naive")


def fill(stack: Stack, *arguments: str) -> Figures:
    done = subprocess.run(
        [sys.executable, "-m", "bench.fill", *arguments],
        cwd=ROOT,
        env=stack.env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def cpu_s(pids: list[int]) -> float:
    """Return the CPU time of these processes; what they have started (the keeper, the child) is not in it."""
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


def rss_mb(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss) / 1e6
