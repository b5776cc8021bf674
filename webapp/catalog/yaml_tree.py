"""YAML text → a small tree that keeps every key's line. Hostile input is the normal case.

Built on PyYAML's events, not on its loaders: nothing is constructed, nothing is
expanded, nesting is bounded before it is followed. Scalars stay text, so that
`1.30` is not the number 1.3. The tree goes to `section`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from webapp.catalog.problems import DefinitionError, Findings, Problem

MAX_BYTES = 65_536
MAX_DEPTH = 8


@dataclass(frozen=True)
class Scalar:
    """A value as written. `quoted` tells "false" from false and "" from nothing."""

    line: int
    text: str
    quoted: bool


@dataclass
class Sequence:
    """A list."""

    line: int
    items: list["Node"] = field(default_factory=list)


@dataclass
class Mapping:
    """Keys in their order; of a key written twice the first counts."""

    line: int
    entries: dict[str, "Node"] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


Node = Scalar | Sequence | Mapping


def load(text: str | bytes, findings: Findings) -> Mapping:
    """Return the one mapping that the text holds; DefinitionError if it is no such text."""
    decoded = decode(text, findings.file)
    try:
        return _Builder(findings).build(yaml.parse(decoded, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = f"This is not YAML: {error.problem or error.context}."
        raise _refusal(findings, mark.line + 1 if mark else 0, what) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # ValueError: PyYAML lets chr() and int() of its escapes and directives fail.
        raise _refusal(findings, 0, f"This is not YAML: {error}.") from error


def decode(text: str | bytes, file: str) -> str:
    """Return text that may be YAML; DefinitionError for what is too big or binary."""
    try:
        data = text.encode() if isinstance(text, str) else text
        if len(data) > MAX_BYTES:
            what = "The file is too long for a definition."
            raise DefinitionError([Problem(file, 0, "", what, f"at most {MAX_BYTES:,} bytes")])
        decoded = data.decode("utf-8-sig")
    except UnicodeError as error:
        line = data[: error.start].count(b"\n") + 1 if isinstance(error, UnicodeDecodeError) else 0
        raise DefinitionError(
            [Problem(file, line, "", "This is not UTF-8 text.", "YAML in UTF-8")]
        ) from error
    for number, line_text in enumerate(decoded.split("\n"), 1):
        _check_line(file, number, line_text)
    return decoded


def _check_line(file: str, number: int, text: str) -> None:
    indent = text[: len(text) - len(text.lstrip())]
    if "\t" in indent and text.strip():
        raise DefinitionError([Problem(file, number, "", "A tab indents this line.", "spaces")])
    if any(char < " " and char not in "\t\r" for char in text) or "\x7f" in text:
        raise DefinitionError([Problem(file, number, "", "This line holds control characters.", "YAML text")])


def _refusal(findings: Findings, line: int, what: str) -> DefinitionError:
    return DefinitionError([*findings.problems, Problem(findings.file, line, "", what)])


class _Builder:
    """Turns the events of one document into a tree, without recursion."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.open: list[Sequence | Mapping] = []
        self.keys: list[Scalar | None] = []  # for each open mapping, the key that waits for its value
        self.root: Node | None = None
        self.documents = 0

    def build(self, events: Iterator[yaml.Event]) -> Mapping:
        for event in events:
            self._take(event)
        if isinstance(self.root, Mapping):
            return self.root
        what = (
            "There is no setting in this file."
            if self.root is None or self._is_empty()
            else ("The file is not a mapping.")
        )
        raise _refusal(self.findings, 0, what + " Write one `key: value` on a line.")

    def _is_empty(self) -> bool:
        return isinstance(self.root, Scalar) and self.root.text == ""

    def _take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.DocumentStartEvent):
            self._start_document(line)
        elif isinstance(event, yaml.AliasEvent):
            raise _refusal(self.findings, line, f"The alias *{event.anchor} is refused; write the value out.")
        elif isinstance(event, yaml.NodeEvent):
            self._start_node(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self.open.pop()
            self.keys.pop()

    def _start_document(self, line: int) -> None:
        self.documents += 1
        if self.documents > 1:
            raise _refusal(self.findings, line, "A second document begins here (---); one is allowed.")

    def _start_node(self, event: yaml.NodeEvent, line: int) -> None:
        if event.anchor is not None:
            raise _refusal(
                self.findings, line, f"The anchor &{event.anchor} is refused; write the value out."
            )
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            raise _refusal(self.findings, line, f"The tag {tag} is refused; write the plain value.")
        if isinstance(event, yaml.ScalarEvent):
            self._add(Scalar(line, event.value, quoted=event.style is not None))
            return
        if len(self.open) == MAX_DEPTH:
            raise _refusal(self.findings, line, f"Nesting deeper than {MAX_DEPTH} levels is refused.")
        node = Mapping(line) if isinstance(event, yaml.MappingStartEvent) else Sequence(line)
        self._add(node)
        self.open.append(node)
        self.keys.append(None)

    def _add(self, node: Node) -> None:
        if not self.open:
            self.root = node
        elif isinstance(parent := self.open[-1], Sequence):
            parent.items.append(node)
        elif (key := self.keys[-1]) is not None:
            self._add_entry(parent, key, node)
            self.keys[-1] = None
        elif isinstance(node, Scalar):
            self.keys[-1] = node
        else:
            raise _refusal(self.findings, node.line, "A key must be one word, not a list or a mapping.")

    def _add_entry(self, parent: Mapping, key: Scalar, node: Node) -> None:
        if key.text in parent.entries:
            first = parent.lines[key.text]
            self.findings.refuse(key.line, key.text, f"This key is on line {first} already.")
            return
        parent.entries[key.text] = node
        parent.lines[key.text] = key.line
