"""What every page about a cluster begins with: which one, who may do what, its addresses and tabs.

A lab's cluster lives below /labs/<slug>/cluster/, an attached one below /clusters/<pk>/; both have the
same pages. Each view takes `slug` or `pk` and asks `see_cluster` for the `Place`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from webapp.accounts.models import User
from webapp.cluster.actions import cluster_of, note_watching
from webapp.cluster.models import Cluster
from webapp.cluster.queries import find_cluster
from webapp.labs.access import can, require
from webapp.labs.models import Lab
from webapp.labs.queries import whole_labs
from webapp.web.requests import Request

Context = dict[str, object]
# Part of the address → word; what an attached cluster has not is left out of its tabs.
TABS = (
    ("ladder", "Ladder"),
    ("services", "Services"),
    ("network", "Network"),
    ("logs", "Logs"),
    ("workloads", "Workloads"),
    ("connectivity", "Connectivity"),
    ("readiness", "Readiness"),
    ("bundle", "Bundle"),
    ("machines", "Machines"),
)
ONLY_OF_LABS: frozenset[str] = frozenset()
ONLY_OF_ATTACHED = frozenset({"machines"})


@dataclass(frozen=True)
class Urls:
    """Addresses of one cluster's pages by their names: `place.urls.services` in a template."""

    prefix: str
    key: str | int

    def __getitem__(self, name: str) -> str:
        return reverse(f"{self.prefix}-{name.replace('_', '-')}", args=[self.key])

    def of(self, name: str, *args: str | int) -> str:
        return reverse(f"{self.prefix}-{name}", args=[self.key, *args])


@dataclass(frozen=True)
class Tab:
    """One of the cluster's pages."""

    name: str
    title: str
    url: str
    is_current: bool


@dataclass(frozen=True)
class Place:
    """A cluster that `user` may see. `refusal`: why it may not be changed by them, "" if it may."""

    cluster: Cluster
    lab: Lab | None
    user: User
    refusal: str

    @property
    def may_change(self) -> bool:
        return not self.refusal

    @property
    def urls(self) -> Urls:
        return Urls("cluster", self.lab.slug) if self.lab is not None else Urls("attached", self.cluster.pk)

    @property
    def topics(self) -> str:
        """What its pages listen to; a lab's nudges tell of its cluster as well."""
        return f"lab-{self.lab.pk}" if self.lab is not None else f"cluster-{self.cluster.pk}"

    @property
    def name(self) -> str:
        return self.lab.name if self.lab is not None else self.cluster.name

    def saved(self) -> Cluster:
        """Return the cluster's row, made if nobody has looked at this lab yet."""
        return self.cluster if self.cluster.pk is not None or self.lab is None else cluster_of(self.lab)

    def tabs(self, current: str) -> list[Tab]:
        shown: Iterable[tuple[str, str]] = (
            (name, title)
            for name, title in TABS
            if name not in (ONLY_OF_LABS if self.lab is None else ONLY_OF_ATTACHED)
        )
        return [Tab(name, title, self.urls[name], name == current) for name, title in shown]


def see_cluster(request: Request, *, slug: str = "", pk: int = 0) -> Place:
    """Return the cluster of a lab, or an attached one. Raises Http404, PermissionDenied."""
    return see_lab_cluster(request.user, slug) if slug else see_attached(request.user, pk)


def see_lab_cluster(user: User, slug: str) -> Place:
    lab = get_object_or_404(whole_labs(), slug=slug)
    require(user, "lab.see", lab)
    cluster = find_cluster(lab)
    cluster.lab = lab  # with its machines, which are loaded already
    refusal = "" if can(user, "lab.operate", lab) else "you may look at this lab, not operate it"
    if lab.destroyed_at is not None:
        refusal = "this lab has been destroyed"
    return Place(cluster, lab, user, refusal)


def see_attached(user: User, pk: int) -> Place:
    require(user, "cluster.see")
    cluster = Cluster.objects.select_related("owner").filter(pk=pk, lab=None).first()
    if cluster is None:
        raise Http404(f"There is no attached cluster {pk}.")
    may_manage = can(user, "cluster.manage", owner_id=cluster.owner_id)
    owner = cluster.owner.username if cluster.owner is not None else "nobody"
    return Place(cluster, None, user, "" if may_manage else f"only {owner} acts with this kubeconfig")


def watch(place: Place) -> None:
    """Somebody has a page open: let the looks be fast for a while."""
    if place.lab is None:
        note_watching(place.cluster, timezone.now())
    elif place.lab.destroyed_at is None:
        note_watching(place.lab, timezone.now())


def frame_context(place: Place, tab: str) -> Context:
    """What cluster/base.html needs; pages add their own."""
    return {
        "place": place,
        "cluster": place.cluster,
        "lab": place.lab,
        "tabs": place.tabs(tab),
        "tab": tab,
    }
