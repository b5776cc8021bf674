"""Kubernetes objects that may be applied from here: read, checked, put into the lab's namespace. Pure.

What is refused: kinds outside the table (roles, webhooks, nodes, …), another namespace, YAML that is
too large or cannot be read. What is said: everything that reaches the node itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from webapp.kube.loose import at, mapping, objects, text, truth

Object = dict[str, Any]  # Any: a Kubernetes object is JSON
MOST_BYTES = 256 * 1024
MOST_OBJECTS = 60
MOST_DEPTH = 40
OWN_LABEL = "labkit/workload"
# kind → (apiVersion, plural); all of them live in a namespace.
KINDS: dict[str, tuple[str, str]] = {
    "Pod": ("v1", "pods"),
    "Service": ("v1", "services"),
    "ConfigMap": ("v1", "configmaps"),
    "Secret": ("v1", "secrets"),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims"),
    "Deployment": ("apps/v1", "deployments"),
    "DaemonSet": ("apps/v1", "daemonsets"),
    "StatefulSet": ("apps/v1", "statefulsets"),
    "ReplicaSet": ("apps/v1", "replicasets"),
    "Job": ("batch/v1", "jobs"),
    "CronJob": ("batch/v1", "cronjobs"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "Ingress": ("networking.k8s.io/v1", "ingresses"),
    "HorizontalPodAutoscaler": ("autoscaling/v2", "horizontalpodautoscalers"),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets"),
}
TEMPLATES = (
    (),
    ("spec",),
    ("spec", "template", "spec"),
    ("spec", "jobTemplate", "spec", "template", "spec"),
)
HOST_PROCESS = (
    "HostProcess: its containers run as jobs on the Windows node itself, see its files and services, "
    "and are not isolated."
)


@dataclass(frozen=True)
class Checked:
    """A manifest after checking: `problems` forbid it, `warnings` are said before it is applied."""

    documents: tuple[Object, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Unreadable(ValueError):
    """The text is no manifest; a sentence with the line."""


class Loader(yaml.SafeLoader):
    """No aliases: a few bytes of them can mean gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                None, None, "aliases are not read here; write it out", event.start_mark
            )
        return super().compose_node(parent, index)


def check_own(given: str, namespace: str) -> Checked:
    """Read what somebody pasted; each problem says where it is."""
    try:
        documents = read_documents(given)
    except Unreadable as error:
        return Checked(problems=(str(error),))
    problems = [
        problem for number, one in enumerate(documents, 1) for problem in check(one, number, namespace)
    ]
    if problems:
        return Checked(problems=tuple(problems))
    placed = tuple(place(one, namespace) for one in documents)
    return Checked(placed, warnings=tuple(dict.fromkeys(w for one in placed for w in warn(one))))


def read_documents(given: str) -> list[object]:
    """Return the objects of a manifest. Raises Unreadable."""
    if len(given.encode("utf-8", "replace")) > MOST_BYTES:
        raise Unreadable(f"This is larger than {MOST_BYTES // 1024} KiB.")
    try:
        found = list(flat(tree for tree in yaml.load_all(given, Loader) if tree is not None))
    except yaml.MarkedYAMLError as error:
        raise Unreadable(where(error)) from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise Unreadable(f"This is no YAML: {error}"[:300]) from error
    if not found:
        raise Unreadable("There is no object in it.")
    if len(found) > MOST_OBJECTS:
        raise Unreadable(f"These are {len(found)} objects; at most {MOST_OBJECTS} go at once.")
    return found


def read_objects(manifest: str) -> list[Object]:
    """Return the objects of a manifest that was checked before it was stored."""
    found: list[Any] = read_documents(manifest)  # Any: see Object
    return found


def named(document: Object) -> str:
    """Return an object's kind and name as one word: "deployment/web"."""
    return f"{document['kind'].lower()}/{document['metadata']['name']}"


