"""Workloads: the catalogue of environments/workloads, and what somebody pastes; applied, shown, removed.

apply_recipe, apply_own ─► Workload (the very manifest) ─► Errand apply ─► workload_run ─► looks show its pods
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings

from webapp.accounts.models import User
from webapp.catalog import library
from webapp.cluster.errands import ErrandError
from webapp.cluster.models import Cluster, Errand, Workload
from webapp.cluster.objects import (
    OWN_LABEL,
    Object,
    check_own,
    place,
    read_objects,
    warn,
)
from webapp.cluster.older import too_old, without_unknown
from webapp.cluster.workload_store import remove_workload, store_and_apply
from webapp.kube.facts import EventFacts, KubeFacts, NodeFacts, PodFacts
from webapp.kube.loose import mapping

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
TAGS = {"17763": "ltsc2019", "20348": "ltsc2022", "26100": "ltsc2025"}
BUILD_LABEL = "node.kubernetes.io/windows-build"
EVENTS_SHOWN = 8


@dataclass(frozen=True)
class Recipe:
    """A ready workload. `needs`: the systems whose nodes it runs on; `warnings`: what it does to nodes.

    `since`: the first release of Kubernetes that has what it shows, "" = any.
    """

    key: str
    title: str
    says: str
    needs: tuple[str, ...]
    order: int
    documents: tuple[Object, ...]
    warnings: tuple[str, ...]
    since: str = ""


@dataclass(frozen=True)
class WorkloadView:
    """A workload with what was last seen of it. `state`: ready, working, failed or unknown."""

    workload: Workload
    state: str
    word: str
    pods: tuple[PodFacts, ...] = ()
    events: tuple[EventFacts, ...] = ()
    errand: Errand | None = None


def recipes() -> dict[str, Recipe]:
    """Return the catalogue in its order."""
    texts = library.workload_texts(Path(settings.ENVIRONMENTS_DIR))
    found = [parsed(key, text) for key, text in texts.items()]
    return {recipe.key: recipe for recipe in sorted(found, key=lambda recipe: recipe.order)}


@lru_cache(maxsize=32)
def parsed(key: str, text: str) -> Recipe:
    head, *documents = yaml.safe_load_all(text)
    warnings = tuple(dict.fromkeys(warning for one in documents for warning in warn(one)))
    return Recipe(
        key,
        head["title"],
        head["says"],
        tuple(head["needs"]),
        head["order"],
        tuple(documents),
        warnings,
        since=head.get("since", ""),
    )


def namespace_of(cluster: Cluster) -> str:
    """Return where all workloads of a cluster live: a namespace of its own, easy to find and to delete."""
    return (
        f"labkit-{cluster.lab.slug}"[:60].rstrip("-") if cluster.lab is not None else f"labkit-{cluster.pk}"
    )


def refusal(recipe: Recipe, kube: KubeFacts) -> str:
    """Say why a recipe cannot run here now; "" when it can."""
    missing = [system for system in recipe.needs if not nodes_of(kube, system)]
    if missing:
        return f"there is no {' and no '.join(missing)} node"
    if "{windows_tag}" in str(recipe.documents) and not builds_of(kube):
        return "the build of the Windows nodes is not known, or no image fits it"
    return too_old(recipe.since, kube)


def nodes_of(kube: KubeFacts, system: str) -> tuple[NodeFacts, ...]:
    return tuple(node for node in kube.nodes if node.os == system)


def builds_of(kube: KubeFacts) -> Counter[str]:
    """Count the Windows nodes by build, those for which there are images."""
    return Counter(node.build for node in nodes_of(kube, "windows") if node.build in TAGS)


def rendered(recipe: Recipe, kube: KubeFacts, namespace: str) -> tuple[Object, ...]:
    """Return the recipe's objects for these nodes; nodes of other builds are kept out of it."""
    builds = builds_of(kube)
    build = builds.most_common(1)[0][0] if builds else ""
    images = library.versions(Path(settings.ENVIRONMENTS_DIR)).images
    marks = {**images, "hostprocess_base": images["hostprocess_base"], "windows_tag": TAGS.get(build, "")}
    filled = [fill(document, marks) for document in recipe.documents]
    has_tag = "{windows_tag}" in str(recipe.documents)
    is_mixed = len({node.build for node in nodes_of(kube, "windows")}) > 1
    if has_tag and is_mixed:
        filled = [pinned(document, f"10.0.{build}") for document in filled]
    return tuple(place(document, namespace) for document in without_unknown(filled, kube))


def fill(tree: Any, marks: Mapping[str, str]) -> Any:  # Any: a Kubernetes object is JSON
    """Put values for {marks} in every text."""
    if isinstance(tree, dict):
        return {key: fill(value, marks) for key, value in tree.items()}
    if isinstance(tree, list):
        return [fill(value, marks) for value in tree]
    if isinstance(tree, str):
        for mark, value in marks.items():
            tree = tree.replace("{" + mark + "}", value)
    return tree


