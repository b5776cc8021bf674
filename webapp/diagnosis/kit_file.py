"""Reads a YAML list of mappings and remembers in which line each key stands."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml


class RulesError(Exception):
    """failures.yaml is wrong: a start-up error that names file and line."""

    def __init__(self, file: str, line: int, what: str) -> None:
        super().__init__(f"{file}, line {line}: {what}.")
        self.file, self.line, self.what = file, line, what


def read_items(text: str, file: str) -> Iterator[tuple[Mapping[str, Any], Mapping[str, int]]]:
    """Yield each mapping with the one-based lines of its keys; "" is the mapping's own line.

    Raises RulesError. Any: the YAML edge.
    """
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        items = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise RulesError(file, mark.line + 1 if mark else 1, f"this is not YAML: {error}") from error
    if not isinstance(node, yaml.SequenceNode) or not isinstance(items, list):
        raise RulesError(file, 1, "a list of rules is expected")
    for item_node, item in zip(node.value, items, strict=True):
        line = item_node.start_mark.line + 1
        if not isinstance(item_node, yaml.MappingNode):
            raise RulesError(file, line, "a rule is a mapping")
        yield item, {"": line, **_key_lines(item_node, file)}


def _key_lines(node: yaml.MappingNode, file: str) -> dict[str, int]:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
            raise RulesError(file, line, "a key is a word")
        if key.value in lines:
            raise RulesError(file, line, f"the key {key.value!r} stands here twice")
        lines[key.value] = line
    return lines