def where(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark
    line = f"Line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return f"{line}{error.problem or error.context or 'this is no YAML'}."


def flat(found: Iterable[object]) -> Iterable[object]:
    """Yield the objects of Lists as if they stood by themselves."""
    for tree in found:
        if isinstance(tree, Mapping) and text(tree, "kind") == "List":
            yield from tree.get("items") or ()
        else:
            yield tree


def check(tree: object, number: int, namespace: str) -> Iterable[str]:
    """Yield what forbids one object."""
    if not isinstance(tree, Mapping) or not text(tree, "kind"):
        yield f"Object {number} has no kind."
        return
    kind, name = text(tree, "kind"), text(tree, "metadata", "name")
    label = f"Object {number} ({kind} {name})".replace(" )", ")")
    if kind not in KINDS:
        yield f"{label}: this kind is not applied from here. Allowed: {', '.join(KINDS)}."
    elif text(tree, "apiVersion") != KINDS[kind][0]:
        yield f"{label}: its apiVersion has to be {KINDS[kind][0]}."
    if not name or len(name) > 253:
        yield f"{label} needs metadata.name (generateName could not be removed again)."
    if text(tree, "metadata", "namespace") not in ("", namespace):
        yield f"{label}: all goes into the namespace {namespace}; leave metadata.namespace out."
    if depth(tree) > MOST_DEPTH:
        yield f"{label} is nested too deeply."


def depth(tree: object) -> int:
    level, found = [tree], 0
    while level and found <= MOST_DEPTH:
        children = [list(one.values()) if isinstance(one, Mapping) else one for one in level]
        level = [
            child
            for several in children
            if isinstance(several, list)
            for child in several
            if isinstance(child, Mapping | list)
        ]
        found += 1
    return found


def place(tree: object, namespace: str) -> Object:
    """Return the object within the namespace."""
    given = dict(mapping(tree))
    return {**given, "metadata": {**mapping(given, "metadata"), "namespace": namespace}}


def warn(document: Object) -> Iterable[str]:
    """Yield what reaches beyond the container."""
    for path in TEMPLATES[1:]:
        spec = mapping(document, *path)
        contexts = [spec, *objects(spec, "initContainers"), *objects(spec, "containers")]
        if any(truth(at(one, "securityContext", "windowsOptions"), "hostProcess") for one in contexts):
            yield HOST_PROCESS
        if any(truth(one, "securityContext", "privileged") for one in contexts):
            yield "Privileged: a container that may do what root on the node may."
        if any(truth(spec, key) for key in ("hostNetwork", "hostPID", "hostIPC")):
            yield "It uses the node's own network or processes."
        if any(mapping(volume, "hostPath") for volume in objects(spec, "volumes")):
            yield "It mounts folders of the node (hostPath)."
    if text(document, "spec", "type") in ("NodePort", "LoadBalancer"):
        yield "Its Service is reached from outside the cluster."


def labelled(documents: Sequence[Object], name: str) -> tuple[Object, ...]:
    """Mark each object, and each pod it makes, as belonging to a workload."""
    return tuple(with_label(document, name) for document in documents)


def with_label(document: Object, name: str) -> Object:
    metadata = document["metadata"]
    found = {**document, "metadata": {**metadata, "labels": {**mapping(metadata, "labels"), OWN_LABEL: name}}}
    template = mapping(document, "spec", "template")
    if template and document["kind"] != "Ingress":
        inner = mapping(template, "metadata")
        labels = {**mapping(inner, "labels"), OWN_LABEL: name}
        found["spec"] = {
            **document["spec"],
            "template": {**template, "metadata": {**inner, "labels": labels}},
        }
    return found


def namespace_object(name: str) -> Object:
    """Return the namespace; HostProcess needs its pods to be allowed what is privileged."""
    labels = {"pod-security.kubernetes.io/enforce": "privileged", "app.kubernetes.io/managed-by": "labkit"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def with_protocols(document: Object) -> Object:
    """Say TCP where a Service's port leaves it to the default, which older servers' apply does not know.

    Kubernetes 1.20 refuses it: "omits key field protocol" (its list of ports is keyed by port and protocol).
    """
    ports = objects(document, "spec", "ports") if document["kind"] == "Service" else []
    if not ports:
        return document
    told = [{"protocol": "TCP", **port} for port in ports]
    return {**document, "spec": {**document["spec"], "ports": told}}


def path_of(document: Object) -> str:
    """Return the object's own address at the API."""
    name, space = text(document, "metadata", "name"), text(document, "metadata", "namespace")
    if document["kind"] == "Namespace":
        return f"/api/v1/namespaces/{name}"
    version, plural = KINDS[document["kind"]]
    root = "/api/v1" if version == "v1" else f"/apis/{version}"
    return f"{root}/namespaces/{space}/{plural}/{name}"


def to_yaml(documents: Iterable[Object]) -> str:
    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=110)
