"""Reading definitions, each with a fixed number of queries."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from webapp.accounts.models import User
from webapp.catalog.spec import LabSpec
from webapp.definitions.models import Definition, Revision


@dataclass(frozen=True)
class Listed:
    """A definition as the list shows it."""

    definition: Definition
    revision: Revision
    spec: LabSpec
    lab_count: int


def find_definitions(
    *, text: str = "", owner: User | None = None, is_archived: bool = False
) -> QuerySet[Definition]:
    found = Definition.objects.select_related("owner").filter(archived_at__isnull=not is_archived)
    if text:
        found = found.filter(Q(name__icontains=text) | Q(description__icontains=text))
    return found.filter(owner=owner) if owner else found


def listed(definitions: QuerySet[Definition]) -> list[Listed]:
    """Return each with its newest revision and the number of its running labs: two queries."""
    newest = Revision.objects.filter(definition=OuterRef("pk")).order_by("-number").values("pk")[:1]
    labs = Count("revisions__labs", filter=Q(revisions__labs__destroyed_at=None), distinct=True)
    rows = list(definitions.annotate(newest_id=Subquery(newest), lab_count=labs).order_by("name"))
    revisions = Revision.objects.in_bulk(newest_ids(rows))
    return [
        Listed(row, revision, LabSpec.from_json(revision.spec), row.lab_count)
        for row in rows
        if (revision := revisions.get(row.newest_id)) is not None
    ]


def newest_ids(rows: Iterable[Definition]) -> list[int]:
    return [row.newest_id for row in rows if row.newest_id is not None]  # type: ignore[attr-defined]  # annotated


def revisions_of(definition: Definition) -> list[Revision]:
    """Return all revisions, newest first, with their authors: one query."""
    return list(definition.revisions.select_related("author").order_by("-number"))
