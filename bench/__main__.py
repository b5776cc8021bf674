"""python -m bench [--quick] [--only NAME …]: measure, print one table, write var/bench.json."""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.click import click_to_first_line_s, slowest_search_s
from bench.report import Report
from bench.sides import ROOT, Figures, Limit, Naive, Ours, Side, fill, watching
from tests.stack import Stack

VIEWERS = (1, 20, 200)
LINES = {1: 400_000, 20: 150_000, 200: 40_000}
QUICK_LINES = {1: 100_000, 20: 40_000, 200: 12_000}
ROUNDS = {1: 3, 20: 3, 200: 11}  # a round of 200 viewers lasts a second, and neighbours change it most
NAIVE_LINES = {1: 200, 20: 100, 200: 30}
LONG_LINES = 200_000
MANY_LINES = 1_000_000


class Bench:
    """Every measurement; each takes the three sides one right after the other, because only ratios count."""

    def __init__(self, stack: Stack, is_quick: bool, report: Report) -> None:
        self.stack, self.is_quick = stack, is_quick
        self.report = report
        self.ours, self.limit, self.naive = Ours(stack), Limit(stack), Naive(stack)
        self.faults = 0

    def take(self, side: Side, viewers: int, lines: int, rate: float, timeout_s: float = 60) -> Figures:
        figures = side.measure(viewers, lines, rate, timeout_s)
        if side is self.ours:
            self.faults += figures["lost"] + figures["doubled"] + max(figures["missing"], 0)
        return figures

    def throughput(self) -> None:
        sizes = QUICK_LINES if self.is_quick else LINES
        for viewers in VIEWERS:
            rounds = [
                {side.name: self.take(side, viewers, sizes[viewers], 0) for side in (self.limit, self.ours)}
                for _ in range(1 if self.is_quick else ROUNDS[viewers])
            ]
            naive = self.take(self.naive, viewers, NAIVE_LINES[viewers], 0, timeout_s=20)
            for key in ("lines_per_s", "cpu_per_million"):
                ours, limit = (median(one[name][key] for one in rounds) for name in ("ours", "limit"))
                ratio = median(one["ours"][key] / one["limit"][key] for one in rounds)
                self.report.add(key, viewers, ours, limit, naive[key], ratio)

    def latency(self) -> None:
        for viewers in VIEWERS:
            lines = 400 if self.is_quick else 1000
            limit = self.take(self.limit, viewers, lines, 200)
            ours = self.take(self.ours, viewers, lines, 200)
            naive = self.take(self.naive, viewers, 60, 200, timeout_s=20)
            for key in ("p50_ms", "p99_ms", "cores"):
                self.report.add(key, viewers, ours[key], limit[key], naive[key])
        slow = self.take(self.ours, 1, 15 if self.is_quick else 40, 5)
        self.report.add("quiet_p50_ms", 1, slow["p50_ms"])

    def memory(self) -> None:
        self.report.add(
            "idle_viewer_mb", 200, self.ours.memory_per_viewer_mb(200), self.limit.memory_per_viewer_mb(200)
        )

    def stalled(self) -> None:
        """Twenty viewers, one of which never reads."""
        lines = QUICK_LINES[20]
        freely = self.take(self.ours, 20, lines, 0)
        stalled = self.ours.measure(20, lines, 0, stalled=1)
        self.faults += stalled["lost"] + stalled["doubled"] + stalled["missing"]
        self.report.add("stalled_speed", 20, stalled["lines_per_s"] / freely["lines_per_s"])
        self.report.add("stalled_grown_mb", 20, max(0.0, stalled["grown_mb"] - max(0.0, freely["grown_mb"])))

    def opening(self) -> None:
        """A finished log of 200,000 lines: its tail, and all of it."""
        log_id = fill(self.stack, "long", str(LONG_LINES))["log"]
        for key, query, first in (
            ("tail_s", "after=tail&tail=500", LONG_LINES - 500),
            ("all_s", "after=-1", 0),
        ):
            self.ours.path = f"/ws/logs/{log_id}/?{query}"
            times = []
            for _ in range(5):
                with watching(self.stack, self.ours.order(1, LONG_LINES, first=first)) as watch:
                    figures = watch.result()
                times.append(figures["fetched_s"])
                self.faults += figures["lost"] + figures["doubled"] + figures["missing"]
            self.report.add(key, 1, median(times))

    def labs_page(self) -> None:
        fill(self.stack, "labs", "500", "50000")
        page = fill(self.stack, "labs-page")
        self.report.add("labs_page_ms", None, page["ms"])
        self.report.add("labs_page_queries", None, page["queries"])

    def click(self) -> None:
        self.report.add(
            "click_s", None, click_to_first_line_s(self.stack, 5 if self.is_quick else 7)
        )  # 8 subnets
        log_id = fill(self.stack, "long", str(MANY_LINES))["log"]
        self.report.add("search_s", None, slowest_search_s(self.stack, int(log_id)))


MEASURES: dict[str, Callable[[Bench], None]] = {
    "memory": Bench.memory,  # first: free memory of a busy server would hide it
    "throughput": Bench.throughput,
    "latency": Bench.latency,
    "stalled": Bench.stalled,
    "opening": Bench.opening,
    "click": Bench.click,  # before 500 labs have taken every subnet
    "labs-page": Bench.labs_page,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure the way from a child to its viewers."
    )
    parser.add_argument("--quick", action="store_true", help="smaller sizes, one round each: under 90 s")
    parser.add_argument("--only", action="append", choices=MEASURES, help="only this one; may be repeated")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    stack = Stack(folder, {"LOG_LEVEL": "WARNING"})
    began = time.monotonic()
    report = Report()
    try:
        stack.manage("migrate", "--verbosity", "0")
        stack.start_redis()
        stack.start_web()
        bench = Bench(stack, options.quick, report)
        for name in options.only or MEASURES:
            print(f"… {name}", file=sys.stderr, flush=True)
            MEASURES[name](bench)
        report.add("faults", None, bench.faults)
    finally:
        stack.stop()
        shutil.rmtree(folder, ignore_errors=True)
        print(report.table(), flush=True)
    print(f"{time.monotonic() - began:.0f} s, {os.cpu_count()} cores, load now {os.getloadavg()[0]:.1f}")
    target = ROOT / "var" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(report.as_json(), indent=1))
    return 1 if bench.faults else 0


if __name__ == "__main__":
    sys.exit(main())
