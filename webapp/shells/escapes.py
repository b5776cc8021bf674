"""What a guest writes → what may reach the viewers' terminals. Pure.

Text, colours, the cursor, the screen, mouse and paste modes pass. Nothing passes that reaches beyond the
terminal's own cells: titles, links, the clipboard, colours of the page, notifications (OSC), device strings
(DCS, SOS, PM, APC), window operations, 8-bit controls, and every sequence that is not listed here.
Questions (cursor, device) are taken out too: with many viewers there would be many answers.

Source: ECMA-48 5th edition, sections 5 and 8; xterm's ctlseqs, patch 390; xterm.js 5.5 "Supported terminal
sequences".
"""

import codecs
import re
from collections.abc import Iterator

LONGEST_SEQUENCE = 256  # characters of one CSI; a longer one is no sequence
LONGEST_STRING = 65_536  # characters of an OSC or DCS before what follows counts as text again
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
PLAIN_CONTROLS = frozenset("\x07\x08\x0b\x0c\x0e\x0f")
HIGHEST_NUMBER, LONG_NUMBER = 999, re.compile(r"\d{4,}")
# Finals that move, erase, insert, scroll, set tabs, regions and attributes; without marker or intermediate.
FINALS = frozenset("@ABCDEFGHIJKLMPSTXZ`abdefgrsum")
SIMPLE = frozenset("78DEHMc=>")
CHARSETS, CHARSET_NAMES = frozenset("()*+"), frozenset("0AB12")
PRIVATE_MODES = frozenset({1, 5, 6, 7, 12, 25, 45, 47, 1000, 1002, 1003, 1006, 1007, 1047, 1048, 1049, 2004})
ANSI_MODES = frozenset({4, 20})
CSI = re.compile(r"\x1b\[([<=>?]*)([0-9;:]*)([ -/]*)([@-~])")
CSI_BEGIN = re.compile(r"\x1b\[[0-?]*[ -/]*\Z")
STRING_END = re.compile(r"\x07|\x18|\x1a|\x1b\\|\x9c|\x1b(?=[^\\])")
# The answers that need no terminal: DA1 (a VT100 with advanced video), DSR 5 (in order).
FIXED_ANSWERS = {("", "c"): "\x1b[?1;2c", ("5", "n"): "\x1b[0n"}
CURSOR = "cursor"  # only a viewer's terminal knows


class Filter:
    """Filters one PTY's output; keeps what is cut off at the end of a read."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._rest = ""
        self._in_string = 0  # characters swallowed of an unfinished OSC, DCS …; 0 = in none
        self.questions: list[str] = []  # answers that are due: bytes to type, or CURSOR; taken by the caller

    def feed(self, data: bytes) -> str:
        """Return what may be shown of this and of what was kept."""
        text = self._rest + self._decoder.decode(data)
        self._rest = ""
        if not self._in_string and CONTROL.search(text) is None:
            return text
        return "".join(self._pieces(text))

    def _pieces(self, text: str) -> Iterator[str]:
        at = 0
        while at < len(text):
            if self._in_string:
                at = self._skip_string(text, at)
                continue
            found = CONTROL.search(text, at)
            if found is None:
                yield text[at:]
                return
            yield text[at : found.start()]
            at, passed = self._control(text, found.start())
            yield passed

    def _skip_string(self, text: str, at: int) -> int:
        """Return where the string ends, or the text."""
        limit = at + LONGEST_STRING - self._in_string
        end = STRING_END.search(text, at, limit)
        if end is not None:
            self._in_string = 0
            return end.start() if end[0] == "\x1b" else end.end()
        if len(text) >= limit:
            self._in_string = 0
            return limit
        stop = len(text) - text.endswith("\x1b")  # perhaps the first half of its end
        self._rest = text[stop:]
        self._in_string += stop - at
        return len(text)

    def _control(self, text: str, at: int) -> tuple[int, str]:
        """Return where the control at `at` ends, and what of it passes."""
        if text[at] != "\x1b":
            return self._single(text, at)
        following = text[at + 1 : at + 2]
        if following == "[":
            return self._csi(text, at)
        if following == "" or " " <= following <= "/":
            return self._three(text, at)
        if following in "]PX^_":
            self._in_string = 1
            return at + 2, ""
        if following in SIMPLE:
            return at + 2, text[at : at + 2]
        return at + (1 if following < " " else 2), ""

    def _single(self, text: str, at: int) -> tuple[int, str]:
        if text[at] in "\x90\x98\x9d\x9e\x9f":  # 8-bit DCS, SOS, OSC, PM, APC
            self._in_string = 1
        return at + 1, text[at] if text[at] in PLAIN_CONTROLS else ""

    def _three(self, text: str, at: int) -> tuple[int, str]:
        if len(text) < at + 3:
            self._rest = text[at:]
            return len(text), ""
        kind, name = text[at + 1], text[at + 2]
        is_good = name == "8" if kind == "#" else kind in CHARSETS and name in CHARSET_NAMES
        return at + (2 if name < " " else 3), text[at : at + 3] if is_good else ""

    def _csi(self, text: str, at: int) -> tuple[int, str]:
        found = CSI.match(text, at, at + LONGEST_SEQUENCE)
        if found is None:
            if CSI_BEGIN.match(text, at) and len(text) - at < LONGEST_SEQUENCE:
                self._rest = text[at:]
                return len(text), ""
            return at + 2, ""
        marker, numbers, between, final = found.groups()
        if not marker and not between and final in "cn":
            self._question(numbers.lstrip("0"), final)
            return found.end(), ""
        if passes(marker, between, final):
            return found.end(), found[
                0
            ] if final == "m" else f"\x1b[{marker}{bounded(numbers)}{between}{final}"
        return found.end(), modes(found)

    def _question(self, numbers: str, final: str) -> None:
        answer = CURSOR if (numbers, final) == ("6", "n") else FIXED_ANSWERS.get((numbers, final))
        if answer and len(self.questions) < 16:
            self.questions.append(answer)


def bounded(numbers: str) -> str:
    """Return parameters that cost a terminal little: some scroll, insert or repeat as often as they say."""
    return LONG_NUMBER.sub(str(HIGHEST_NUMBER), numbers)


def passes(marker: str, between: str, final: str) -> bool:
    """Tell whether a CSI (other than one that sets modes) may be shown."""
    if marker:
        return marker == "?" and final in "JK" and not between
    if between:
        return (between, final) in ((" ", "q"), ("!", "p"))
    return final in FINALS


def modes(found: re.Match[str]) -> str:
    """Return a CSI h or l with the listed modes only, "" for everything else."""
    marker, numbers, between, final = found.groups()
    if final not in "hl" or between or marker not in ("", "?"):
        return ""
    allowed = PRIVATE_MODES if marker else ANSI_MODES
    kept = [n for n in numbers.split(";") if n.isascii() and n.isdecimal() and int(n[:6]) in allowed]
    return f"\x1b[{marker}{';'.join(kept)}{final}" if kept else ""
