"""Matches stored lines against kit/failures.yaml. Pure: text in, findings out.

Rules are loaded once at start-up; findings go to the line, the step and the lab.
Contract: docs/failures.md.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import accumulate
from typing import Any, Literal

import re2

from webapp.diagnosis.kit_file import RulesError, read_items

Kind = Literal["failure", "noise"]
# Compiled sets of this many rules need more than RE2's default of 8 MiB to stay fast.
MEMORY_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Rule:
    """One known failure. `steps` and `roles` empty means everywhere; `at_line` is its line in the file.

    `when_failed`: it counts only once the step has failed, since it is normal for a while.
    `samples` must match, `near_misses` must not.
    """

    id: str
    pattern: str
    title: str
    explanation: str
    advice: str = ""
    link: str = ""
    retry: bool | None = None
    kind: Kind = "failure"
    steps: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    when_failed: bool = False
    samples: tuple[str, ...] = ()
    near_misses: tuple[str, ...] = ()
    at_line: int = 0

    def applies(self, step: str, role: str) -> bool:
        """Tell whether the rule is for this step and machine; "" means unknown and fits."""
        return (not self.steps or not step or step in self.steps) and (
            not self.roles or not role or role in self.roles
        )


@dataclass(frozen=True)
class Finding:
    """One rule on one line (zero-based, as in the log); `start` and `end` are bytes of its UTF-8 text."""

    rule_id: str
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Rules:
    """All rules, compiled. `set_` tells in one pass over a block which rules occur at all."""

    rules: tuple[Rule, ...]
    set_: Any = field(repr=False)  # Any: re2 has no types
    compiled: tuple[Any, ...] = field(repr=False)  # Any: re2 has no types

    @cached_property
    def by_id(self) -> Mapping[str, Rule]:
        return {rule.id: rule for rule in self.rules}

    def match_lines(
        self, first: int, lines: Sequence[str], *, step: str = "", role: str = ""
    ) -> list[Finding]:
        """Return the findings in `lines`, whose first has number `first`, in the lines' order.

        `step` is the step's name ("windows-join", or its kind, such as "up"), `role` the machine's.
        """
        encoded = [line.encode("utf-8", "replace") for line in lines]
        block = b"\n".join(encoded)
        hits = self.set_.Match(block)
        if not hits:
            return []
        starts = list(accumulate((len(line) + 1 for line in encoded), initial=0))
        found = [
            finding
            for index in sorted(hits)
            if self.rules[index].applies(step, role)
            for finding in self._find(index, block, encoded, starts, first)
        ]
        return sorted(found, key=lambda finding: (finding.line, finding.start))

    def _find(
        self, index: int, block: bytes, encoded: list[bytes], starts: list[int], first: int
    ) -> Iterator[Finding]:
        """Yield one finding a line: the rule is tried on the line alone, so none spans two."""
        pattern, last = self.compiled[index], -1
        for hit in pattern.finditer(block):
            number = bisect_right(starts, hit.start()) - 1
            exact = pattern.search(encoded[number]) if number != last else None
            last = number
            if exact:
                yield Finding(self.rules[index].id, first + number, exact.start(), exact.end())


def load_rules(text: str, file: str = "failures.yaml") -> Rules:
    """Parse and compile kit/failures.yaml. Raises RulesError naming file, line and what is wrong."""
    rules = tuple(_rule(item, lines, file) for item, lines in read_items(text, file))
    seen: dict[str, int] = {}
    for rule in rules:
        if rule.id in seen:
            raise RulesError(file, rule.at_line, f"the id {rule.id!r} stands in line {seen[rule.id]} already")
        seen[rule.id] = rule.at_line
    compiled = tuple(_compile(rule, file) for rule in rules)
    return Rules(rules, _compile_set(rules), compiled)


KEYS = {item.name for item in fields(Rule)} - {"at_line"}
LONGEST = {"id": 60, "title": 200, "link": 300}  # what a run's finding holds
NEEDED = ("id", "pattern", "title", "explanation", "samples", "near_misses")


def _rule(item: Mapping[str, Any], lines: Mapping[str, int], file: str) -> Rule:  # Any: the YAML edge
    """Make one rule of its mapping; `lines` tell where each key stands ("" is the rule itself)."""
    for key in item:
        if key not in KEYS:
            raise RulesError(
                file, lines[key], f"{key!r} is no key of a rule; known are {', '.join(sorted(KEYS))}"
            )
    kind = item.get("kind", "failure")
    for key in (*NEEDED, *(("advice", "retry") if kind == "failure" else ())):
        if item.get(key) in (None, "", []):
            raise RulesError(file, lines[""], f"the rule {item.get('id', '?')!r} has no {key}")
    if kind not in ("failure", "noise"):
        raise RulesError(file, lines["kind"], f"kind is failure or noise, not {kind!r}")
    _check_types(item, lines, file)
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in item.items()
    }
    return Rule(**values, at_line=lines[""])


def _check_types(item: Mapping[str, Any], lines: Mapping[str, int], file: str) -> None:  # Any: the YAML edge
    for key, value in item.items():
        if key in ("steps", "roles", "samples", "near_misses"):
            is_right = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
        else:
            is_right = isinstance(value, bool if key in ("retry", "when_failed") else str)
        if not is_right:
            raise RulesError(file, lines[key], f"{key} has the wrong type: {value!r}")
        if key in LONGEST and len(value) > LONGEST[key]:
            raise RulesError(file, lines[key], f"{key} has more than {LONGEST[key]} characters")


def _options() -> Any:  # Any: re2 has no types
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = MEMORY_BYTES
    return options


def _compile(rule: Rule, file: str) -> Any:  # Any: re2 has no types
    """Compile over bytes, where offsets cost nothing; `^` and `$` are a line's."""
    try:
        pattern = re2.compile(_line_wise(rule.pattern).encode(), _options())
    except re2.error as error:
        raise RulesError(file, rule.at_line, f"the pattern of {rule.id!r} is wrong: {error}") from error
    if pattern.search(b""):
        raise RulesError(file, rule.at_line, f"the pattern of {rule.id!r} matches an empty line")
    return pattern


def _compile_set(rules: Sequence[Rule]) -> Any:  # Any: re2 has no types
    combined = re2.Set.SearchSet(_options())
    for rule in rules:
        combined.Add(_line_wise(rule.pattern))
    combined.Compile()
    return combined


def _line_wise(pattern: str) -> str:
    return f"(?m:{pattern})"
