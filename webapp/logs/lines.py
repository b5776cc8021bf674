"""Bytes as a child writes them → whole, readable lines. Pure. Contract: docs/logs.md.

    feed(bytes) ─► encodings (UTF-8, UTF-16) ─► terminal (CR, escapes) ─► cut ─► lines

Next: the driver's translation of `--machine-readable`, then `clixml`, `redact`, `store`.
"""

from typing import Literal, NamedTuple

from webapp.logs.encodings import BYTE_ORDER_MARK, Encoding, decode, next_line, whole_rest
from webapp.logs.terminal import clean, has_controls, has_only_colours

Stream = Literal["output", "error", "note"]

LINE_BYTES = 64 * 1024  # of UTF-8; what is longer is cut
RAW_BYTES = 1024 * 1024  # kept of a line that does not end; a progress bar may rewrite itself for hours
KEPT_BYTES = 128 * 1024  # kept of a line that will be cut anyway
ENDLESS_BYTES = 32 * 1024 * 1024  # then a line ends by itself: the spool behind it is bounded too
CLIXML_HEADER = "#< CLIXML"  # made readable by `clixml`, which needs the document whole
CLIXML_START = "<Objs "
UTF_8_MARK = b"\xef\xbb\xbf"


class LogLine(NamedTuple):
    """One line of a log; `machine` is "" for the lab itself; `text` holds no newline."""

    machine: str
    stream: Stream
    text: str


class LineAssembler:
    """Gathers bytes into lines, however they are split over reads.

    `safe_offset` counts bytes: all before it is contained in returned lines, nothing after it is, so
    that a fresh assembler can go on there.
    """

    def __init__(self) -> None:
        self._pending = bytearray()  # of the line that has not ended
        self._dropped = 0  # bytes of that line that are not kept: it will be cut
        self._line_bytes = 0  # bytes of that line altogether
        self._seen = 0
        self._encoding = Encoding.UTF_8

    @property
    def safe_offset(self) -> int:
        return self._seen - self._line_bytes

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that end in `data`."""
        self._seen += len(data)
        texts: list[str] = []
        if self._dropped:
            data = self._end_dropped(data, texts)
        end = data.rfind(b"\n") + 1
        if end == 0 and not self._pending.endswith(b"\n"):
            self._hold(data, texts)
            return texts
        block = bytes(self._pending) + data[:end]
        if self._encoding is Encoding.UTF_8 and not has_wide(block):
            texts += plain_lines(block)
            self._restart(data[end:], texts)
        else:
            self._feed_wide(block + data[end:], texts)
        return texts

    def finish(self) -> list[str]:
        """Return what was said after the last newline, if anything."""
        raw, dropped, encoding = bytes(self._pending), self._dropped, self._encoding
        self._restart(b"", [])
        raw = raw.removesuffix(b"\n")  # half of a UTF-16 newline
        if raw.strip(b"\0\r\n") == b"":
            return []
        return [render(text, dropped) for text in whole_rest(raw, encoding).split("\n")]

    def _feed_wide(self, buffer: bytes, texts: list[str]) -> None:
        """Take line by line: the encoding may change at each of them."""
        start = 0
        while (found := next_line(buffer, start, self._encoding)) is not None:
            texts.append(render(found.text))
            start, self._encoding = found.end, found.encoding
        self._restart(buffer[start:], texts)

    def _restart(self, rest: bytes, texts: list[str]) -> None:
        """Begin a line with what is left."""
        self._pending = bytearray()
        self._dropped = self._line_bytes = 0
        self._hold(rest, texts)

    def _hold(self, data: bytes, texts: list[str]) -> None:
        """Keep the beginning of a line that has not ended, within bounds."""
        self._line_bytes += len(data)
        if self._dropped:
            self._dropped += len(data)
        else:
            self._pending += data
        if len(self._pending) > RAW_BYTES:
            self._forget_states()
        if self._line_bytes > ENDLESS_BYTES:
            texts.append(render(whole_rest(bytes(self._pending), self._encoding), self._dropped))
            self._restart(b"", texts)

    def _forget_states(self) -> None:
        """Keep the last states of a progress bar, or the beginning of a line that is just long."""
        state = self._pending.rfind(b"\r", 0, len(self._pending) - KEPT_BYTES)
        if state > 0:
            del self._pending[:state]
        if len(self._pending) > RAW_BYTES:
            self._dropped = len(self._pending) - KEPT_BYTES
            del self._pending[KEPT_BYTES:]

    def _end_dropped(self, data: bytes, texts: list[str]) -> bytes:
        """Return what follows the end of a line that is being cut, if it ends here; else all of it."""
        end = data.find(b"\n") + 1
        if end == 0:
            return data
        dropped = self._dropped + end - 1
        texts.append(render(whole_rest(bytes(self._pending), self._encoding), dropped))
        self._restart(b"", texts)
        if self._encoding is Encoding.UTF_16_LE and data[end : end + 1] == b"\0":
            end += 1
        return data[end:]


def has_wide(block: bytes) -> bool:
    """Tell whether some of a block may be UTF-16."""
    return b"\0" in block or b"\xff\xfe" in block or b"\xfe\xff" in block


def plain_lines(block: bytes) -> list[str]:
    """Return the lines of a UTF-8 block that ends with a newline; fast when it holds nothing odd."""
    if b"\r" in block:
        block = block.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n")
    lines = decode(block).split("\n")
    lines.pop()
    is_odd = (has_controls(block) and not has_only_colours(block)) or UTF_8_MARK in block
    if is_odd or (len(block) > LINE_BYTES // 4 and max(map(len, lines)) > LINE_BYTES // 4):
        return [render(line) for line in lines]
    return lines


def render(text: str, dropped: int = 0) -> str:
    """Return what is shown of one line; `dropped` of its bytes are not in `text`."""
    shown = clean(text.removeprefix(BYTE_ORDER_MARK))
    return shown if is_clixml(shown) and not dropped else cut(shown, dropped)


def is_clixml(text: str) -> bool:
    """Tell whether a line holds PowerShell's serialised objects, or their announcement."""
    return CLIXML_START in text or CLIXML_HEADER in text


def cut(text: str, dropped: int = 0) -> str:
    """Cut a text at 64 KiB of UTF-8 and say how much is missing."""
    if not dropped and len(text) <= LINE_BYTES // 4:
        return text
    raw = text.encode("utf-8", "replace")
    missing = max(0, len(raw) - LINE_BYTES) + dropped
    if not missing:
        return text
    kept = raw[:LINE_BYTES].decode("utf-8", "ignore")
    if kept.rfind("\x1b") > kept.rfind("m"):
        kept = kept[: kept.rfind("\x1b")]
    return f"{kept}… [cut, {missing} bytes more]"
