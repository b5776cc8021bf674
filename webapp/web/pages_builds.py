"""What the pages of builds show: plain values for the templates, with the reasons why a button is off."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404
from django.utils import timezone

from webapp.builds.actions import resolve_ref
from webapp.builds.errors import BuildError
from webapp.builds.git import Mirror
from webapp.builds.models import Build
from webapp.builds.queries import (
    STATUSES,
    Asked,
    all_components,
    count_by_status,
    find_builds,
    kit_components,
    known_urls,
    whole_build,
)
from webapp.builds.sources import forge_link, kind_of
from webapp.builds.stamp import version_of
from webapp.labs.access import can, require
from webapp.logs import store
from webapp.web.forms_builds import BuildForm, FetchForm, UploadForm
from webapp.web.requests import Request, whole_number

Context = dict[str, object]
PER_PAGE = 50
PLAIN_LINES = 200
FILTER_WORDS = {"open": "working", "succeeded": "succeeded", "failed": "failed"}


def asked_of(request: Request) -> Asked:
    get = request.GET.get
    status = get("status", "")
    return Asked(
        status=status if status in STATUSES else "",
        component=get("component", "")[:40],
        text=get("q", "").strip()[:200],
        is_mine=get("mine") == "1",
    )


def list_context(request: Request) -> Context:
    """Return one page of the list, its filters with their counts, and the links between them."""
    require(request.user, "build.see")
    asked = asked_of(request)
    page = Paginator(find_builds(request.user, asked), PER_PAGE).get_page(request.GET.get("page"))
    counts = count_by_status()
    return {
        "asked": asked,
        "page": page,
        "total": sum(counts.values()),
        "filters": [
            (FILTER_WORDS[name], name, count, link(asked, status=name)) for name, count in counts.items()
        ],
        "all_link": link(asked, status=""),
        "mine_link": link(asked, mine="" if asked.is_mine else "1"),
        "page_link": link(asked, page=""),
        "component_names": list(all_components()),
        "may_build": can(request.user, "build.request"),
    }


def link(asked: Asked, **changes: str) -> str:
    """Return the query of the list with some filters changed; "page" is left open for a number."""
    now = {
        "status": asked.status,
        "component": asked.component,
        "q": asked.text,
        "mine": "1" if asked.is_mine else "",
    }
    kept = {name: value for name, value in {**now, **changes}.items() if value or name == "page"}
    return "?" + urlencode(kept)


def new_context(request: Request, **forms: object) -> Context:
    """Return the three ways to a binary; a form that was sent stays as it was."""
    kit_url = kit_components()[0].repository
    initial = {
        "url": request.GET.get("url", kit_url)[:400],
        "ref": request.GET.get("ref", "")[:200],
        "components": request.GET.getlist("component") or ["kubelet"],
        "targets": ["windows/amd64"],
    }
    return {
        "form": BuildForm(initial=initial),
        "fetch_form": FetchForm(initial={"members": ["kubelet"], "fetch_targets": ["windows/amd64"]}),
        "upload_form": UploadForm(),
        "urls": known_urls(kit_url, settings.BUILD_LOCAL_REPOSITORIES),
        "hosts": settings.BUILD_HOSTS,
        "limit_mib": settings.UPLOAD_LIMIT_MIB,
        **forms,
    }


@dataclass(frozen=True)
class ResolvedView:
    """What a ref is now; `problem` tells why that is not known. All "" while nothing is typed."""

    commit: str = ""
    kind: str = ""
    name: str = ""
    version: str = ""
    link: str = ""
    problem: str = ""


def resolved_view(url: str, ref: str) -> ResolvedView:
    """Ask the repository; the version is known only when the mirror has the commit already."""
    if not ref.strip() or not url.strip():
        return ResolvedView()
    try:
        source, resolved = resolve_ref(url, ref)
    except BuildError as error:
        return ResolvedView(problem=str(error))
    mirror = Mirror(Path(settings.BUILD_HOME), source)
    version = ""
    if mirror.has(resolved):
        version = version_of(mirror.describe(resolved.commit), resolved.commit, 0).text
    return ResolvedView(
        commit=resolved.commit,
        kind=kind_of(resolved.name),
        name=resolved.name,
        version=version,
        link=forge_link(source.url, resolved.commit),
    )


def see_build(request: Request, pk: int) -> Build:
    """Return a build for somebody who may see it; raises Http404 and PermissionDenied."""
    require(request.user, "build.see")
    build = whole_build(pk)
    if build is None:
        raise Http404("There is no such build.")
    return build


def build_context(request: Request, build: Build) -> Context:
    refusal = "" if can(request.user, "build.request") else "You may look at builds, not ask for them."
    is_branch = build.ref_name.startswith(("refs/heads/", "refs/pull/"))
    return {
        "build": build,
        "now": timezone.now(),
        "ref_kind": kind_of(build.ref_name) if build.kind == Build.Kind.COMPILE else "",
        "commit_link": forge_link(build.url, build.commit) if build.commit else "",
        "findings": [
            (
                finding,
                forge_link(build.url, build.commit, finding["path"], finding["line"])
                if finding["path"]
                else "",
            )
            for finding in build.findings
        ],
        "artifacts": list(build.artifacts.all()),
        "next_build": next(iter(build.continued_by.all()), None),
        "cancel_refusal": refusal or cancel_refusal(build),
        "again_refusal": refusal or ("The build has not ended." if build.is_open else ""),
        "follow_refusal": refusal or ("" if is_branch else "Only a branch or a pull request moves."),
    }


def cancel_refusal(build: Build) -> str:
    """Say why a build cannot be canceled now; "" if it can."""
    if not build.is_open:
        return "The build has ended."
    return "It has been asked to stop." if build.cancel_requested_at is not None else ""


def plain_log(request: Request, build: Build) -> Context:
    """Read the page of lines that is shown without JavaScript."""
    newest = max(-1, build.log.line_count - PLAIN_LINES - 1)
    after = max(-1, min(whole_number(request.GET.get("after"), newest), newest))
    read = store.read(build.log_id, after, PLAIN_LINES)
    return {
        "log": build.log,
        "plain_lines": [(machine, stream, text) for _, _, machine, stream, text in read.lines],
        "older_after": max(-1, after - PLAIN_LINES) if after >= 0 else None,
        "newer_after": after + PLAIN_LINES if after < newest else None,
    }
