"""PowerShell's CLIXML, as it comes on the error stream of a remote shell, made readable. Pure.

`#< CLIXML` and one line `<Objs …>…</Objs>` hold errors, warnings and progress records; a newline in a
text is `_x000D__x000A_`. Source: [MS-PSRP] 2.2.5. The pieces are found one by one, not parsed as XML,
because a cut or interleaved document has to yield what can be read of it.
"""

import re
from collections.abc import Sequence
from html import unescape

from webapp.logs.lines import CLIXML_HEADER, CLIXML_START, LogLine, Stream, cut, is_clixml
from webapp.logs.terminal import clean

PIECE = re.compile(
    r'<S S="(?P<kind>\w+)">(?P<said>[^<]*)</S>'
    r"|<AV>(?P<activity>[^<]*)</AV>"
    r"|<PC>(?P<percent>-?\d+)</PC>"
    r"|<SD>(?P<detail>[^<]*)</SD>"
    r"|(?P<end></PR>)"
    r"|<ToString>(?P<told>[^<]*)</ToString>"
)
CLIXML_END = "</Objs>"
CODE = re.compile(r"_x([0-9A-Fa-f]{4})_")
STREAMS: dict[str, Stream] = {"error": "error", "warning": "error"}
PREFIX = {"warning": "WARNING: ", "verbose": "VERBOSE: ", "debug": "DEBUG: "}


def expand_clixml(lines: Sequence[LogLine]) -> list[LogLine]:
    """Replace CLIXML by what it says, none or several lines; other lines pass."""
    if not is_clixml("\n".join([line.text for line in lines])):
        return list(lines)
    return [shown for line in lines for shown in expand_line(line)]


def expand_line(line: LogLine) -> list[LogLine]:
    """Return what one line says: text around its documents stays."""
    if not is_clixml(line.text):
        return [line]
    return [shown for part in line.text.split(CLIXML_HEADER) for shown in expand_part(line, part)]


def expand_part(line: LogLine, text: str) -> list[LogLine]:
    """Return what a text without the header says, document by document: a guest may write any number."""
    lines: list[LogLine] = []
    at = 0
    while (start := text.find(CLIXML_START, at)) >= 0:
        end = text.find(CLIXML_END, start)
        end = len(text) if end < 0 else end
        lines += around(line, text[at:start])
        for kind, said in readable(text[start:end]):
            stream = STREAMS.get(kind, line.stream)
            lines += [LogLine(line.machine, stream, cut(clean(part))) for part in said.split("\n")]
        at = end + len(CLIXML_END)
    return lines + around(line, text[at:])


def around(line: LogLine, text: str) -> list[LogLine]:
    return [line._replace(text=cut(text))] if text.strip() else []


def readable(document: str) -> list[tuple[str, str]]:
    """Return (kind, text) of what a document says, and each activity's last progress; in order."""
    said: list[tuple[str, str]] = []
    rest = ""
    progress = Progress()
    for piece in PIECE.finditer(document):
        if piece["kind"] is not None:
            kind = piece["kind"].lower()
            lines, rest = complete_lines(rest + decode(piece["said"]))
            said += [(kind, PREFIX.get(kind, "") + text) for text in lines]
        elif piece["told"] is not None:
            said.append(("information", decode(piece["told"])))
        elif ended := progress.take(piece):
            said.append(("progress", ended))
    said += [("error", rest)] if rest.strip() else []
    return [*said, *([("progress", progress.shown)] if progress.shown else [])]


def complete_lines(text: str) -> tuple[list[str], str]:
    """Return the lines that have ended, and what is left; a text without any newline is a line."""
    if "\n" not in text:
        return ([text] if text.strip() else []), ""
    *lines, rest = text.split("\n")
    return [line.rstrip() for line in lines if line.strip()], rest


class Progress:
    """The progress record that is being read; `shown` is the last whole one."""

    def __init__(self) -> None:
        self.activity = self.percent = self.detail = self.shown = ""

    def take(self, piece: re.Match[str]) -> str:
        """Take one part of a record; return the last state of an activity that another one follows."""
        ended = ""
        if piece["activity"] is not None:
            activity = decode(piece["activity"]).strip()
            ended, self.shown = (self.shown, "") if activity != self.activity else ("", self.shown)
            self.activity, self.percent, self.detail = activity, "", ""
        elif piece["percent"] is not None:
            self.percent = "" if piece["percent"].startswith("-") else f"{piece['percent']} %"
        elif piece["detail"] is not None:
            self.detail = decode(piece["detail"]).strip()
        else:
            self.shown = " · ".join(part for part in (self.activity, self.detail, self.percent) if part)
        return ended


def decode(text: str) -> str:
    """Undo XML's entities and PowerShell's `_xHHHH_`; half a surrogate pair becomes a question mark."""
    decoded = CODE.sub(lambda found: chr(int(found[1], 16)), unescape(text))
    whole = decoded.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\r\n", "\n").replace("\r", "\n")
