"""What older releases of Kubernetes do not know: refused with a sentence, or left out. Pure.

A cluster's release is taken from its nodes: the newest kubelet's, since the API is at least as new.
`spec.os` is in the API from 1.23 on, HostProcess works from 1.23 on (Kubernetes' own release notes); an older
API refuses a whole object for one field that it does not know.
"""

import re
from collections.abc import Iterable, Mapping

from webapp.cluster.objects import TEMPLATES, Object
from webapp.kube.facts import KubeFacts
from webapp.kube.loose import mapping

Release = tuple[int, int]
RELEASE = re.compile(r"v?(\d+)\.(\d+)")
OS_FIELD: Release = (1, 23)


def release(text: str) -> Release | None:
    found = RELEASE.match(text)
    return (int(found[1]), int(found[2])) if found else None


def newest_release(kube: KubeFacts) -> Release | None:
    """Return the newest kubelet's release; None when no node tells one."""
    return max(filter(None, (release(node.version) for node in kube.nodes)), default=None)


def too_old(since: str, kube: KubeFacts) -> str:
    """Say that the cluster is older than what is needed ("1.23"); "" when it is not, or nobody knows."""
    needed, has = release(since), newest_release(kube)
    if needed is None or has is None or has >= needed:
        return ""
    return f"it needs Kubernetes {since}, and the nodes run {has[0]}.{has[1]}"


def without_unknown(documents: Iterable[Object], kube: KubeFacts) -> tuple[Object, ...]:
    """Leave `spec.os` of pods out where the API does not know it: it only names what the selector chooses."""
    has = newest_release(kube)
    if has is None or has >= OS_FIELD:
        return tuple(documents)
    return tuple(without_os(document) for document in documents)


def without_os(document: Object) -> Object:
    for path in TEMPLATES[1:]:
        if isinstance(mapping(document, *path).get("os"), Mapping):
            return without(document, (*path, "os"))
    return document


def without(tree: Mapping[str, object], path: tuple[str, ...]) -> Object:
    first, *rest = path
    if not rest:
        return {key: value for key, value in tree.items() if key != first}
    return {**tree, first: without(mapping(tree, first), tuple(rest))}
