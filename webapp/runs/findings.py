"""Known failures in a step's lines while they are stored: kit/failures.yaml → findings on the run.

    Recorder.on_lines ─► StepWatch.look ─► Finding rows, a nudge ─► the step, the lab, the line

One watch per step, in that step's thread. What it found decides whether a failed attempt is worth
another one. Noise is only counted.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db.models import F

from webapp import live
from webapp.catalog import library
from webapp.diagnosis.rules import Finding as Hit
from webapp.diagnosis.rules import Rule, Rules, load_rules
from webapp.logs.lines import LogLine
from webapp.logs.patience import for_ever
from webapp.logs.store import Row
from webapp.runs.models import Finding, Run, Step

MOST_A_RUN = 200
# One failure that repeats itself must not use up the run's share.
MOST_A_RULE = 5


def rules() -> Rules:
    """Return the kit's rules, compiled once per process and text; RulesError when the file is wrong."""
    return compiled(library.failures_text(Path(settings.ENVIRONMENTS_DIR)))


@lru_cache(maxsize=4)
def compiled(text: str) -> Rules:
    return load_rules(text)


@dataclass(frozen=True)
class FindingRow:
    """A known failure as pages show it: once, at the first line where it was seen (from 1, as shown)."""

    title: str
    explanation: str
    advice: str
    link: str
    machine: str
    line: int
    count: int


def finding_rows(findings: Iterable[Finding]) -> tuple[FindingRow, ...]:
    """Gather a step's or a run's findings: one row for each rule and machine, in the order of their lines."""
    gathered: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        gathered.setdefault((finding.rule, finding.machine), []).append(finding)
    return tuple(
        FindingRow(f.title, f.explanation, f.advice, f.link, f.machine, f.line + 1, len(same))
        for same in gathered.values()
        for f in same[:1]
    )


class StepWatch:
    """Looks at the lines of one step of a run, attempt after attempt. `name` is the kit step's or a kind."""

    def __init__(self, run: Run, step: Step, *, name: str, role: str) -> None:
        self.run = run
        self.step = step
        self.name = name
        self.role = role
        self.rules = rules()
        self.seen: Counter[str] = Counter()  # all attempts: how often each failure rule was stored
        self.attempt: dict[str, Rule] = {}  # what this attempt has shown, the latest last
        self.held: list[tuple[int, str, Rule]] = []  # counts only if the attempt fails

    def look(self, first: int, lines: Sequence[LogLine]) -> None:
        """Match a batch that was just stored; its first line has number `first`."""
        hits = self.rules.match_lines(first, [line.text for line in lines], step=self.name, role=self.role)
        noise: set[int] = set()
        found: list[tuple[int, str, Rule]] = []
        for hit, rule in self.with_rules(hits):
            if rule.kind == "noise":
                noise.add(hit.line)
            elif rule.when_failed:
                self.hold(hit.line, lines[hit.line - first].machine, rule)
            else:
                found.append((hit.line, lines[hit.line - first].machine, rule))
        if noise:
            more = F("noise_count") + len(noise)
            for_ever(lambda: Step.objects.filter(pk=self.step.pk).update(noise_count=more))
        self.keep(found)

    def with_rules(self, hits: Iterable[Hit]) -> list[tuple[Hit, Rule]]:
        by_id = self.rules.by_id
        return [(hit, by_id[hit.rule_id]) for hit in hits]

    def hold(self, line: int, machine: str, rule: Rule) -> None:
        if sum(held is rule for _, _, held in self.held) < MOST_A_RULE:
            self.held.append((line, machine, rule))

    def keep(self, found: Sequence[tuple[int, str, Rule]]) -> None:
        """Store what is new within the bounds, and tell whoever looks at the run."""
        rows = [self.row(*one) for one in found if self.is_wanted(one[2])]
        for _, _, rule in found:
            self.attempt.pop(rule.id, None)
            self.attempt[rule.id] = rule
        is_news = for_ever(lambda: self.store_rows(rows)) if rows else False
        if is_news:
            live.announce({"type": "run.changed", "lab": self.run.lab_id, "run": self.run.pk})

    def store_rows(self, rows: list[Finding]) -> bool:
        """Store as many as a run may have; False when it has them already."""
        free = max(0, MOST_A_RUN - Finding.objects.filter(run=self.run).count())
        return bool(Finding.objects.bulk_create(rows[:free], ignore_conflicts=True))

    def is_wanted(self, rule: Rule) -> bool:
        self.seen[rule.id] += 1
        return self.seen[rule.id] <= MOST_A_RULE

    def row(self, line: int, machine: str, rule: Rule) -> Finding:
        return Finding(
            run=self.run,
            step=self.step,
            line=line,
            machine=machine or self.step.machine,
            rule=rule.id,
            kind=rule.kind,
            title=rule.title,
            explanation=rule.explanation,
            advice=rule.advice,
            link=rule.link,
        )

    def end_attempt(self, *, is_failed: bool) -> Rule | None:
        """Close an attempt; after a failed one return the rule that explains it best, None if none does."""
        if is_failed:
            self.keep(self.held)
        attempt, self.attempt, self.held = list(self.attempt.values()), {}, []
        return main_cause(attempt) if is_failed else None


def main_cause(found: Sequence[Rule]) -> Rule | None:
    """Pure: what no retry mends comes first, what is normal for a while last; else the last that was said."""
    lasting = [rule for rule in found if rule.retry is False]
    telling = [rule for rule in found if not rule.when_failed]
    return next(reversed(lasting or telling or list(found)), None)


def noise_lines(first: int, lines: Sequence[Row], steps: dict[int, tuple[str, str]]) -> list[int]:
    """Return the numbers of those lines that are known noise; `steps`: number → (name, role)."""
    known = rules()
    found: list[int] = []
    for number in {line[1] for line in lines}:
        name, role = steps.get(number, ("", ""))
        # An empty text matches no rule: the others keep their place.
        texts = [line[4] if line[1] == number else "" for line in lines]
        hits = known.match_lines(first, texts, step=name, role=role)
        found += [hit.line for hit in hits if known.by_id[hit.rule_id].kind == "noise"]
    return sorted(set(found))