def pinned(tree: Any, build: str) -> Any:  # Any: a Kubernetes object is JSON
    """Add the build to each selector of Windows nodes."""
    if isinstance(tree, list):
        return [pinned(value, build) for value in tree]
    if not isinstance(tree, dict):
        return tree
    found = {key: pinned(value, build) for key, value in tree.items()}
    if mapping(found, "nodeSelector").get("kubernetes.io/os") == "windows":
        found["nodeSelector"] = {**found["nodeSelector"], BUILD_LABEL: build}
    return found


# -- actions --------------------------------------------------------------------------


def apply_recipe(cluster: Cluster, key: str, kube: KubeFacts, by: User) -> tuple[Errand, bool]:
    """Apply a ready workload. Raises ErrandError."""
    recipe = recipes().get(key)
    if recipe is None:
        raise ErrandError("There is no such workload.")
    if why := refusal(recipe, kube):
        raise ErrandError(f"{recipe.title} cannot run here: {why}.")
    documents = rendered(recipe, kube, namespace_of(cluster))
    return store_and_apply(cluster, key, documents, by, recipe=key, title=recipe.title)


def apply_own(cluster: Cluster, name: str, text: str, by: User) -> tuple[Errand, bool]:
    """Apply what somebody pasted. Raises ErrandError with what is wrong, a sentence a line."""
    if not NAME.fullmatch(name) or name in recipes():
        raise ErrandError("The name is small letters, digits and dashes, and none of the catalogue's.")
    checked = check_own(text, namespace_of(cluster))
    if checked.problems:
        raise ErrandError("\n".join(checked.problems[:10]))
    return store_and_apply(cluster, name, checked.documents, by, title=name)


# -- what is seen ---------------------------------------------------------------------


def workload_views(cluster: Cluster, kube: KubeFacts) -> tuple[WorkloadView, ...]:
    """Return the workloads that are here, with their pods as last seen. Two queries."""
    if cluster.pk is None:
        return ()
    rows = list(Workload.objects.filter(cluster=cluster, removed_at=None))
    newest: dict[int | None, Errand] = {}
    for errand in Errand.objects.filter(workload__in=rows).order_by("id"):
        newest[errand.workload_id] = errand
    return tuple(view_of(row, namespace_of(cluster), kube, newest.get(row.pk)) for row in rows)


def view_of(workload: Workload, namespace: str, kube: KubeFacts, errand: Errand | None) -> WorkloadView:
    names = object_names(workload.manifest)
    pods = tuple(pod for pod in kube.pods if pod.namespace == namespace and belongs(pod, names))
    told = {*names, *(pod.name for pod in pods)}
    events = [event for event in kube.events if event.namespace == namespace and is_about(event, told)]
    state, word = state_of(pods, errand)
    return WorkloadView(workload, state, word, pods, tuple(events[:EVENTS_SHOWN]), errand)


@lru_cache(maxsize=256)
def object_names(manifest: str) -> frozenset[str]:
    return frozenset(tree["metadata"]["name"] for tree in read_objects(manifest))


def belongs(pod: PodFacts, names: frozenset[str]) -> bool:
    """A pod has its owner's name before its own ending: "whoami-linux-7d9c-x2x" is of whoami-linux."""
    owner = pod.owner.partition(" ")[2]
    return any(name in (pod.name, owner) or owner.rpartition("-")[0] == name for name in names) or (
        not owner and any(pod.name.startswith(f"{name}-") for name in names)
    )


def is_about(event: EventFacts, names: set[str]) -> bool:
    return any(event.name == name or event.name.startswith(f"{name}-") for name in names)


def state_of(pods: tuple[PodFacts, ...], errand: Errand | None) -> tuple[str, str]:
    """Return state and word; a pod in trouble comes before one that only waits."""
    if errand is not None and errand.is_open:
        return "working", "being removed" if errand.kind == Errand.Kind.REMOVE else "being applied"
    if errand is not None and errand.status != "succeeded":
        return "failed", errand.sentence
    if not pods:
        return "unknown", "no pod seen yet"
    if trouble := next((pod.trouble for pod in pods if pod.trouble and is_bad(pod.trouble)), ""):
        return "failed", trouble
    ready = sum(pod.is_ready is True for pod in pods)
    return ("ready" if ready == len(pods) else "working"), f"{ready} of {len(pods)} pods ready"


def is_bad(trouble: str) -> bool:
    return not trouble.startswith(("ContainerCreating", "PodInitializing"))


__all__ = [
    "OWN_LABEL",
    "Recipe",
    "WorkloadView",
    "apply_own",
    "apply_recipe",
    "namespace_of",
    "recipes",
    "refusal",
    "remove_workload",
    "rendered",
    "workload_views",
]
