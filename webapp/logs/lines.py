"""Bytes of a child → whole lines of clean text. Pure. Contract: docs/logs.md.

Its lines go through the translation of their source (Vagrant's records), then to
`redact`, then to `store`.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

Stream = Literal["output", "error", "note"]

MAX_LINE_BYTES = 64 * 1024
# How much of an endless line is passed over before its cut form is given out.
MAX_SKIPPED_BYTES = 1024 * 1024

# What a quick block must not hold: controls other than tab and newline. ESC is one of them.
UNCLEAN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, erase
    r"|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)"  # OSC and other strings: titles, links, clipboard
    r"|[ -/]*[0-~]|$)"
)
COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
ERASE = re.compile(r"\x1b\[[0-2]?K")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]")


class LogLine(NamedTuple):
    """One line: the machine it belongs to ("" = the lab), its stream, its text without a newline."""

    machine: str
    stream: Stream
    text: str


class LineAssembler:
    """Turns reads into whole lines; `safe_offset` bytes are wholly in the lines returned so far.

    A fresh assembler that is fed from `safe_offset` on goes on without a loss or a
    double. UTF-8 with broken bytes shown as \\xNN; UTF-16 (PowerShell's `>`) is
    recognised line by line; a progress bar's rewrites end as its last state.
    """

    def __init__(self) -> None:
        self.pending = b""
        self.skipped = 0
        self.safe_offset = 0

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that this read completes."""
        whole, newline, rest = data.rpartition(b"\n")
        if not newline:
            return self.keep(data)
        block = self.pending + whole
        self.safe_offset += len(block) + 1 + self.skipped
        lines = self.begin_with_cut(block) if self.skipped else clean_block(block)
        self.pending = b""
        return [*lines, *self.keep(rest)]

    def keep(self, rest: bytes) -> list[str]:
        """Hold the beginning of an unfinished line; give it out when it gets out of hand."""
        self.pending += rest
        if len(self.pending) <= MAX_LINE_BYTES:
            return []
        self.drop_rewritten()
        over = len(self.pending) - MAX_LINE_BYTES
        if over > 0:
            self.pending = self.pending[:MAX_LINE_BYTES]
            self.skipped += over
        return self.finish() if self.skipped > MAX_SKIPPED_BYTES else []

    def drop_rewritten(self) -> None:
        """Forget states of a progress bar that later ones have replaced."""
        last = self.pending.rstrip(b"\r").rfind(b"\r")
        if last >= 0 and not self.skipped:
            self.safe_offset += last + 1
            self.pending = self.pending[last + 1 :]

    def begin_with_cut(self, block: bytes) -> list[str]:
        """The block's first line began with what is pending and was too long: say so."""
        first, newline, others = block[MAX_LINE_BYTES:].partition(b"\n")
        self.skipped += len(first)
        lines = [*clean_block(block[:MAX_LINE_BYTES])]
        lines[-1] += cut_note(self.skipped)
        self.skipped = 0
        return [*lines, *clean_block(others)] if newline else lines

    def finish(self) -> list[str]:
        """Return what is left, as a line of its own; after the end, or when a line never ends."""
        if not self.pending:
            return []
        lines = clean_block(self.pending)
        if self.skipped:
            lines[-1] += cut_note(self.skipped)
        self.safe_offset += len(self.pending) + self.skipped
        self.pending, self.skipped = b"", 0
        return lines


def cut_note(more: int) -> str:
    return f"… [cut, {more:,} bytes more]"


def clean_block(block: bytes) -> list[str]:
    """Clean whole lines, given without their last newline."""
    if UNCLEAN.search(block) is None and len(block) <= MAX_LINE_BYTES:
        return block.decode("utf-8", "backslashreplace").split("\n")
    return [clean_line(raw) for raw in block.split(b"\n")]


def clean_line(raw: bytes) -> str:
    """Decode one line, play its carriage returns, keep colours, drop every other control."""
    note = ""
    if len(raw) > MAX_LINE_BYTES:
        note = cut_note(len(raw) - MAX_LINE_BYTES)
        raw = raw[:MAX_LINE_BYTES]
    text = decode(raw)
    if UNCLEAN.search(raw) is None:
        return text + note
    text = last_state(text)
    if "\x1b" in text:
        text = ESCAPE.sub(keep_colour, text)
    return CONTROL.sub("", text) + note


def keep_colour(found: re.Match[str]) -> str:
    return found[0] if COLOUR.fullmatch(found[0]) else ""


def last_state(text: str) -> str:
    """Return what is left on a terminal's line after its carriage returns and erasures."""
    text = text.rstrip("\r")
    for piece in reversed(text.split("\r")):
        shown = ERASE.split(piece)[-1]
        if shown.strip():
            return shown
    return ""


def decode(raw: bytes) -> str:
    """Decode UTF-8, or UTF-16 of either order if the NULs say so."""
    if b"\0" in raw or raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raw, encoding = utf_16(raw)
        if encoding:
            return raw.decode(encoding, "backslashreplace").lstrip("\ufeff").replace("\0", "")
    if raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]
    return raw.decode("utf-8", "backslashreplace")


