"""Secrets out of lines, before anything is stored. Pure. Contract: docs/logs.md.

Works on whole lines, so that a secret split over two reads is whole again. One linear search over the
whole batch (RE2) tells whether there can be anything to do, and in which lines.
Bootstrap tokens: kubeadm's `[a-z0-9]{6}.[a-z0-9]{16}`; certificate keys: 32 bytes in hex. CA hashes
(`sha256:…`) are public and stay.
"""

import json
import re
from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote, quote_plus

import re2

from webapp.logs.lines import LogLine

MARK = "[redacted]"
SHORTEST = 4  # characters; what is shorter would black out ordinary words
BLOCK_LINES = 400  # a private key that has not ended by then was none

NAME = r"(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|certificate[_-]key)"
VALUE = r"""(?:"[^"]*"?|'[^']*'?|[^\s"']+)"""
# No pattern here may take more than linear time: guests write what they like.
RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<![a-z0-9.])[a-z0-9]{6}\.[a-z0-9]{16}(?![a-z0-9.])"), MARK),
    (re.compile(rf"""(?i)({NAME}["']?\s*[=:]\s*){VALUE}"""), r"\1" + MARK),
    (re.compile(rf"""(?i)((?:key|certificate|authority)-data["']?\s*:\s*){VALUE}"""), r"\1" + MARK),
    (re.compile(r"(?i)(\bbearer\s+)[\w.~+/=-]{8,}"), r"\1" + MARK),
    (re.compile(r"(?i)(\bauthorization:\s*\w+\s+)[\w.~+/=-]+"), r"\1" + MARK),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), MARK),
    (re.compile(r"\b(?:gh[pousr]_|github_pat_|glpat-)[\w-]{16,}"), MARK),
    (re.compile(r"(://[^\s/:@]*:)[^\s/@]+(?=@)"), r"\1" + MARK),
    (re.compile(r"(://)[^\s/:@]{16,}(?=@)"), r"\1" + MARK),
    (re.compile(r"^(\W*)[0-9a-f]{64}(\W*)$"), r"\1" + MARK + r"\2"),
)
FLAG = re.compile(rf"(?i)({NAME}\s+){VALUE}")
FLAG_CHARACTERS = 40
# Finds at least all that the rules find; it may find more.
HINT = (
    r"(?i)passw|passphrase|secret|token|api[_-]?key|access[_-]?key|certificate[_-]key|private key|-data"
    r"|bearer|authorization:|eyj|gh[pousr]_|github_pat_|glpat-|://[^\s/@]+@|[a-z0-9]{6}\.[a-z0-9]{16}"
    r"|(?m:^\W*[0-9a-f]{64}\W*$)"
)
KEY_BEGIN = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----")
KEY_END = re.compile(r"-----END [A-Z ]{0,30}PRIVATE KEY-----")


class Redactor:
    """Redacts one child's lines; `state` carries "inside a private key" from batch to batch."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Take the secrets known by heart, such as the spec's passwords; under 4 characters: ignored."""
        known = sorted({form for secret in secrets for form in forms(secret)}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None
        options = re2.Options()
        options.log_errors = False
        self._hint = re2.compile("|".join([HINT, *(f"(?-i:{re2.escape(form)})" for form in known)]), options)
        self._inside: dict[str, int] = {}  # machine → lines of its private key so far

    @property
    def state(self) -> dict[str, object]:
        """Return what must be known to go on with the next line; JSON."""
        return {"inside": dict(self._inside)} if self._inside else {}

    def restore(self, state: dict[str, object]) -> None:
        """Go on where a redactor with this state stopped."""
        inside = state.get("inside")
        self._inside = {str(k): int(v) for k, v in inside.items()} if isinstance(inside, dict) else {}

    def redact(self, lines: Sequence[LogLine]) -> list[LogLine]:
        """Return the lines without secrets; as many lines as came in."""
        if not self._inside and self._hint.search("\n".join([line.text for line in lines])) is None:
            return list(lines)
        return [self._redact_line(line) if self._may_tell(line) else line for line in lines]

    def _may_tell(self, line: LogLine) -> bool:
        """Tell whether there can be anything to do in one line: most of a batch have nothing."""
        return line.machine in self._inside or self._hint.search(line.text) is not None

    def _redact_line(self, line: LogLine) -> LogLine:
        text, was_inside = line.text, line.machine in self._inside
        if was_inside:
            self._inside[line.machine] += 1
        shown, ends_inside = self._redact_keys(text, was_inside)
        if not ends_inside or self._inside.get(line.machine, 0) >= BLOCK_LINES:
            self._inside.pop(line.machine, None)
        elif not was_inside:
            self._inside[line.machine] = 0
        return line if shown == text else line._replace(text=shown)

    def _redact_keys(self, text: str, is_inside: bool) -> tuple[str, bool]:
        """Black out private keys, and secrets around them; tell whether a key goes on in the next line."""
        shown, at = "", 0
        while True:
            border = (KEY_END if is_inside else KEY_BEGIN).search(text, at)
            piece = text[at : border.start()] if border else text[at:]
            shown += (MARK if piece.strip() else "") if is_inside else self._redact_text(piece)
            if border is None:
                return shown, is_inside
            shown += border[0]
            at, is_inside = border.end(), not is_inside

    def _redact_text(self, text: str) -> str:
        return redact_text(text if self._known is None else self._known.sub(MARK, text))


def redact_words(text: str) -> str:
    """Redact what is stored beside a log: a child's last words, quoted in a sentence."""
    (line,) = Redactor(()).redact([LogLine("", "note", text)])
    return line.text


def redact_text(text: str) -> str:
    """Apply the rules for secrets that are known by their look."""
    for pattern, replacement in RULES:
        text = pattern.sub(replacement, text)
    return FLAG.sub(redact_flag, text)


def redact_flag(found: re.Match[str]) -> str:
    """Black out `--docker-password VALUE`; the same words in a sentence stay."""
    before = found.string[max(0, found.start() - FLAG_CHARACTERS) : found.start()]
    is_flag = before.startswith("-") if " " not in before else before.rpartition(" ")[2].startswith("-")
    return found[1] + MARK if is_flag else found[0]


def forms(secret: str) -> set[str]:
    """Return a secret as it may be written: as it is, in JSON, in a URL, in XML, quoted for a shell."""
    written: set[str] = set()
    for part in secret.splitlines() or [secret]:
        written |= {part, json.dumps(part)[1:-1], quote(part), quote_plus(part), quote(part, safe="")}
        written |= {
            escape(part),
            escape(part, quote=False),
            part.replace("'", "'\\''"),
            part.replace("'", "''"),
        }
        written |= {part.strip(), part.replace(",", "%!(VAGRANT_COMMA)")}
    return {form for form in written if len(form) >= SHORTEST}
