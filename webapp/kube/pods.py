"""A Pod of the API → `PodFacts`. Pure; no input makes it raise."""

from collections.abc import Iterable, Mapping

from webapp.kube.facts import ContainerFacts, PodFacts
from webapp.kube.loose import at, mapping, objects, text, truth, when, whole

MESSAGE = 1000
OS_LABELS = ("kubernetes.io/os", "beta.kubernetes.io/os")
APP_LABELS = ("k8s-app", "app.kubernetes.io/name", "app", "component")
Object = Mapping[str, object]


def parse_pod(item: Object) -> PodFacts | None:
    name = text(item, "metadata", "name")
    if not name:
        return None
    labels, ready = mapping(item, "metadata", "labels"), ready_of(item)
    return PodFacts(
        namespace=text(item, "metadata", "namespace"),
        name=name,
        node=text(item, "spec", "nodeName"),
        app=first_label(labels, APP_LABELS),
        owner=owner_of(item),
        phase=text(item, "status", "phase"),
        is_ready={"True": True, "False": False}.get(ready),
        ip=text(item, "status", "podIP"),
        os=text(item, "spec", "os", "name") or first_label(mapping(item, "spec", "nodeSelector"), OS_LABELS),
        is_host_process=is_host_process(item),
        reason=text(item, "status", "reason"),
        message=text(item, "status", "message")[:MESSAGE] or unscheduled(item),
        containers=tuple(filter(None, map(parse_container, container_statuses(item)))),
        created_at=when(item, "metadata", "creationTimestamp"),
    )


def ready_of(item: Object) -> str:
    conditions = objects(item, "status", "conditions")
    return next((text(entry, "status") for entry in conditions if text(entry, "type") == "Ready"), "")


def unscheduled(item: Object) -> str:
    """Return why the scheduler has no place for it."""
    for entry in objects(item, "status", "conditions"):
        if text(entry, "type") == "PodScheduled" and text(entry, "status") == "False":
            return text(entry, "message")[:MESSAGE]
    return ""


def owner_of(item: Object) -> str:
    for owner in objects(item, "metadata", "ownerReferences"):
        if truth(owner, "controller"):
            return f"{text(owner, 'kind')} {text(owner, 'name')}".strip()
    return ""


def is_host_process(item: Object) -> bool:
    contexts = [item.get("spec"), *objects(item, "spec", "containers")]
    return any(truth(at(c, "securityContext", "windowsOptions"), "hostProcess") for c in contexts)


def container_statuses(item: Object) -> list[Object]:
    """Those of init containers first: while one of them fails, the others only wait for it."""
    statuses = mapping(item, "status")
    return [*objects(statuses, "initContainerStatuses"), *objects(statuses, "containerStatuses")]


def parse_container(item: Object) -> ContainerFacts | None:
    name = text(item, "name")
    if not name:
        return None
    states = mapping(item, "state")
    state = next((key for key in ("waiting", "terminated", "running") if key in states), "")
    return ContainerFacts(
        name,
        image=text(item, "image"),
        is_ready=truth(item, "ready"),
        restarts=max(whole(item, "restartCount") or 0, 0),
        state=state,
        reason=text(states, state, "reason"),
        message=text(states, state, "message")[:MESSAGE],
    )


def first_label(labels: Object, names: Iterable[str]) -> str:
    return next((text(labels, name) for name in names if text(labels, name)), "")
