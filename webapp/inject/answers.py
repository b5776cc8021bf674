"""What the kit's prepare step wrote down in the guest → `Answers`. Pure; no input makes it raise.

=== before      sha256 of what lay there, or "none"
=== arguments   the running process's, one a line; or
=== command     a command line in one text
=== code        exit code of the new binary's --help
=== help        all that it said, to the end
"""

import re
from dataclasses import dataclass

SECTION = re.compile(r"(?m)^=== (before|arguments|command|code|help)\r?$\n?")
# A quoted part keeps its spaces; backslashes are Windows' own separators, not escapes.
WORD = re.compile(r'(?:"[^"]*"|[^\s"])+')


@dataclass(frozen=True)
class Answers:
    """`arguments`: of who runs the binary now, its program first; empty when nobody told."""

    before: str = ""
    arguments: tuple[str, ...] = ()
    code: int | None = None
    help: str = ""


def parse_answers(text: str) -> Answers:
    """Read the file; a section that is missing leaves its field empty."""
    head, mark, said = text.replace("\r\n", "\n").partition("=== help\n")
    pieces = SECTION.split(head)
    found = dict(zip(pieces[1::2], pieces[2::2], strict=False))
    arguments = tuple(line for line in found.get("arguments", "").split("\n") if line)
    code = found.get("code", "").strip()
    return Answers(
        before=found.get("before", "").strip(),
        arguments=arguments or words(found.get("command", "")),
        code=int(code) if re.fullmatch(r"-?\d{1,10}", code, re.ASCII) else None,
        help=said if mark else "",
    )


def words(command: str) -> tuple[str, ...]:
    """Part a Windows command line; quotes go."""
    return tuple(word.replace('"', "") for word in WORD.findall(command))
