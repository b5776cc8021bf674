"""Measures the rule matcher on lines such as a run writes; `make bench` and a test call it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from webapp.diagnosis.rules import Rules

USUAL = (
    "Get:%d http://archive.ubuntu.com/ubuntu noble/main amd64 libfoo%d 1.2.3-4 [123 kB]",
    "[12:00:00] waiting: the kubelet answers %d %d",
    "I1122 10:00:00.%d   4711 reflector.go:%d] Listing and watching *v1.Node",
    "E1122 10:00:01.%d   4711 pod_workers.go:%d] Error syncing pod, skipping: context canceled",
    "TASK %d of %d",
)


@dataclass(frozen=True)
class RulesBench:
    """What was measured: lines matched, findings made, and seconds taken."""

    lines: int
    findings: int
    seconds: float

    @property
    def lines_per_s(self) -> float:
        return self.lines / self.seconds


def bench_rules(
    rules: Rules, *, line_count: int = 200_000, hit_every: int = 1000, block_size: int = 1000
) -> RulesBench:
    """Match `line_count` lines in blocks; each `hit_every`-th is a sample of one of the rules."""
    lines = sample_log(rules, line_count, hit_every)
    started = time.perf_counter()
    findings = sum(
        len(rules.match_lines(at, lines[at : at + block_size])) for at in range(0, line_count, block_size)
    )
    return RulesBench(line_count, findings, time.perf_counter() - started)


def sample_log(rules: Rules, line_count: int, hit_every: int) -> Sequence[str]:
    lines = [USUAL[i % len(USUAL)] % (i, i % 97) for i in range(line_count)]
    for turn, at in enumerate(range(0, line_count, hit_every)):
        lines[at] = rules.rules[turn % len(rules.rules)].samples[0]
    return lines
