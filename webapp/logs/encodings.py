"""Which bytes are one line, and in which encoding: UTF-8, or UTF-16 as PowerShell writes it. Pure.

A stream may change in its middle, with or without a byte order mark: a step's own words in UTF-8, then
what a Windows program wrote. UTF-16 is recognised by the NUL in every second byte of its ASCII
letters; it ends at the first line that is plain ASCII without any NUL.
"""

import codecs
import re
from enum import StrEnum
from typing import NamedTuple


class Encoding(StrEnum):
    UTF_8 = "utf-8"
    UTF_16_LE = "utf-16-le"
    UTF_16_BE = "utf-16-be"


class Found(NamedTuple):
    """One line, where the next one begins, and the encoding that is in force there."""

    text: str
    end: int
    encoding: Encoding


MARKS = {codecs.BOM_UTF16_LE: Encoding.UTF_16_LE, codecs.BOM_UTF16_BE: Encoding.UTF_16_BE}
NEWLINES = {Encoding.UTF_16_LE: b"\n\x00", Encoding.UTF_16_BE: b"\x00\n"}
PLAIN = re.compile(rb"[\x20-\x7e\t\r\x1b]+")
BYTE_ORDER_MARK = "\ufeff"


def decode(raw: bytes, encoding: Encoding = Encoding.UTF_8) -> str:
    """Decode; bytes that are not valid are shown as \\xNN."""
    return raw.decode(encoding, "backslashreplace")


def next_line(buffer: bytes, start: int, encoding: Encoding) -> Found | None:
    """Return the line that begins at `start`; None while its end (or what tells it) is not there yet."""
    newline = buffer.find(b"\n", start)
    if encoding is not Encoding.UTF_8:
        if not leaves_wide(buffer, start, newline):
            return wide_line(buffer, start, start, encoding)
        encoding = Encoding.UTF_8
    if newline < 0:
        return None
    wide = find_wide(buffer[start:newline])
    if wide is None:
        return Found(decode(buffer[start:newline]), newline + 1, encoding)
    return wide_line(buffer, start, start + wide[0], wide[1])


def leaves_wide(buffer: bytes, start: int, newline: int) -> bool:
    """Tell whether the line that begins here is plain ASCII again."""
    if newline <= start or PLAIN.fullmatch(buffer, start, newline) is None:
        return False
    return buffer[newline + 1 : newline + 2] != b"\x00"


def wide_line(buffer: bytes, start: int, wide: int, encoding: Encoding) -> Found | None:
    """Return the line whose UTF-16 part begins at `wide`; newlines count at even distances only."""
    newline = buffer.find(NEWLINES[encoding], wide)
    while newline >= 0 and (newline - wide) % 2:
        newline = buffer.find(NEWLINES[encoding], newline + 1)
    if newline < 0:
        return None
    text = decode(buffer[start:wide]) + decode(buffer[wide:newline], encoding)
    return Found(text.replace(BYTE_ORDER_MARK, ""), newline + 2, encoding)


def find_wide(line: bytes) -> tuple[int, Encoding] | None:
    """Return where in a line UTF-16 begins, and which; None when it does not."""
    for mark, encoding in MARKS.items():
        if (at := line.find(mark)) >= 0 and (line[at + 2 :].count(0) or at == 0):
            return at, encoding
    first = line.find(0)
    if first < 0 or not alternates(line[first:]):
        return None
    # c 0 c 0: read either way the letters are the same; only with nothing before is it big-endian.
    return (first, Encoding.UTF_16_BE) if first == 0 else (first - 1, Encoding.UTF_16_LE)


def alternates(from_first_nul: bytes) -> bool:
    """Tell whether every second byte tends to be NUL, and the others are not."""
    nuls, letters = from_first_nul[::2], from_first_nul[1::2]
    return nuls.count(0) * 2 > len(nuls) and letters.count(0) * 2 <= len(letters)


def whole_rest(buffer: bytes, encoding: Encoding) -> str:
    """Decode what was left at the end of the stream, without its newline."""
    if encoding is Encoding.UTF_8:
        wide = find_wide(buffer)
        if wide is None:
            return decode(buffer)
        text = decode(buffer[: wide[0]]) + decode(buffer[wide[0] :], wide[1])
    else:
        text = decode(buffer, Encoding.UTF_8 if PLAIN.fullmatch(buffer) else encoding)
    return text.replace(BYTE_ORDER_MARK, "")
