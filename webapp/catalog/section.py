"""Typed reading of one mapping of a definition: every mistake is collected, none raised.

A reader method returns the default after a mistake, so that one pass finds all
of them; nobody uses the result while `findings.problems` is not empty.
"""

import re
from collections.abc import Callable, Iterable
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import TypeVar

from webapp.catalog.problems import Findings, nearest
from webapp.catalog.yaml_tree import Mapping, Node, Scalar, Sequence

Choice = TypeVar("Choice", bound=str)
Value = TypeVar("Value")

YES = frozenset({"true", "yes"})
NO = frozenset({"false", "no"})
MAX_TEXT = 300
MAX_DIGITS = 9
MAX_SHOWN = 60  # of a value quoted in a message
ADDRESS = "an IPv4 address such as 192.168.56.10"
NOTHING = frozenset({"", "~", "null", "Null", "NULL"})


class Section:
    """One mapping, its path and what it may hold; `known` are all its keys."""

    def __init__(self, node: Mapping, findings: Findings, known: Iterable[str], path: str = "") -> None:
        self.node, self.findings, self.known, self.path = node, findings, tuple(known), path
        self.children: dict[str, Section] = {}
        for key, line in node.lines.items():
            findings.places[self.path_of(key)] = (self.path_of(key), line)
        self._refuse_unknown()

    def path_of(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def line(self, key: str) -> int:
        return self.node.lines.get(key, self.node.line)

    def __contains__(self, key: str) -> bool:
        return key in self.node.entries

    def is_empty(self, key: str) -> bool:
        """Tell whether the value is the quoted empty text, which says "nothing"."""
        node = self.node.entries.get(key)
        return isinstance(node, Scalar) and node.quoted and node.text == ""

    def stand_for(self, path: str, known: Iterable[str]) -> None:
        """Say that the settings at `path` were written here, for later checks."""
        self.findings.places[path] = (self.path, self.node.line)
        for key in known:
            if key in self:
                self.findings.places[f"{path}.{key}"] = (self.path_of(key), self.line(key))

    def refuse(self, key: str, what: str, allowed: str = "") -> None:
        self.findings.refuse(self.line(key), self.path_of(key), what, allowed)

    def note(self, key: str, text: str) -> None:
        self.findings.note(self.line(key), self.path_of(key), text)

    def _refuse_unknown(self) -> None:
        for key in self.node.entries:
            if key not in self.known:
                near = nearest(key, self.known)
                hint = f" Did you mean {near}?" if near else ""
                self.refuse(key, f"This key is not known.{hint}", ", ".join(self.known))

    def _scalar(self, key: str, allowed: str) -> Scalar | None:
        """Return the key's value if it is one and says something; "" must be quoted."""
        node = self.node.entries.get(key)
        if node is None:
            return None
        if isinstance(node, Scalar) and (node.quoted or node.text not in NOTHING):
            return node
        what = "has no value" if isinstance(node, Scalar) else f"is a {type(node).__name__.lower()}"
        self.refuse(key, f"This {what}.", allowed)
        return None

    def _read(self, key: str, default: Value, allowed: str, convert: Callable[[str], Value | None]) -> Value:
        """Convert the value's text; None from `convert` means that it is not allowed."""
        scalar = self._scalar(key, allowed)
        if scalar is None:
            return default
        value = convert(scalar.text)
        if value is None:
            self.refuse(key, f"{shown(scalar.text)} is not allowed.", allowed)
            return default
        return value

    def text(self, key: str, default: str, pattern: str, allowed: str) -> str:
        """Read text that matches the whole pattern; a quoted empty text is the default's place."""
        return self._read(key, default, allowed, lambda text: text if fits(text, pattern) else None)

    def choice(self, key: str, default: Choice, choices: Iterable[Choice]) -> Choice:
        known = {str(choice): choice for choice in choices}
        return self._read(key, default, ", ".join(known), known.get)

    def number(self, key: str, default: int, low: int, high: int) -> int:
        def convert(text: str) -> int | None:
            is_number = text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS
            return int(text) if is_number and low <= int(text) <= high else None

        return self._read(key, default, f"a whole number from {low} to {high}", convert)

    def decimal(self, key: str, default: float | None, low: float, high: float) -> float | None:
        def convert(text: str) -> float | None:
            is_number = re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text, re.ASCII)  # no "inf", no "1e9"
            return float(text) if is_number and low <= float(text) <= high else None

        return self._read(key, default, f"a number from {low} to {high}", convert)

    def flag(self, key: str, default: bool) -> bool:
        """Read true, false, yes or no, quoted or not; anything else is an error."""
        words = {**dict.fromkeys(YES, True), **dict.fromkeys(NO, False)}
        return self._read(key, default, "true, false, yes, no", lambda text: words.get(text.lower()))

    def address(self, key: str) -> str:
        """Read an address; "" if there is none or it is the quoted empty text."""
        return "" if self.is_empty(key) else self._read(key, "", ADDRESS, to_address)

    def addresses(self, key: str) -> tuple[str, ...]:
        return self.words(key, lambda text: to_address(text) is not None, "a list of IPv4 addresses")

    def network(self, key: str, default: str) -> str:
        """Read a range. The quoted empty text is allowed where nothing is the default."""
        if not default and self.is_empty(key):
            return ""
        allowed = "an IPv4 range in CIDR form such as 10.244.0.0/16, with no bits beyond its prefix"
        return self._read(key, default, allowed, to_network)

    def words(self, key: str, is_allowed: Callable[[str], bool], allowed: str) -> tuple[str, ...]:
        """Read a list of texts."""
        node = self.node.entries.get(key)
        if node is None:
            return ()
        if not isinstance(node, Sequence):
            self.refuse(key, "This is not a list.", allowed)
            return ()
        return tuple(self._word(key, item, is_allowed, allowed) for item in node.items)

    def _word(self, key: str, item: Node, is_allowed: Callable[[str], bool], allowed: str) -> str:
        if isinstance(item, Scalar) and is_allowed(item.text):
            return item.text
        what = shown(item.text) if isinstance(item, Scalar) else f"A {type(item).__name__.lower()}"
        self.findings.refuse(item.line, self.path_of(key), f"{what} is not allowed.", allowed)
        return ""

    def section(self, key: str, known: Iterable[str]) -> "Section":
        """Return the mapping under `key`, an empty one if it is not there."""
        if key not in self.children:
            node = self.node.entries.get(key, Mapping(self.node.line))
            if not isinstance(node, Mapping):
                self.refuse(key, "This must be a mapping.", ", ".join(known))
                node = Mapping(node.line)
            self.children[key] = Section(node, self.findings, known, self.path_of(key))
        return self.children[key]

    def sections(self, key: str, known: Iterable[str]) -> "list[Section]":
        """Return the mappings of the list under `key`; their paths end in [0], [1] …"""
        node = self.node.entries.get(key)
        items = node.items if isinstance(node, Sequence) else []
        if not items or not all(isinstance(item, Mapping) for item in items):
            self.refuse(key, "This must be a list of mappings.", ", ".join(known))
        found = []
        for number, item in enumerate(items):
            if isinstance(item, Mapping):
                path = f"{self.path_of(key)}[{number}]"
                self.findings.places[path] = (path, item.line)
                found.append(Section(item, self.findings, known, path))
        return found


def fits(text: str, pattern: str) -> bool:
    """Tell whether the whole of a text of sane length matches."""
    return len(text) <= MAX_TEXT and re.fullmatch(pattern, text, re.ASCII) is not None


def shown(text: str) -> str:
    """Quote a value for a message, cut to a readable length."""
    return f'"{text}"' if len(text) <= MAX_SHOWN else f'"{text[:MAX_SHOWN]}…"'


def to_address(text: str) -> str | None:
    try:
        return str(IPv4Address(text))
    except AddressValueError:
        return None


def to_network(text: str) -> str | None:
    try:
        return str(IPv4Network(text)) if "/" in text else None
    except (AddressValueError, NetmaskValueError, ValueError):
        return None
