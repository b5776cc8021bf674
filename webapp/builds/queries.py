"""What pages ask of builds: components that exist, lists, pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from webapp.accounts.models import User
from webapp.builds.models import Artifact, ArtifactUse, Build, Follow, UserComponent
from webapp.catalog import library
from webapp.catalog.components import Component, Prebuilt
from webapp.executions.models import Status


def kit_components() -> tuple[Component, ...]:
    return library.components(Path(settings.ENVIRONMENTS_DIR)).components


def all_components() -> dict[str, Component]:
    """Return the kit's components, then those that users added, by name."""
    added = [Component.from_json(row.component) for row in UserComponent.objects.all()]
    return {component.name: component for component in (*kit_components(), *added)}


def prebuilt_sources() -> dict[str, Prebuilt]:
    return {source.name: source for source in library.components(Path(settings.ENVIRONMENTS_DIR)).prebuilt}


def go_table() -> dict[str, str]:
    """Return the kit's Go by Kubernetes minor, for trees that do not say."""
    versions = library.versions(Path(settings.ENVIRONMENTS_DIR))
    return {minor: pins.go for minor, pins in versions.minors.items()}


@dataclass(frozen=True)
class Asked:
    """What the list of builds is filtered by; "" = by nothing."""

    status: str = ""
    component: str = ""
    text: str = ""
    is_mine: bool = False

    @property
    def is_filtered(self) -> bool:
        return bool(self.status or self.component or self.text or self.is_mine)


STATUSES = {
    "open": (Status.PENDING, Status.RUNNING),
    "succeeded": (Status.SUCCEEDED,),
    "failed": (Status.FAILED, Status.INTERRUPTED, Status.CANCELED),
}


def find_builds(user: User, asked: Asked) -> QuerySet[Build]:
    """Filter builds, newest first; `text` is looked for in ref, commit, repository, version and person."""
    found = Build.objects.select_related("requested_by").prefetch_related("artifacts")
    if asked.status in STATUSES:
        found = found.filter(status__in=STATUSES[asked.status])
    if asked.is_mine:
        found = found.filter(requested_by=user)
    if asked.component:
        found = found.filter(names_text__contains=f" {asked.component} ")
    if asked.text:
        found = found.filter(
            Q(ref__icontains=asked.text)
            | Q(commit__startswith=asked.text.lower())
            | Q(url__icontains=asked.text)
            | Q(version__icontains=asked.text)
            | Q(requested_by__username__icontains=asked.text)
        )
    return found


def count_by_status() -> dict[str, int]:
    """Return how many builds each filter would show."""
    counts = dict(Build.objects.order_by().values_list("status").annotate(count=Count("id")))
    return {name: sum(counts.get(status, 0) for status in statuses) for name, statuses in STATUSES.items()}


def whole_build(pk: int) -> Build | None:
    """Read a build with everything its page shows."""
    rows = Build.objects.select_related("requested_by", "cancel_requested_by", "continues", "log")
    return rows.prefetch_related("artifacts", "continued_by").filter(pk=pk).first()


def known_urls(kit_url: str, local: Sequence[str]) -> list[str]:
    """Return addresses to choose from: the kit's, the administrator's, those of the newest builds."""
    recent = Build.objects.filter(kind=Build.Kind.COMPILE).order_by("-id").values_list("url", flat=True)[:50]
    return list(dict.fromkeys([kit_url, *local, *recent]))[:20]


def user_components() -> list[tuple[UserComponent, Component]]:
    rows = UserComponent.objects.select_related("added_by")
    return [(row, Component.from_json(row.component)) for row in rows]


def all_follows() -> QuerySet[Follow]:
    return Follow.objects.select_related("added_by", "last_build", "lab")


def uses_of(artifact: Artifact) -> QuerySet[ArtifactUse]:
    """Return where this very content lies now."""
    same = ArtifactUse.objects.filter(artifact__sha256=artifact.sha256, ended_at=None, lab__destroyed_at=None)
    return same.select_related("lab")
