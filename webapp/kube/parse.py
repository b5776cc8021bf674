"""JSON of the API (Kubernetes 1.20 to 1.36) → frozen facts. Pure; no input makes it raise.

Takes what `kubectl get … -o json` prints or what the API's lists give. Certificates, secrets and
managed fields are not passed on.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, get_args

from webapp.kube.facts import (
    Condition,
    EventFacts,
    KubeFacts,
    LeaseFacts,
    NodeFacts,
    RequestFacts,
    RequestState,
    TokenFacts,
    Truth,
)
from webapp.kube.loose import at, mapping, objects, text, texts, truth, when, whole
from webapp.kube.pods import MESSAGE, OS_LABELS, first_label, parse_pod

EVENTS_KEPT = 80  # newest first; a cluster in trouble makes thousands
EARLIEST = datetime.min.replace(tzinfo=UTC)
BUILD_LABEL = "node.kubernetes.io/windows-build"
CONTROL_PLANE_LABELS = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
TOKEN_TYPE = "bootstrap.kubernetes.io/token"  # noqa: S105  (a kind of Secret, not one)
NODE_USER = b"system:node:"
Object = Mapping[str, object]


def parse_objects(documents: Iterable[object], missing: Iterable[str] = ()) -> KubeFacts:
    """Gather the facts of lists and single objects in any order.

    `missing` names the kinds that were asked for and not answered. What cannot be read is counted in
    `problems`.
    """
    found: dict[str, list[Any]] = {name: [] for name in FIELDS.values()}  # Any: facts of each kind
    odd = 0
    for item in flat(documents):
        kind = text(item, "kind")
        if kind in FIELDS:
            fact = PARSERS[kind](item)
            found[FIELDS[kind]] += [fact] if fact is not None else []
            odd += fact is None
        else:
            odd += 1
    events = sorted(found.pop("events"), key=lambda event: event.last_at or EARLIEST, reverse=True)
    problems = (f"{odd} objects could not be read.",) if odd else ()
    return KubeFacts(
        **{name: tuple(facts) for name, facts in found.items()},
        events=tuple(events[:EVENTS_KEPT]),
        missing=tuple(missing),
        problems=problems,
    )


def flat(documents: Iterable[object]) -> Iterable[Object]:
    """Yield the objects of lists (whose items may lack their kind, as the API's own do)."""
    for document in documents:
        kind = text(document, "kind")
        if isinstance(document, Mapping) and "items" in document:
            for item in objects(document, "items"):
                yield item if text(item, "kind") else {**item, "kind": kind.removesuffix("List")}
        elif isinstance(document, Mapping):
            yield document


def parse_node(item: Object) -> NodeFacts | None:
    name = text(item, "metadata", "name")
    if not name:
        return None
    labels, info = mapping(item, "metadata", "labels"), mapping(item, "status", "nodeInfo")
    return NodeFacts(
        name=name,
        os=first_label(labels, OS_LABELS) or text(info, "operatingSystem"),
        build=build_of(text(labels, BUILD_LABEL), text(info, "kernelVersion"), text(info, "operatingSystem")),
        version=text(info, "kubeletVersion"),
        runtime=text(info, "containerRuntimeVersion"),
        kernel=text(info, "kernelVersion"),
        os_image=text(info, "osImage"),
        addresses=internal_addresses(item),
        pod_cidrs=texts(item, "spec", "podCIDRs") or texts(item, "spec", "podCIDR"),
        taints=tuple(taint for taint in map(taint_of, objects(item, "spec", "taints")) if taint),
        conditions=tuple(filter(None, map(parse_condition, objects(item, "status", "conditions")))),
        is_control_plane=any(label in labels for label in CONTROL_PLANE_LABELS),
        is_cordoned=truth(item, "spec", "unschedulable") is True,
        created_at=when(item, "metadata", "creationTimestamp"),
    )


def build_of(label: str, kernel: str, os: str) -> str:
    """Return Windows' build: the third part of "10.0.20348" (label) or "10.0.20348.1006" (kernel)."""
    version = label or (kernel if os == "windows" else "")
    parts = version.split(".")
    return parts[2] if len(parts) > 2 and parts[2].isdecimal() else ""


def internal_addresses(item: Object) -> tuple[str, ...]:
    found = objects(item, "status", "addresses")
    return tuple(text(entry, "address") for entry in found if text(entry, "type") == "InternalIP")


def taint_of(taint: Object) -> str:
    key, value, effect = (text(taint, part) for part in ("key", "value", "effect"))
    return f"{key}{'=' + value if value else ''}:{effect}" if key else ""


def parse_condition(item: Object) -> Condition | None:
    name = text(item, "type")
    if not name:
        return None
    return Condition(
        name,
        truth_of(text(item, "status")),
        text(item, "reason"),
        text(item, "message")[:MESSAGE],
        when(item, "lastTransitionTime"),
    )


def truth_of(status: str) -> Truth:
    known: tuple[Truth, ...] = get_args(Truth)
    return next((word for word in known if word == status), "")


def parse_request(item: Object) -> RequestFacts | None:
    name = text(item, "metadata", "name")
    if not name:
        return None
    state, message = request_state(item)
    return RequestFacts(
        name,
        signer=text(item, "spec", "signerName"),
        username=text(item, "spec", "username"),
        node=requested_node(text_of_any_length(at(item, "spec", "request"))),
        state=state,
        message=message,
        created_at=when(item, "metadata", "creationTimestamp"),
    )


def request_state(item: Object) -> tuple[RequestState, str]:
    """Return how far it is; without a status nobody has decided yet."""
    if not mapping(item, "spec"):
        return "unknown", ""
    conditions = {
        text(c, "type"): text(c, "message")[:MESSAGE] for c in objects(item, "status", "conditions")
    }
    for condition, state in (("Denied", "denied"), ("Failed", "failed")):
        if condition in conditions:
            return ("denied" if state == "denied" else "failed"), conditions[condition]
    if "Approved" in conditions:
        return ("issued" if text(item, "status", "certificate") else "approved"), conditions["Approved"]
    return "pending", ""


def text_of_any_length(value: object) -> str:
    return value if isinstance(value, str) else ""


def requested_node(request: str) -> str:
    """Return the node that a request (base64 of PEM) would name, "" when it cannot be read.

    The common name stands in the request's DER as a length byte and the text system:node:NAME.
    """
    try:
        pem = base64.b64decode(request, validate=True)
        lines = [line for line in pem.splitlines() if line and not line.startswith(b"-----")]
        der = base64.b64decode(b"".join(lines), validate=True)
    except (binascii.Error, ValueError):
        return ""
    start = der.find(NODE_USER)
    if start < 1:
        return ""
    length = der[start - 1]
    name = der[start : start + length][len(NODE_USER) :]
    return name.decode("ascii", "replace") if len(name) == length - len(NODE_USER) else ""


def parse_event(item: Object) -> EventFacts | None:
    """Parse a core/v1 Event; newer ones have eventTime and series instead of lastTimestamp and count."""
    about = mapping(item, "involvedObject") or mapping(item, "regarding")
    if not about:
        return None
    times = (
        ("lastTimestamp",),
        ("series", "lastObservedTime"),
        ("eventTime",),
        ("metadata", "creationTimestamp"),
    )
    return EventFacts(
        text(item, "metadata", "namespace"),
        text(about, "kind"),
        text(about, "name"),
        text(item, "type"),
        text(item, "reason"),
        (text(item, "message") or text(item, "note"))[:MESSAGE],
        whole(item, "count") or whole(item, "series", "count") or 1,
        next((found for path in times if (found := when(item, *path))), None),
    )


def parse_lease(item: Object) -> LeaseFacts | None:
    name = text(item, "metadata", "name")
    return LeaseFacts(name, when(item, "spec", "renewTime")) if name else None


def parse_token(item: Object) -> TokenFacts | None:
    """Parse a bootstrap token's Secret; its secret half is not looked at."""
    if text(item, "type") not in (TOKEN_TYPE, ""):
        return None
    data = mapping(item, "data")
    name = text(item, "metadata", "name").removeprefix("bootstrap-token-")
    token_id = plain(data, "token-id") or name
    if not token_id:
        return None
    return TokenFacts(
        token_id,
        when(plain(data, "expiration")),
        plain(data, "description"),
        truth(plain(data, "usage-bootstrap-authentication")) is not False,
    )


def plain(data: Object, key: str) -> str:
    """Return a Secret's value, "" when it is not base64."""
    try:
        return text(base64.b64decode(text(data, key), validate=True).decode("utf-8", "replace"))
    except (binascii.Error, ValueError):
        return ""


FIELDS = {
    "Node": "nodes",
    "Pod": "pods",
    "CertificateSigningRequest": "requests",
    "Event": "events",
    "Lease": "leases",
    "Secret": "tokens",
}
PARSERS: dict[str, Callable[[Object], object | None]] = {
    "Node": parse_node,
    "Pod": parse_pod,
    "CertificateSigningRequest": parse_request,
    "Event": parse_event,
    "Lease": parse_lease,
    "Secret": parse_token,
}
