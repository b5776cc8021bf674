"""Binaries: their passport, download, keeping them, uploading one."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST, require_safe

from webapp.builds.artifacts import path_of
from webapp.builds.errors import BuildError
from webapp.builds.models import Artifact
from webapp.builds.queries import all_components, uses_of
from webapp.builds.sources import forge_link, kind_of
from webapp.builds.uploads import keep_artifact, store_upload
from webapp.labs.access import can, require
from webapp.web.bodies import takes_mib
from webapp.web.forms_builds import UploadForm
from webapp.web.pages_builds import new_context
from webapp.web.ranges import serve_file
from webapp.web.requests import Request


def see_artifact(request: Request, pk: int) -> Artifact:
    require(request.user, "build.see")
    return get_object_or_404(Artifact.objects.select_related("build__requested_by", "added_by"), pk=pk)


@require_GET
def artifact(request: Request, pk: int) -> HttpResponse:
    """The passport of one binary."""
    found = see_artifact(request, pk)
    build = found.build
    component = all_components().get(found.component)
    place = component.places.get(found.target.partition("/")[0]) if component else None
    context = {
        "artifact": found,
        "build": build,
        "place": place,
        "uses": uses_of(found),
        "ref_kind": kind_of(build.ref_name) if build and build.commit else "",
        "commit_link": forge_link(build.url, build.commit) if build and build.commit else "",
        "may_keep": can(request.user, "build.request"),
    }
    return render(request, "builds/artifact.html", context)


@require_safe
def artifact_download(request: Request, pk: int) -> HttpResponseBase:
    found = see_artifact(request, pk)
    path = path_of(found.sha256)
    if found.removed_at is not None or not path.exists():
        raise Http404("The quota took this binary; build it again.")
    return serve_file(request, path, name=found.file_name, etag=found.sha256)


@require_POST
def artifact_keep(request: Request, pk: int) -> HttpResponse:
    """Hold a binary back from the quota, or give it free."""
    require(request.user, "build.request")
    keep_artifact(see_artifact(request, pk), request.user, is_kept=request.POST.get("keep") == "1")
    return redirect("artifact", pk)


@takes_mib(lambda: settings.UPLOAD_LIMIT_MIB)
@require_POST
def artifact_upload(request: Request) -> HttpResponse:
    """Keep a file that somebody brings."""
    require(request.user, "build.request")
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        given = form.cleaned_data
        try:
            made = store_upload(
                blocks=given["file"].chunks(),
                name=given["file"].name,
                component=given["component"],
                target=given["target"],
                version=given["version"],
                by=request.user,
            )
        except BuildError as error:
            form.add_error("file", str(error))
        else:
            messages.success(request, f"{made.file_name} is stored.")
            return redirect("artifact", made.pk)
    return render(request, "builds/new.html", new_context(request, upload_form=form), status=422)