def utf_16(raw: bytes) -> tuple[bytes, str]:
    """Return the bytes to decode and their UTF-16 order; "" when a NUL is only a stray byte.

    A newline in little-endian leaves its NUL at the head of the next line, in
    big-endian at the end of its own.
    """
    if raw.startswith(b"\xff\xfe"):
        return even(raw), "utf-16-le"
    if raw.startswith(b"\xfe\xff"):
        return even(raw), "utf-16-be"
    little = raw[1:] if len(raw) % 2 and raw[:1] == b"\0" else raw
    if nul_share(little[1::2]) > 0.5 and nul_share(little[0::2]) < 0.5:
        return even(little), "utf-16-le"
    big = raw[:-1] if len(raw) % 2 and raw[-1:] == b"\0" else raw
    if nul_share(big[0::2]) > 0.5:
        return even(big), "utf-16-be"
    return raw, ""


def nul_share(data: bytes) -> float:
    return data.count(0) / len(data) if data else 0.0


def even(data: bytes) -> bytes:
    return data[: len(data) // 2 * 2]


# -- CLIXML: what PowerShell says on stderr when it talks to a program ------------------

CLIXML_HEAD = "#< CLIXML"
SAID = re.compile(r'<S S="(\w+)">(.*?)</S>', re.DOTALL)
ACTIVITY = re.compile(r"<AV>(.*?)</AV>", re.DOTALL)
HEX = re.compile(r"_x([0-9A-Fa-f]{4})_")
ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))
CLIXML_STREAMS: dict[str, Stream] = {"Error": "error", "Warning": "error"}


def expand_clixml(lines: Sequence[LogLine]) -> list[LogLine]:
    """Replace CLIXML by what it says; other lines pass. Source: MS-PSRP 2.2.5."""
    if not any(CLIXML_HEAD in line.text or "<Objs " in line.text for line in lines):
        return list(lines)
    return [new for line in lines for new in expand_line(line)]


def expand_line(line: LogLine) -> Iterable[LogLine]:
    text = line.text.replace(CLIXML_HEAD, "", 1) if CLIXML_HEAD in line.text else line.text
    start = text.find("<Objs ")
    if start < 0:
        return [line] if text == line.text else [line._replace(text=text)] if text.strip() else []
    before = [line._replace(text=text[:start])] if text[:start].strip() else []
    return [*before, *clixml_lines(line.machine, text[start:])]


def clixml_lines(machine: str, document: str) -> list[LogLine]:
    """Return errors, warnings and information; a progress record is its activity."""
    lines = []
    for stream, said in SAID.findall(document):
        for text in unescape_clixml(said).splitlines():
            if text.strip():
                lines.append(LogLine(machine, CLIXML_STREAMS.get(stream, "output"), text))
    if not lines:
        lines = [LogLine(machine, "output", unescape_clixml(said)) for said in ACTIVITY.findall(document)[-1:]]
    return lines


def unescape_clixml(text: str) -> str:
    text = HEX.sub(lambda found: chr(int(found[1], 16)), text)
    for entity, character in ENTITIES:
        text = text.replace(entity, character)
    return text.replace("\r", "")
