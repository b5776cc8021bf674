"""Readiness: JUnit reports of windows-operational-readiness or e2e, compared with the one before. Pure.

The parser takes no DTD, no entities (defusedxml), and no more than it can hold; what a report says is
only ever text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from webapp.kube.loose import mapping, objects, text

MOST_BYTES = 16 * 1024 * 1024
MOST_CASES = 20_000
MESSAGE = 600
CATEGORIES = (
    "Core.Network",
    "Core.Storage",
    "Core.Scheduling",
    "Core.Concurrent",
    "Extend.HostProcess",
    "Extend.ActiveDirectory",
    "Extend.NetworkPolicy",
    "Extend.Network",
    "Extend.Worker",
)
Outcome = Literal["passed", "failed", "skipped"]


class ReportError(ValueError):
    """This is no report that can be read; a sentence."""


@dataclass(frozen=True)
class Case:
    """One test's outcome."""

    name: str
    outcome: Outcome
    duration_s: float = 0.0
    message: str = ""


@dataclass(frozen=True)
class Comparison:
    """Names of tests that changed against the report before; `is_first`: there was none."""

    broke: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()
    still: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    is_first: bool = field(default=False)


def parse_junit(data: bytes) -> tuple[Case, ...]:
    """Return all cases of all suites; a name that comes twice counts by its worse outcome."""
    if len(data) > MOST_BYTES:
        raise ReportError(f"The report is larger than {MOST_BYTES // 1024**2} MiB.")
    try:
        root = fromstring(data, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException as error:
        raise ReportError("The report holds a DTD or entities, which are not read.") from error
    except (ParseError, ValueError, LookupError) as error:
        raise ReportError(f"This is no XML: {error}"[:200]) from error
    if root.tag not in ("testsuites", "testsuite"):
        raise ReportError(f"This is no JUnit report but <{str(root.tag)[:40]}>.")
    worst: dict[str, Case] = {}
    for case in cases_of(root):
        if len(worst) >= MOST_CASES:
            raise ReportError(f"The report has more than {MOST_CASES} tests.")
        before = worst.get(case.name)
        if before is None or WEIGHT[case.outcome] > WEIGHT[before.outcome]:
            worst[case.name] = case
    return tuple(worst.values())


WEIGHT = {"skipped": 0, "passed": 1, "failed": 2}


def cases_of(root: Element) -> Iterator[Case]:
    for element in root.iter("testcase"):
        name = (element.get("name") or "without a name").replace("\x00", "")[:400]
        bad = next((child for child in element if child.tag in ("failure", "error")), None)
        is_skipped = any(child.tag == "skipped" for child in element)
        outcome: Outcome = "failed" if bad is not None else "skipped" if is_skipped else "passed"
        said = ((bad.get("message") or "") + "\n" + (bad.text or "")).strip() if bad is not None else ""
        yield Case(name, outcome, seconds(element.get("time")), said[:MESSAGE])


def seconds(word: str | None) -> float:
    try:
        value = float(word or 0)
    except ValueError:
        return 0.0
    return value if 0 <= value < 1e7 else 0.0


def compare(before: Mapping[str, str] | None, now: Mapping[str, str]) -> Comparison:
    """Compare name → outcome of two reports."""
    if before is None:
        return Comparison(is_first=True)
    failed = {name for name, outcome in now.items() if outcome == "failed"}
    was = {name for name, outcome in before.items() if outcome == "failed"}
    return Comparison(
        broke=tuple(sorted(name for name in failed - was if name in before)),
        mended=tuple(sorted(name for name in was - failed if now.get(name) == "passed")),
        still=tuple(sorted(failed & was)),
        new=tuple(sorted(name for name in failed if name not in before)),
        gone=tuple(sorted(name for name in was if name not in now)),
    )


def summary(cases: tuple[Case, ...]) -> dict[str, Any]:  # Any: the JSON edge
    """Return what is kept in the errand's result."""
    counts = {outcome: sum(case.outcome == outcome for case in cases) for outcome in WEIGHT}
    failures = [{"name": case.name, "message": case.message} for case in cases if case.outcome == "failed"]
    return {
        "counts": counts,
        "duration_s": round(sum(case.duration_s for case in cases)),
        "failures": failures[:200],
        "outcomes": {case.name: case.outcome for case in cases if case.outcome != "skipped"},
    }


def outcomes_of(result: object) -> dict[str, str]:
    return {name: text(value) for name, value in mapping(result, "outcomes").items()}


def failures_of(result: object) -> list[tuple[str, str]]:
    return [(text(one, "name"), text(one, "message")) for one in objects(result, "failures")]
