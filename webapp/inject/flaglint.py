"""Flag lint: a service's command line against the new binary's own --help and the kit's flag table. Pure.

An error would show as a service that stops right after its start; it is told before anything is stopped.
Source: spf13/pflag's FlagUsages ("  -v, --v Level   text (DEPRECATED: …)"); Go's flag package
("  -addr string").
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from webapp.catalog.kit_versions import Span
from webapp.catalog.version_labels import version_key
from webapp.catalog.versions import minor_of
from webapp.inject.answers import Answers

Level = Literal["error", "warning"]
FLAG_LINE = re.compile(r"(?m)^[ \t]{1,8}(?:-\w,[ \t]+)?--?([A-Za-z][A-Za-z0-9._-]*)(.*)$")
SHORTHAND = re.compile(r"(?m)^[ \t]{1,8}-(\w),[ \t]")
DEPRECATED = re.compile(r"\(?DEPRECATED:?\s*([^)]*)", re.IGNORECASE)
# Programs around another one: what follows their own flags belongs to that one.
WRAPPERS = ("kube-log-runner",)
STARTS_BADLY = (126, 127)
MOST = 40


@dataclass(frozen=True)
class FlagFinding:
    """One flag that does not fit. `advice` says what to do."""

    level: Level
    flag: str
    text: str
    advice: str

    def to_json(self) -> dict[str, Any]:  # Any: the JSON edge
        return asdict(self)


@dataclass(frozen=True)
class Table:
    """The kit's own knowledge of one program (versions.yaml) and of feature gates."""

    flags: Mapping[str, Span]
    gates: Mapping[str, Span]


def lint(component: str, version: str, answers: Answers, table: Table) -> tuple[FlagFinding, ...]:
    """Hold the flags in use against the new binary; errors first."""
    if starts_badly(answers):
        return (cannot_start(component, answers),)
    used = flags_of(component, answers.arguments)
    if not used:
        return ()
    known = known_flags(answers.help)
    minor = minor_of(version)
    found = [finding for flag in used for finding in judge(flag, known, table, minor)]
    found += gate_findings(used, table, minor)
    if not known:
        found.append(unread(component))
    return tuple(sorted(found, key=lambda finding: finding.level != "error"))[:MOST]


# -- reading -----------------------------------------------------------------------


def known_flags(help_text: str) -> dict[str, str]:
    """Return each flag that a --help names, with why it is deprecated ("" if it is not)."""
    lines = list(FLAG_LINE.finditer(help_text))
    ends = [*(line.start() for line in lines[1:]), len(help_text)]
    found = {}
    for line, end in zip(lines, ends, strict=False):
        reason = DEPRECATED.search(help_text[line.start() : min(end, line.start() + 2000)])
        found[line[1]] = " ".join(reason[1].split())[:200] or "deprecated" if reason else ""
    return found | dict.fromkeys(SHORTHAND.findall(help_text), "")


def flags_of(component: str, arguments: Sequence[str]) -> dict[str, str]:
    """Return the flags that are passed to the component itself, each with its value ("" without one)."""
    found: dict[str, str] = {}
    last = ""
    for word in own_arguments(component, arguments):
        if word.startswith("-") and len(word.strip("-")) > 0:
            name, _, value = word.lstrip("-").partition("=")
            found[name], last = value, "" if value else name
        elif component in WRAPPERS:
            break
        elif last:
            found[last], last = word, ""
    return found


def own_arguments(component: str, arguments: Sequence[str]) -> Iterator[str]:
    """Yield what stands after the component's own name; all but the first word where it is not named."""
    names = [re.split(r"[/\\]", word)[-1].lower().removesuffix(".exe") for word in arguments]
    start = names.index(component) + 1 if component in names else 1
    yield from arguments[start:]


# -- judging -------------------------------------------------------------------------


def judge(flag: str, known: Mapping[str, str], table: Table, minor: str) -> Iterator[FlagFinding]:
    span = table.flags.get(flag)
    if span is not None and minor and not span.holds(minor):
        yield gone(flag, span, minor)
    elif known and flag not in known and flag.lower() not in known:
        if span is not None and minor:
            yield FlagFinding(
                "warning",
                flag,
                f"--{flag} is not in the binary's --help.",
                "The kit's table knows it; it may be hidden.",
            )
        else:
            yield FlagFinding(
                "error",
                flag,
                f"--{flag} is unknown to the new binary.",
                "Take it out of the service's command line, or inject a binary that has it.",
            )
    elif known.get(flag):
        yield FlagFinding(
            "warning", flag, f"--{flag} is deprecated: {known[flag]}.".replace("..", "."), "It works for now."
        )


def gone(flag: str, span: Span, minor: str) -> FlagFinding:
    if span.removed and version_key(minor) >= version_key(span.removed):
        text = f"--{flag} was removed in {span.removed}; the new binary is {minor}."
        return FlagFinding(
            "error", flag, text, f"Take it out of the command line, or use one before {span.removed}."
        )
    text = f"--{flag} exists since {span.introduced} only; the new binary is {minor}."
    return FlagFinding(
        "error", flag, text, f"Use a binary of {span.introduced} or newer, or take the flag out."
    )


def gate_findings(used: Mapping[str, str], table: Table, minor: str) -> list[FlagFinding]:
    """Hold --feature-gates against the table: a gate that is not there ends the program."""
    found = []
    for pair in filter(None, used.get("feature-gates", "").split(",")):
        name, _, value = pair.partition("=")
        span = table.gates.get(name)
        if span is None or not minor:
            continue
        if not span.holds(minor):
            text = f"The feature gate {name} does not exist in {minor}."
            found.append(FlagFinding("error", "feature-gates", text, f"Take {name} out of --feature-gates."))
        elif not span.is_settable(minor) and value.lower() == "false":
            text = f"The feature gate {name} is locked to true since {span.locked}."
            found.append(FlagFinding("error", "feature-gates", text, f"Take {name} out of --feature-gates."))
    return found


def starts_badly(answers: Answers) -> bool:
    """Tell a binary that does not even print its help: not executable, a wrong format, a signal."""
    if answers.code is None or answers.help.strip():
        return answers.code in STARTS_BADLY
    return answers.code < 0 or answers.code >= STARTS_BADLY[0]


def cannot_start(component: str, answers: Answers) -> FlagFinding:
    said = " ".join(answers.help.split())[:200] or "it said nothing"
    text = f"The new {component} cannot be started on this machine: exit code {answers.code}, {said}"
    return FlagFinding("error", "", text, "Was it built for this system, and does it need what is not here?")


def unread(component: str) -> FlagFinding:
    text = f"The new {component}'s --help names no flags; only the kit's table was asked."
    return FlagFinding("warning", "", text, "Look at the service after the start.")
