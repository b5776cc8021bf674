"""Definitions: the list, one of them, making and editing, importing, exporting, comparing."""

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponsePermanentRedirect, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.catalog import variables
from webapp.catalog.spec import LabSpec
from webapp.definitions.actions import (
    NameNotPossibleError,
    add_revision,
    archive_definition,
    compare,
    create_definition,
    describe_definition,
    restore_definition,
)
from webapp.definitions.models import Definition
from webapp.definitions.queries import revisions_of
from webapp.labs.access import require
from webapp.web.definition_draft import Draft, changed_rows, draft_of_post, draft_of_text, wants_rows
from webapp.web.forms import ImportForm, NameForm
from webapp.web.pages_definitions import (
    choose_context,
    compared,
    detail_context,
    draft_context,
    draft_of_newest,
    editor_context,
    find_definition,
    list_context,
    names_of,
    pick_revision,
    preset_or_404,
)
from webapp.web.requests import Request

MEANWHILE = "Somebody else stored a revision while you edited; yours holds none of theirs: compare the two."
Redirect = HttpResponseRedirect | HttpResponsePermanentRedirect


@require_GET
def definitions(request: Request) -> HttpResponse:
    require(request.user, "definition.see")
    return render(request, "definitions/list.html", list_context(request))


@require_http_methods(["GET", "POST"])
def definition_new(request: Request) -> HttpResponse:
    """Choose where to begin, then edit, then store."""
    require(request.user, "definition.edit")
    if request.method == "POST":
        return save(request, None)
    chosen = request.GET.get("preset")
    if chosen is None:
        return render(request, "definitions/new.html", choose_context())
    if chosen == "":
        return edit(request, draft_of_text(variables.export(LabSpec(), "ours")), NameForm())
    preset = preset_or_404(chosen)
    names = NameForm(initial={"name": preset.title, "description": preset.description[:200]})
    return edit(request, draft_of_text(preset.text), names)


@require_POST
def definition_import(request: Request) -> HttpResponse:
    """Take a variables.yaml: store it when it is right and has a name, else open it in the editor."""
    require(request.user, "definition.edit")
    form = ImportForm(request.POST, request.FILES)
    form.is_valid()  # a name too long is told in the editor
    draft = draft_of_text(form.content())
    names = NameForm({"name": request.POST.get("name", "")} if request.POST.get("name") else None)
    if draft.is_valid and names.is_valid():
        return stored(request, draft, names) or edit(request, draft, names, status=422)
    return edit(request, draft, names, status=200 if draft.is_valid else 422)


@require_http_methods(["GET", "POST"])
def definition_edit(request: Request, slug: str) -> HttpResponse:
    definition = find_definition(request, slug, "definition.edit")
    if request.method == "POST":
        return save(request, definition)
    return edit(request, draft_of_newest(definition), NameForm(initial=names_of(definition)), definition)


@require_POST
def definition_check(request: Request) -> HttpResponse:
    """Fragments: the side that was not typed in, the problems, and what to think of it. Stores nothing."""
    require(request.user, "definition.see")
    draft = changed_rows(draft_of_post(request.POST), request.POST)
    context = {**draft_context(draft), "edited": request.POST.get("edited", "form")}
    return render(request, "definitions/_checked.html", context, status=200 if draft.is_valid else 422)


@require_GET
def definition(request: Request, slug: str) -> HttpResponse:
    found = find_definition(request, slug)
    context = detail_context(found, request.GET.get("revision", ""), request.user)
    return render(request, "definitions/detail.html", context)


@require_GET
def definition_export(request: Request, slug: str, generation: str) -> HttpResponse:
    """Download a revision in the keys of a generation; "text" is the author's own text."""
    found = find_definition(request, slug)
    revision = pick_revision(revisions_of(found), request.GET.get("revision", ""))
    if generation != "text" and generation not in variables.GENERATIONS:
        raise Http404(f"There is no generation {generation}.")
    known = next((one for one in variables.GENERATIONS if one == generation), None)
    text = variables.export(LabSpec.from_json(revision.spec), known) if known else revision.text
    name = f"{found.slug}-r{revision.number}{f'-{known}' if known else ''}.yaml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="text/yaml; charset=utf-8", headers=headers)


@require_GET
def definition_compare(request: Request, slug: str) -> HttpResponse:
    found = find_definition(request, slug)
    before, after, revisions = compared(found, request.GET.dict())
    context = {"definition": found, "before": before, "after": after, "revisions": revisions}
    return render(request, "definitions/compare.html", {**context, "comparison": compare(before, after)})


@require_POST
def definition_archive(request: Request, slug: str) -> Redirect:
    """Archive, or with `restore` bring back; doing it twice changes nothing."""
    found = find_definition(request, slug, "definition.edit")
    if "restore" in request.POST:
        restore_definition(found, request.user)
        messages.success(request, f"{found.name} is on the list again.")
        return redirect("definition", slug)
    archive_definition(found, request.user)
    messages.success(request, f"{found.name} is archived; its labs keep it.")
    return redirect("definitions")


def edit(
    request: Request, draft: Draft, names: NameForm, definition: Definition | None = None, status: int = 200
) -> HttpResponse:
    return render(request, "definitions/edit.html", editor_context(draft, names, definition), status=status)


def save(request: Request, definition: Definition | None) -> HttpResponse:
    """Store what the editor holds; with mistakes, or a machine to add, show it again."""
    draft, names = draft_of_post(request.POST), NameForm(request.POST)
    if wants_rows(request.POST):
        return edit(request, changed_rows(draft, request.POST), names, definition)
    is_right = names.is_valid() and draft.is_valid
    answer = stored(request, draft, names, definition) if is_right else None
    return answer or edit(request, draft, names, definition, status=422)


def stored(
    request: Request, draft: Draft, names: NameForm, definition: Definition | None = None
) -> Redirect | None:
    """Call the action; None when the name cannot be, which `names` then says."""
    said = {key: value for key, value in names.cleaned_data.items() if key != "seen"}
    if definition is not None:
        describe_definition(definition, name=said["name"], description=said["description"])
        revision, is_new = add_revision(definition, text=draft.text, by=request.user, comment=said["comment"])
        if is_new and revision.number > (names.cleaned_data["seen"] or revision.number) + 1:
            messages.warning(request, f"Stored as {revision}. {MEANWHILE}")
        else:
            tell = f"Stored as {revision}." if is_new else f"Nothing was changed; {revision} is the newest."
            messages.success(request, tell)
        return redirect("definition", definition.slug)
    try:
        created = create_definition(text=draft.text, by=request.user, **said)
    except NameNotPossibleError as error:
        names.add_error("name", str(error))
        return None
    messages.success(request, f"{created.name} is stored.")
    return redirect("definition", created.slug)
