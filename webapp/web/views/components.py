"""Components, the kit's and the team's own; followed branches."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from webapp.builds.components import add_component, remove_component
from webapp.builds.errors import BuildError
from webapp.builds.follow import follow_branch, inject_into, stop_follow
from webapp.builds.models import Follow, UserComponent
from webapp.builds.queries import all_follows, kit_components, user_components
from webapp.labs.access import can, require
from webapp.labs.models import Lab
from webapp.web.forms_builds import ComponentForm
from webapp.web.pages_bisects import operable_labs
from webapp.web.pages_builds import see_build
from webapp.web.requests import Request


def components_context(request: Request, form: ComponentForm | None = None) -> dict[str, object]:
    require(request.user, "build.see")
    return {
        "kit": kit_components(),
        "added": user_components(),
        "form": form or ComponentForm(),
        "may_add": can(request.user, "build.request"),
    }


@require_GET
def components(request: Request) -> HttpResponse:
    return render(request, "builds/components.html", components_context(request))


@require_POST
def component_add(request: Request) -> HttpResponse:
    require(request.user, "build.request")
    form = ComponentForm(request.POST)
    if form.is_valid():
        try:
            row = add_component(form.component(), request.user)
        except BuildError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{row.name} can be built now, by everybody.")
            return redirect("components")
    return render(request, "builds/components.html", components_context(request, form), status=422)


@require_POST
def component_remove(request: Request, pk: int) -> HttpResponse:
    """Take a component off the list; who added it may, and an administrator."""
    require(request.user, "build.request")
    row = get_object_or_404(UserComponent, pk=pk)
    if row.added_by_id != request.user.pk:
        require(request.user, "people.manage")
    remove_component(row, request.user)
    messages.success(request, f"{row.name} is no longer on the list; what was built of it stays.")
    return redirect("components")


@require_GET
def follows(request: Request) -> HttpResponse:
    require(request.user, "build.see")
    may_change = can(request.user, "build.request")
    labs = operable_labs(request) if may_change else []
    context = {"follows": all_follows(), "may_stop": may_change, "labs": labs}
    return render(request, "builds/follows.html", context)


@require_POST
def follow_add(request: Request, pk: int) -> HttpResponse:
    """Follow the branch that a build is of."""
    require(request.user, "build.request")
    try:
        follow = follow_branch(see_build(request, pk), request.user)
    except BuildError as error:
        messages.error(request, str(error))
        return redirect("build", pk)
    messages.success(request, f"{follow.ref} is built again whenever it moves.")
    return redirect("follows")


@require_POST
def follow_stop(request: Request, pk: int) -> HttpResponse:
    require(request.user, "build.request")
    stop_follow(get_object_or_404(Follow, pk=pk), request.user)
    return redirect("follows")


@require_POST
def follow_inject(request: Request, pk: int) -> HttpResponse:
    """Put what a follow builds from now on onto a lab; without one, only build."""
    require(request.user, "build.request")
    follow = get_object_or_404(Follow, pk=pk)
    if follow.added_by_id != request.user.pk:  # it is injected in the name of who follows
        require(request.user, "people.manage")
    slug = request.POST.get("lab", "")
    lab = (
        get_object_or_404(Lab.objects.select_related("owner"), slug=slug, destroyed_at=None) if slug else None
    )
    if lab is not None:
        require(request.user, "lab.operate", lab)
    inject_into(follow, lab, request.user)
    where = f"is put on {lab.name}" if lab else "is built only"
    messages.success(request, f"What comes of {follow.ref} {where}.")
    return redirect("follows")
