"""Vagrant's `--machine-readable` records: one line → Event, many lines → log lines. Pure.

A record is `epoch,target,type,data,…`; in data a comma is written `%!(VAGRANT_COMMA)`, LF and CR as the two
characters `\\n` and `\\r`. A backslash itself is not escaped, so that `C:\\nssm` and a newline look alike:
never take a Windows path from here. Source: lib/vagrant/ui.rb, Vagrant 2.3.4 and 2.4.9.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Stream = Literal["output", "error"]
TextLine = tuple[str, Stream, str]  # machine, stream, text: one line for people

RECORD = re.compile(r"\d+,[^,]*,[^,]+(?:,|$)")
COMMA = "%!(VAGRANT_COMMA)"
# "C:\new", "k\runtime": a letter after the escape and a drive or, for CR, any letter before it is a path.
NEWLINE = re.compile(r"(?<![^A-Za-z][A-Za-z]:)\\n")
RETURN = re.compile(r"\\r(?![a-z])")
LINE_END = re.compile(r"(?:\\r)+(?=\\n|$)")
STATE_KEYS = frozenset({"provider-name", "state", "state-human-short", "state-human-long"})
ERROR_LEVELS = frozenset({"error", "warn"})
# How Vagrant and its providers say, with exit code 0, that there is nothing to act upon.
NOT_CREATED = re.compile(
    r"VM not created\. Moving on|(?:VM|Machine|Container|Domain|The VM|The domain) is not created\b"
    r"|Machine not created|has not been created yet"
)
NOT_RUNNING = re.compile(r"(?:VM|Machine|Domain|The VM) is not (?:currently )?running\b")


@dataclass(frozen=True)
class Ui:
    """A message for people, as Vagrant would print it, prefix included."""

    machine: str
    level: str
    text: str


@dataclass(frozen=True)
class Action:
    """An action of Vagrant's on a machine begins or ends; phase: start, end."""

    machine: str
    name: str
    phase: str


@dataclass(frozen=True)
class State:
    """A fact of `vagrant status`; key: provider-name, state, state-human-short, state-human-long."""

    machine: str
    key: str
    value: str


@dataclass(frozen=True)
class ErrorExit:
    """Why Vagrant gave up: its Ruby class (`Vagrant::Errors::MachineNotFound`) and its text."""

    machine: str
    error_class: str
    text: str


@dataclass(frozen=True)
class Other:
    """Any other record, its data unescaped."""

    machine: str
    type: str
    data: tuple[str, ...]


Event = Ui | Action | State | ErrorExit | Other


def parse_line(text: str) -> Event | None:
    """Return the event of one line (no newline in it); None when it is not a record."""
    if RECORD.match(text) is None:
        return None
    _, machine, kind, *data = text.split(",")
    values = tuple(unescape(value) for value in data)
    match (kind, values):
        case ("ui", (level, said)):
            return Ui(machine, level, said)
        case ("action", (name, phase)):
            return Action(machine, name, phase)
        case ("error-exit", (error_class, said, *_)):
            return ErrorExit(machine, error_class, said)
        case (key, (value,)) if key in STATE_KEYS:
            return State(machine, key, value)
    return Other(machine, kind, values)


def unescape(value: str) -> str:
    """Undo Vagrant's escapes, as far as they can be told from backslashes that were there before."""
    if "%!(" in value:
        value = value.replace(COMMA, ",")
    if "\\" not in value:
        return value
    return RETURN.sub("\r", NEWLINE.sub("\n", LINE_END.sub("", value)))


def to_lines(texts: Iterable[str]) -> list[TextLine]:
    """Return what is for people, one line each; text that is not a record is kept as it is."""
    lines: list[TextLine] = []
    for text in texts:
        if not text[:1].isdigit():
            lines.append(("", "output", text))
            continue
        parts = text.split(",", 4)
        if len(parts) == 5 and parts[2] == "ui" and parts[0].isdigit():
            add_ui(lines, parts)
        elif RECORD.match(text) is None:
            lines.append(("", "output", text))
    return lines


def add_ui(lines: list[TextLine], parts: Sequence[str]) -> None:
    """Add the lines of one `ui` record; most have one line and no escape."""
    _, machine, _, level, text = parts
    stream: Stream = "error" if level in ERROR_LEVELS else "output"
    if "\\" not in text and "%!(" not in text:
        lines.append((machine, stream, strip_prefix(text, machine)))
        return
    for piece in unescape(text).split("\n"):
        shown = strip_prefix(piece, machine)
        lines.append((machine, stream, last_of_progress(shown)))


def strip_prefix(text: str, machine: str) -> str:
    """Take `==> name: ` or its blank form away: the machine is a field of its own."""
    if machine and text.startswith(("==> ", "    ")) and text.startswith(f"{machine}:", 4):
        return text[len(machine) + 6 :]
    return text


def last_of_progress(text: str) -> str:
    """Return the last state of a text that rewrites itself by carriage returns."""
    return text.rstrip("\r").rpartition("\r")[2]


def says_not_created(text: str) -> bool:
    """Tell whether a line says that there was no machine to act upon (Vagrant ends with 0 then)."""
    return "created" in text and NOT_CREATED.search(text) is not None


def says_not_running(text: str) -> bool:
    """Tell whether a line says that the machine is off, so that nothing was done (code 0 again)."""
    return "running" in text and NOT_RUNNING.search(text) is not None


def find_error(texts: Iterable[str]) -> ErrorExit | None:
    """Return the last reason for giving up among the lines."""
    found = None
    for text in texts:
        if ",error-exit," in text and isinstance(event := parse_line(text), ErrorExit):
            found = event
    return found
