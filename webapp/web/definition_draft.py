"""A definition while it is edited: form and YAML, of which one has just been changed. Pure.

What was typed is kept whatever is wrong with it; a valid side fills the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from webapp.catalog import variables
from webapp.catalog.problems import DefinitionError, Problem
from webapp.catalog.spec import LabSpec
from webapp.catalog.variables import Parsed
from webapp.catalog.yaml_tree import MAX_BYTES
from webapp.web.definition_fields import (
    Data,
    data_from,
    data_of,
    machine_indexes,
    settled,
    text_of,
    with_machine,
    without_machine,
)

BOTH_CHANGED = (
    "The form and the YAML were both changed. The form now shows the YAML; press Save to keep that."
)


@dataclass(frozen=True)
class Draft:
    """Both sides, and what is wrong. `parsed` is None while there are problems."""

    data: Data
    text: str
    parsed: Parsed | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def is_valid(self) -> bool:
        return self.parsed is not None and not self.problems


def draft_of_text(text: str | bytes, data: Data | None = None) -> Draft:
    """Read YAML; while it is wrong, the form keeps `data`."""
    shown = (
        text if isinstance(text, str) else text[:MAX_BYTES].decode("utf-8", "replace").replace("\0", "\ufffd")
    )
    try:
        parsed = variables.read(text)
    except DefinitionError as error:
        return Draft(data or data_of(LabSpec()), shown, problems=error.problems)
    return Draft(data_of(parsed.spec), shown, parsed)


def draft_of_form(data: Data) -> Draft:
    """Read the form; a right one is written nicely, a wrong one as it was typed."""
    data = settled(data)
    text = text_of(data)
    try:
        parsed = variables.read(text)
    except DefinitionError as error:
        return Draft(data, text, problems=error.problems)
    return Draft(data, variables.export(parsed.spec, "ours"), parsed)


def draft_of_post(post: Mapping[str, str]) -> Draft:
    """Read the side that was changed: `edited` says which, else what the page had shown tells it."""
    text, shown = normal(post.get("text", "")), normal(post.get("shown", ""))
    data = data_from(post)
    is_form = post.get("edited") in ("form", "rows")
    if not data or (text.strip() != shown.strip() and not is_form):
        draft = draft_of_text(text, data)
        return replace(draft, problems=both_changed(data, shown, draft))
    before = draft_of_text(shown)
    if before.is_valid and before.data == filled(data):
        return before  # nothing was changed: the text keeps its comments and its generation
    return draft_of_form(data)


def both_changed(data: Data, shown: str, draft: Draft) -> tuple[Problem, ...]:
    """Refuse to lose the form's changes: without JavaScript the sides do not follow each other."""
    before = draft_of_text(shown)
    is_lost = draft.is_valid and before.is_valid and filled(data) not in ({}, before.data, draft.data)
    return (Problem(variables.FILE, 0, "", BOTH_CHANGED),) if is_lost else draft.problems


def filled(data: Data) -> Data:
    """Drop what an untouched page sends as empty fields, so that data compare."""
    known = data_of(LabSpec())
    return {
        name: value for name, value in data.items() if value or name in known or name.startswith("machines[")
    }


def changed_rows(draft: Draft, post: Mapping[str, str]) -> Draft:
    """Add or remove a machine as its button says."""
    if post.get("add") == "windows":
        return draft_of_form(with_machine(draft.data, "windows"))
    if post.get("add") == "linux":
        return draft_of_form(with_machine(draft.data, "linux"))
    index = post.get("remove", "")
    is_number = index.isascii() and index.isdecimal() and len(index) <= 4
    if is_number and int(index) in machine_indexes(draft.data):
        return draft_of_form(without_machine(draft.data, int(index)))
    return draft


def wants_rows(post: Mapping[str, str]) -> bool:
    return "add" in post or "remove" in post or "refresh" in post


def normal(text: str) -> str:
    """Undo what browsers do to the line ends of a text field."""
    return text.replace("\r\n", "\n")
