"""What decides whether a commit is good: a script, a workload, a readiness category. Pure; `walk` has it run.

Exit codes are those of git bisect run: 0 good, 125 skipped, another one bad. A line "bisect: skip" skips too.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import re2

SKIP_CODE = 125
SKIP_LINE = "bisect: skip"  # the same, said: WinRM passes no code but 0 and 1
UNREACHED = 1000  # no exit code: the machine could not be asked
MOST_SCRIPT = 4000
LIMITS_S = (5, 3600)
KINDS = ("script", "workload", "readiness")
KEPT_OUTPUT = 4000
MOST_ATTEMPTS = 3  # a lost worker, or a silent machine, costs one


class CheckError(Exception):
    """The check cannot be used as it is written; a sentence for who wrote it."""


class NoAnswer(Exception):
    """The check could not be carried out; a sentence. It says nothing about the commit."""


@dataclass(frozen=True)
class Check:
    """A script on a machine. `expect`: a pattern (RE2) in a good commit's output, "" = the code decides."""

    machine: str
    script: str  # of the other kinds: the workload's name, the category
    expect: str = ""
    limit_s: int = 300
    kind: str = "script"

    def to_json(self) -> dict[str, Any]:  # Any: the JSON edge
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:  # Any: the JSON edge
        return cls(**value)


def check_check(check: Check) -> Check:
    """Return it, or raise CheckError."""
    if check.kind not in KINDS:
        raise CheckError(f"A check is one of {', '.join(KINDS)}.")
    if not check.script.strip() or len(check.script) > MOST_SCRIPT or "\0" in check.script:
        raise CheckError(f"Write the script that decides, at most {MOST_SCRIPT} characters.")
    if not LIMITS_S[0] <= check.limit_s <= LIMITS_S[1]:
        raise CheckError(f"A check may take {LIMITS_S[0]} to {LIMITS_S[1]} s.")
    try:
        re2.compile(check.expect)
    except re2.error as error:
        raise CheckError("What the output should hold is no regular expression that can be used.") from error
    return check


def verdict_of(check: Check, code: int | None, output: str) -> tuple[str, str]:
    """Return verdict and sentence. `code` None: it did not end in time."""
    if code is None:
        return "bad", f"The check did not end within {check.limit_s} s."
    if code == SKIP_CODE or SKIP_LINE in output.splitlines():
        return "skipped", "The check says that this commit cannot be judged."
    if code != 0:
        return "bad", f"The check ended with {code}."
    if check.expect and not re2.search(check.expect, output):
        return "bad", f"The check's output does not hold {check.expect[:60]!r}."
    return "good", "The check passed."
