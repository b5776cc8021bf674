"""Make, change, archive and compare definitions. A revision's text goes through `catalog.variables`."""

import difflib
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.catalog import variables
from webapp.catalog.compare import Difference, compare_specs
from webapp.catalog.spec import LabSpec
from webapp.definitions.models import Definition, Revision

SLUG_LENGTH = 70  # leaves room for "-2" within the column's 80
RESERVED = frozenset({"new", "import", "check"})  # addresses beside /definitions/SLUG/


class NameNotPossibleError(Exception):
    """A definition's name that makes no address; a sentence for the user."""


@transaction.atomic
def create_definition(
    *, name: str, text: str, by: User, description: str = "", comment: str = ""
) -> Definition:
    """Store a definition with its first revision.

    Raises variables.DefinitionError for the text, NameNotPossibleError for the name.
    """
    text = tidy(text)
    spec = variables.parse(text)
    definition = store_definition(name.strip(), description.strip(), by)
    store_revision(definition, 1, text, spec, by, comment)
    audit.record(by, "created definition", definition.name)
    return definition


def store_definition(name: str, description: str, by: User) -> Definition:
    """Store its row; who loses its address to somebody at the same moment takes the next free one."""
    while True:
        slug = free_slug(name)
        try:
            with transaction.atomic():
                return Definition.objects.create(name=name, slug=slug, description=description, owner=by)
        except IntegrityError:
            if free_slug(name) == slug:  # it was not the address
                raise


@transaction.atomic
def add_revision(definition: Definition, *, text: str, by: User, comment: str = "") -> tuple[Revision, bool]:
    """Store a changed text; an identical one is the newest revision again, and False.

    Raises variables.DefinitionError.
    """
    text = tidy(text)
    spec = variables.parse(text)
    Definition.objects.select_for_update().get(pk=definition.pk)  # one writer at a time counts
    newest = definition.revisions.order_by("-number").first()
    if newest is not None and newest.text == text:
        return newest, False
    revision = store_revision(definition, newest.number + 1 if newest else 1, text, spec, by, comment)
    audit.record(by, "changed definition", str(revision))
    return revision, True


def store_revision(
    definition: Definition, number: int, text: str, spec: LabSpec, by: User, comment: str
) -> Revision:
    return Revision.objects.create(
        definition=definition,
        number=number,
        text=text,
        spec=spec.to_json(),
        author=by,
        comment=comment.strip(),
    )


def describe_definition(definition: Definition, *, name: str, description: str) -> None:
    """Change what people call it; its address stays."""
    if (definition.name, definition.description) != (name.strip(), description.strip()):
        definition.name, definition.description = name.strip(), description.strip()
        definition.save(update_fields=["name", "description"])


def archive_definition(definition: Definition, by: User) -> bool:
    """Take it off the lists; its labs keep it. False when it was archived already."""
    changed = Definition.objects.filter(pk=definition.pk, archived_at=None).update(archived_at=timezone.now())
    if changed:
        audit.record(by, "archived definition", definition.name)
    return bool(changed)


def restore_definition(definition: Definition, by: User) -> bool:
    """Put an archived definition back on the lists."""
    changed = Definition.objects.filter(pk=definition.pk).exclude(archived_at=None).update(archived_at=None)
    if changed:
        audit.record(by, "restored definition", definition.name)
    return bool(changed)


def tidy(text: str) -> str:
    """Return the text with Unix line ends and one at its end: browsers send CRLF."""
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip() + "\n"


def free_slug(name: str) -> str:
    """Return an address that no definition has; NameNotPossibleError for a name without a letter or digit."""
    base = slugify(name)[:SLUG_LENGTH].strip("-")
    if not base:
        raise NameNotPossibleError("The name needs at least one letter or digit.")
    taken = set(Definition.objects.filter(slug__startswith=base).values_list("slug", flat=True)) | RESERVED
    if base not in taken:
        return base
    return next(f"{base}-{n}" for n in range(2, len(taken) + 3) if f"{base}-{n}" not in taken)


@dataclass(frozen=True)
class DiffLine:
    """One line of a unified diff; `kind` is "add", "del", "same" or "hunk"."""

    kind: str
    text: str


@dataclass(frozen=True)
class Comparison:
    """What changed between two revisions: their settings, and their texts."""

    settings: tuple[Difference, ...]
    lines: tuple[DiffLine, ...]


KINDS = {"+": "add", "-": "del", "@": "hunk", " ": "same"}


def compare(before: Revision, after: Revision) -> Comparison:
    """Compare two revisions, of one definition or of two. Pure: reads no database."""
    diff = difflib.unified_diff(before.text.splitlines(), after.text.splitlines(), lineterm="", n=3)
    # The first two lines name files; revisions have none.
    lines = [DiffLine(KINDS[line[0]], line if line[0] == "@" else line[1:]) for line in list(diff)[2:]]
    specs = (LabSpec.from_json(before.spec), LabSpec.from_json(after.spec))
    return Comparison(compare_specs(*specs), tuple(lines))
