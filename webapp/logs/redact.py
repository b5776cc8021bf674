"""Take secrets out of whole lines before they are stored. Pure. Contract: docs/logs.md.

Works after lines are whole, so that a secret split over two reads is looked for in
one piece. A block without any hint of a secret costs one search.
"""

import re
from collections.abc import Iterable, Sequence

import re2

from webapp.logs.lines import LogLine

GONE = "[redacted]"
# A private key that never ends is taken for one this long; then lines show again.
MAX_BLOCK_LINES = 400
MIN_SECRET = 4

HINT = (
    r"(?i)passw|secret|token|bearer|certificate.?key|api.?key|-----BEGIN|client-key-data|"
    r"client-certificate-data|authorization|eyJ[a-z0-9_-]{8}|://[^/\s:@]+:[^/\s@]+@|"
    r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b"
)
QUOTED = r"""(?:"[^"]*"|'[^']*'|[^\s,;"']+)"""
RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # kubeadm's bootstrap tokens, wherever they stand
    (re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b"), GONE),
    (re.compile(r"(?i)(--(?:password|token|certificate-key|tls-bootstrap-token)[= ])" + QUOTED), rf"\1{GONE}"),
    (re.compile(r"(?i)(certificate[ -]key[^0-9a-f]{1,40}?)\b[0-9a-f]{64}\b"), rf"\1{GONE}"),
    (
        re.compile(r"""(?i)(\b\w*(?:passw(?:or)?d|passphrase|secret|api[_-]?key)["']?\s*(?:[:=]\s*))""" + QUOTED),
        rf"\1{GONE}",
    ),
    (re.compile(r"""(?i)(\b\w*token["']?\s*[:=]\s*["']?)[A-Za-z0-9._~+/=-]{16,}"""), rf"\1{GONE}"),
    (re.compile(r"(?i)(\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}"), rf"\1{GONE}"),
    (re.compile(r"(?i)(\bauthorization:\s*\w+\s+)\S+"), rf"\1{GONE}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), GONE),
    (re.compile(r"(?i)((?:client-key-data|client-certificate-data|token-data):\s*)\S+"), rf"\1{GONE}"),
    (re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s:@]+:[^/\s@]+@"), rf"\1{GONE}@"),
)
KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY-----")
KEY_FOLLOWS = re.compile(r"(?i)certificate key:?\s*$")
HEX_64 = re.compile(r"\s*[0-9a-f]{64}\s*")


class Redactor:
    """Redacts one source's lines in order; `state` is what it must remember across them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = sorted({s for s in secrets if len(s) >= MIN_SECRET}, key=len, reverse=True)
        self.known = re.compile("|".join(map(re.escape, known))) if known else None
        hint = "|".join([HINT, *(re2.escape(secret) for secret in known)])
        self.hint = re2.compile(hint)
        self.state: dict[str, object] = {}

    def restore(self, state: dict[str, object]) -> None:
        """Go on where an earlier redactor of this source stopped."""
        self.state = dict(state)

    def redact(self, lines: Sequence[LogLine]) -> list[LogLine]:
        """Return the lines without secrets."""
        if not self.state and self.hint.search("\n".join(line.text for line in lines)) is None:
            return list(lines)
        return [line._replace(text=self.redact_text(line.text)) for line in lines]

    def redact_text(self, text: str) -> str:
        """Redact one line, in order with those before it."""
        if "block" in self.state:
            return self.inside_block(text)
        if self.state.pop("key_follows", False) and HEX_64.fullmatch(text):
            return GONE
        if begins := KEY_BEGINS.search(text):
            return self.begin_block(text, begins.start())
        if KEY_FOLLOWS.search(text):
            self.state["key_follows"] = True
        return self.by_rules(text)

    def by_rules(self, text: str) -> str:
        if self.known is not None:
            text = self.known.sub(GONE, text)
        for pattern, replacement in RULES:
            text = pattern.sub(replacement, text)
        return text

    def begin_block(self, text: str, start: int) -> str:
        ends = KEY_ENDS.search(text, start)
        if ends is None:
            self.state["block"] = 1
            return self.by_rules(text[:start]) + GONE
        return self.by_rules(text[:start]) + GONE + self.redact_text(text[ends.end() :])

    def inside_block(self, text: str) -> str:
        ends = KEY_ENDS.search(text)
        count = int(str(self.state.pop("block"))) + 1
        if ends is not None:
            return GONE + self.redact_text(text[ends.end() :])
        if count <= MAX_BLOCK_LINES:
            self.state["block"] = count
        return GONE
