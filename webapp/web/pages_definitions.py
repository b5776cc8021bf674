"""What the templates of the definitions pages are given."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from django.conf import settings
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse

from webapp.accounts.models import User
from webapp.catalog import library, variables
from webapp.catalog.compatibility import Finding, check
from webapp.catalog.spec import LabSpec
from webapp.catalog.variables import GENERATIONS, Parsed
from webapp.definitions.models import Definition, Revision
from webapp.definitions.queries import find_definitions, listed, revisions_of
from webapp.labs.access import can, require
from webapp.web.definition_draft import Draft, draft_of_text
from webapp.web.definition_form import form_view
from webapp.web.forms import ImportForm, NameForm
from webapp.web.requests import Request

Context = dict[str, object]


def environments() -> Path:
    return Path(settings.ENVIRONMENTS_DIR)


def find_definition(request: Request, slug: str, action: str = "definition.see") -> Definition:
    """Return a definition the person may do `action` on; Http404, PermissionDenied."""
    definition = get_object_or_404(Definition.objects.select_related("owner"), slug=slug)
    require(request.user, action, definition=definition)
    return definition


def list_context(request: Request) -> Context:
    asked = {name: request.GET.get(name, "").strip() for name in ("q", "mine", "archived")}
    owner = request.user if asked["mine"] else None
    found = find_definitions(text=asked["q"], owner=owner, is_archived=bool(asked["archived"]))
    return {
        "rows": listed(found),
        "asked": asked,
        "is_filtered": any(asked.values()),
        "may_edit": can(request.user, "definition.edit"),
        "may_launch": can(request.user, "lab.launch"),
    }


def choose_context(form: ImportForm | None = None) -> Context:
    return {"presets": library.presets(environments()), "import_form": form or ImportForm()}


def preset_or_404(name: str) -> library.Preset:
    preset = library.preset(environments(), name)
    if preset is None:
        raise Http404(f"There is no preset {name}.")
    return preset


def editor_context(draft: Draft, names: NameForm, definition: Definition | None = None) -> Context:
    """The editor of a new definition, or of the next revision of one."""
    action = reverse("definition-edit", args=[definition.slug]) if definition else reverse("definition-new")
    return {**draft_context(draft), "names": names, "definition": definition, "action": action}


def draft_context(draft: Draft) -> Context:
    return {
        "draft": draft,
        "form": form_view(draft.data, draft.problems),
        "notes": draft.parsed.notes if draft.parsed else (),
        "findings": findings_of(draft.parsed.spec) if draft.parsed else (),
        "generation": GENERATIONS[draft.parsed.generation] if draft.parsed else "",
    }


def findings_of(spec: LabSpec) -> tuple[Finding, ...]:
    return check(spec, library.versions(environments()))


def names_of(definition: Definition) -> Context:
    """What the editor begins with; `seen` is the newest revision, to tell who was faster meanwhile."""
    seen = definition.revisions.count()
    return {"name": definition.name, "description": definition.description, "seen": seen}


def draft_of_newest(definition: Definition) -> Draft:
    return draft_of_text(revisions_of(definition)[0].text)


def pick_revision(revisions: Sequence[Revision], number: str) -> Revision:
    """Return the revision of that number, the newest for ""; Http404 for another."""
    found = [revision for revision in revisions if str(revision.number) == number or not number]
    if not found:
        raise Http404(f"There is no revision {number}.")
    return found[0]


def detail_context(definition: Definition, number: str, user: User) -> Context:
    """One revision, what it means, and all others."""
    revisions = revisions_of(definition)
    revision = pick_revision(revisions, number)
    parsed = reread(revision)
    spec = LabSpec.from_json(revision.spec)
    return {
        "definition": definition,
        "revision": revision,
        "revisions": revisions,
        "newest": revisions[0],
        "spec": spec,
        "parsed": parsed,
        "notes": parsed.notes if parsed else (),
        "findings": findings_of(spec),
        "generation": GENERATIONS[parsed.generation] if parsed else "",
        "generations": GENERATIONS,
        "may_edit": can(user, "definition.edit", definition=definition),
        "may_create": can(user, "definition.edit"),
        "may_launch": can(user, "lab.launch") and definition.archived_at is None,
    }


def reread(revision: Revision) -> Parsed | None:
    """Read a stored text again for its notes; None where today's rules refuse it."""
    try:
        return variables.read(revision.text)
    except variables.DefinitionError:
        return None


def compared(definition: Definition, query: Mapping[str, str]) -> tuple[Revision, Revision, list[Revision]]:
    """Return the two revisions that the address asks for: the newest and the one before by default."""
    revisions = revisions_of(definition)
    after = pick_revision(revisions, query.get("after", ""))
    older = next((one for one in revisions if one.number < after.number), after)
    before = pick_revision(revisions, query.get("before", "") or str(older.number))
    return before, after, revisions
