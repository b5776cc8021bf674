"""What go build says: progress out of -v, findings out of errors. Pure.

`go build -v` prints each package when it begins to compile it; errors follow a line "# package".
"""

import re
from collections.abc import Sequence
from typing import TypedDict

from webapp.logs.lines import LogLine

ERROR = re.compile(
    r"(?P<path>[\w@.+~/-]+\.(?:go|s|mod|work)):(?P<line>\d{1,7})(?::(?P<column>\d{1,6}))?: (?P<text>.+)"
)
PACKAGE = re.compile(r"[\w.~-]+(?:/[\w.~+-]+)*", re.ASCII)
# What Go says only once for a whole tree → what it means.
KNOWN = (
    ("updates to go.mod needed", "An older Go vendored this tree; it needs that Go, or GOPATH mode."),
    ("inconsistent vendoring", "vendor/ and go.mod of this commit do not fit together."),
    ("requires go >=", "The tree needs a newer Go than the one that was taken."),
    ("signal: killed", "A compiler was killed: the builds' host has too little memory."),
    ("no space left on device", "The disk of the builds' host is full."),
)
OWN_PATH = re.compile(r" in /\S+(?=:)")  # where the tree lies on the builds' host says nothing to people
HEADLINES = tuple(meaning for _, meaning in KNOWN)
MOST_FINDINGS = 100


class Finding(TypedDict):
    """One error of the compiler. `path` below the tree, "" for what is about the whole; numbers from 1."""

    path: str
    line: int
    column: int
    text: str


class CompilerOutput:
    """Translates lines and remembers packages and errors. `folder`: where in the tree go build runs."""

    def __init__(self, folder: str = ".") -> None:
        self.folder = folder
        self.packages: set[str] = set()
        self.findings: list[Finding] = []
        self.last_line = ""

    def translate(self, texts: Sequence[str]) -> list[LogLine]:
        return [self.take(text) for text in texts]

    def take(self, text: str) -> LogLine:
        """Return the line for people; keep what it says."""
        stripped = text.strip()
        if self.findings and text.startswith("\t") and is_headline(self.findings[-1]):
            self.findings[-1]["text"] += f" {stripped}"[:300]  # go's own reason stands below its headline
        if PACKAGE.fullmatch(stripped):
            self.packages.add(stripped)
            return LogLine("", "output", text)
        self.last_line = stripped or self.last_line
        finding = below(self.folder, find_error(stripped))
        if finding and finding not in self.findings and len(self.findings) < MOST_FINDINGS:
            self.findings.append(finding)
        is_error = finding is not None or stripped.startswith(("# ", "go: "))
        return LogLine("", "error" if is_error else "output", text)


def below(folder: str, finding: Finding | None) -> Finding | None:
    """Return a finding with its path as seen from the tree."""
    if finding is None or not finding["path"] or folder == ".":
        return finding
    return {**finding, "path": f"{folder}/{finding['path']}"}


def is_headline(finding: Finding) -> bool:
    """Tell whether a finding about the whole tree still waits for its reason."""
    return not finding["path"] and finding["text"].endswith(HEADLINES)


def find_error(text: str) -> Finding | None:
    """Return what one line complains of, None when it does not."""
    found = ERROR.fullmatch(text)
    if found:
        path = found["path"].removeprefix("./")
        return {
            "path": "" if path.startswith(("/", "../")) else path,
            "line": int(found["line"]),
            "column": int(found["column"] or 0),
            "text": found["text"][:500],
        }
    known = next((meaning for words, meaning in KNOWN if words in text), "")
    said = OWN_PATH.sub("", text)[:300].rstrip(": ")
    return {"path": "", "line": 0, "column": 0, "text": f"{said}: {known}"} if known else None
