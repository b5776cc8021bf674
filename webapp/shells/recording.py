"""Write what a terminal shows as an asciicast v2 file, without secrets.

Secrets are looked for in whole lines, as in logs: what is shown waits until its line ends (or HOLD_S have
passed, or it is too long). A line without a secret is written as it came, with its times; of one that holds
a secret only its redacted text is written, without its escape sequences.

Source: docs.asciinema.org/manual/asciicast/v2.
"""

import json
import os
import re
import time
from pathlib import Path
from typing import TextIO

from webapp.logs.lines import LogLine
from webapp.logs.redact import Redactor

HOLD_S = 5.0
LONGEST_LINE = 64 * 1024
MOST_BYTES = 256 * 1024 * 1024
SEQUENCE = re.compile(r"\x1b\[[0-9;:<=>?]*[ -/]*[@-~]|\x1b[()*+#].|\x1b.|[\x00-\x08\x0b-\x1f]")
ENDS = re.compile(r"(?<=\n)")


class Recorder:
    """One recording that is being written. `started_at`: seconds since the epoch."""

    def __init__(self, path: Path, size: tuple[int, int], title: str, started_at: float) -> None:
        is_new = not path.exists() or path.stat().st_size == 0
        self._file: TextIO = os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8"
        )
        self._started_at = started_at
        self._redactor = Redactor(())
        self._line: list[tuple[float, str]] = []
        self._length = 0
        if is_new:
            columns, rows = size
            head = {"version": 2, "width": columns, "height": rows, "timestamp": int(started_at)}
            self._put({**head, "title": title})
        else:  # the process that wrote it was restarted
            self.resize(size)

    @property
    def size_bytes(self) -> int:
        return self._file.tell()

    def write(self, text: str, now: float | None = None) -> None:
        at = round((now or time.time()) - self._started_at, 6)
        for piece in ENDS.split(text):
            if not piece:
                continue
            self._line.append((at, piece))
            self._length += len(piece)
            if piece.endswith("\n") or self._length > LONGEST_LINE:
                self._end_line()

    def resize(self, size: tuple[int, int], now: float | None = None) -> None:
        self._end_line()
        self._put([round((now or time.time()) - self._started_at, 6), "r", f"{size[0]}x{size[1]}"])

    def flush(self, now: float | None = None) -> None:
        """Write a line that has waited for its end long enough; call it by the clock."""
        if self._line and (now or time.time()) - self._started_at - self._line[0][0] >= HOLD_S:
            self._end_line()
        self._file.flush()

    def close(self) -> int:
        """Write the rest; return the file's size in bytes."""
        self._end_line()
        self._file.flush()
        size = self.size_bytes
        self._file.close()
        return size

    def _end_line(self) -> None:
        line, self._line, self._length = self._line, [], 0
        if not line or self.size_bytes > MOST_BYTES:
            return
        shown = "".join(text for _, text in line)
        plain = plain_text(shown)
        redacted = self._redactor.redact([LogLine("", "output", plain)])[0].text
        if redacted == plain:
            for at, text in line:
                self._put([at, "o", text])
            return
        end = "\r\n" if shown.endswith("\n") else ""
        self._put([line[-1][0], "o", f"\r\x1b[K{redacted}{end}"])

    def _put(self, value: object) -> None:
        self._file.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def plain_text(shown: str) -> str:
    """Return a line as a person reads it: typing errors taken back, no escape sequences, no end."""
    text = SEQUENCE.sub(lambda found: "\b" if found[0] == "\b" else "", shown.rstrip("\r\n"))
    kept: list[str] = []
    for letter in text:
        if letter != "\b":
            kept.append(letter)
        elif kept:
            kept.pop()
    return "".join(kept)
