"""Write what a terminal shows as an asciicast v2 file, without secrets.

Secrets are looked for in whole lines, as in logs: what is shown waits until its line ends (or HOLD_S have
passed, or it is too long). A line without a secret is written as it came, with its times; of one that holds
a secret only its redacted text is written, without its escape sequences. Lines are looked at together:
of a program that floods, one by one they would take longer than showing them.

Source: docs.asciinema.org/manual/asciicast/v2.
"""

import json
import os
import re
import time
from pathlib import Path
from typing import BinaryIO

from webapp.logs.lines import LogLine
from webapp.logs.redact import Redactor

HOLD_S = 5.0
LONGEST_LINE = 64 * 1024
MOST_BYTES = 256 * 1024 * 1024
# Everything but backspaces, which take a letter back.
SEQUENCE = re.compile(r"\x1b\[[0-9;:<=>?]*[ -/]*[@-~]|\x1b[()*+#].|\x1b.|[\x00-\x07\x0b-\x1f]")
ENDS = re.compile(r"(?<=\n)")

Shown = tuple[float, str]  # seconds after the recording's start, text


class Recorder:
    """One recording that is being written. `started_at`: seconds since the epoch."""

    def __init__(self, path: Path, size: tuple[int, int], title: str, started_at: float) -> None:
        self._file: BinaryIO = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
        self.size_bytes = os.fstat(self._file.fileno()).st_size
        self._started_at = started_at
        self._redactor = Redactor(())
        self._held: list[Shown] = []
        self._length = 0
        if self.size_bytes == 0:
            columns, rows = size
            head = {"version": 2, "width": columns, "height": rows, "timestamp": int(started_at)}
            self._put({**head, "title": title})
        else:  # the process that wrote it was restarted
            self.resize(size)

    @property
    def is_full(self) -> bool:
        return self.size_bytes > MOST_BYTES

    def write(self, text: str, now: float | None = None) -> None:
        at = round((now or time.time()) - self._started_at, 6)
        whole, newline, rest = text.rpartition("\n")
        if newline:
            self._held.append((at, whole + newline))
            self._release()
        if rest:
            self._held.append((at, rest))
            self._length += len(rest)
        if self._length > LONGEST_LINE:
            self._release()

    def resize(self, size: tuple[int, int], now: float | None = None) -> None:
        self._release()
        self._put([round((now or time.time()) - self._started_at, 6), "r", f"{size[0]}x{size[1]}"])

    def flush(self, now: float | None = None) -> None:
        """Write a line that has waited for its end long enough; call it by the clock."""
        if self._held and (now or time.time()) - self._started_at - self._held[0][0] >= HOLD_S:
            self._release()
        self._file.flush()

    def close(self) -> int:
        """Write the rest; return the file's size in bytes."""
        try:
            self._release()
            return self.size_bytes
        finally:
            self._file.close()

    def _release(self) -> None:
        """Write what is held: whole lines, and at the end perhaps the begin of one."""
        held, self._held, self._length = self._held, [], 0
        if not held or self.is_full:
            return
        plain = plain_lines("".join(text for _, text in held))
        redacted = [
            line.text for line in self._redactor.redact([LogLine("", "output", text) for text in plain])
        ]
        if redacted == plain:
            self._put_shown(held)
            return
        for line, was, now in zip(lines_of(held), plain, redacted, strict=True):
            if was == now:
                self._put_shown(line)
            else:
                at, last = line[-1]
                end = "\r\n" if last.endswith("\n") else ""
                self._put([at, "o", f"\r\x1b[K{now}{end}"])

    def _put_shown(self, pieces: list[Shown]) -> None:
        for at, text in pieces:
            self._put([at, "o", text])

    def _put(self, value: object) -> None:
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self.size_bytes += self._file.write(line)


def whole_bytes(file: BinaryIO) -> int:
    """Return how many bytes are whole lines: of a recording that runs, the last may be half written."""
    end = file.seek(0, os.SEEK_END)
    found = -1
    while end > 0 and found < 0:
        begin = max(0, end - LONGEST_LINE)
        file.seek(begin)
        found = file.read(end - begin).rfind(b"\n")
        end = begin
    file.seek(0)
    return end + found + 1


def lines_of(pieces: list[Shown]) -> list[list[Shown]]:
    """Cut pieces at the ends of their lines, and gather those of each line."""
    lines: list[list[Shown]] = [[]]
    for at, text in pieces:
        for piece in filter(None, ENDS.split(text)):
            lines[-1].append((at, piece))
            if piece.endswith("\n"):
                lines.append([])
    return [line for line in lines if line]


def plain_lines(shown: str) -> list[str]:
    """Return lines as a person reads them: typing errors taken back, no escape sequences, no ends."""
    lines = SEQUENCE.sub("", shown).removesuffix("\n").split("\n")
    return [without_errors(line) if "\b" in line else line for line in lines]


def without_errors(line: str) -> str:
    kept: list[str] = []
    for letter in line:
        if letter != "\b":
            kept.append(letter)
        elif kept:
            kept.pop()
    return "".join(kept)
