"""Frozen facts of a cluster's objects: what the ladder needs, and nothing that is secret.

`parse` makes them from `kubectl … -o json` or the API's own answers; `cluster` stores and judges them.
A value that was not given or not understood is "" or None, never a guess.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Truth = Literal["True", "False", "Unknown", ""]  # a condition's status; "" = it has not been told
RequestState = Literal["pending", "approved", "issued", "denied", "failed", "unknown"]


@dataclass(frozen=True)
class Condition:
    """One condition of a node. `since`: when it last changed."""

    type: str
    status: Truth = ""
    reason: str = ""
    message: str = ""
    since: datetime | None = None


@dataclass(frozen=True)
class NodeFacts:
    """A Node. `build` is Windows' build as text ("20348"), `taints` are "key=value:effect"."""

    name: str
    os: str = ""
    build: str = ""
    version: str = ""
    runtime: str = ""
    kernel: str = ""
    os_image: str = ""
    addresses: tuple[str, ...] = ()
    pod_cidrs: tuple[str, ...] = ()
    taints: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    is_control_plane: bool = False
    is_cordoned: bool = False
    created_at: datetime | None = None

    @property
    def ready(self) -> Condition | None:
        return next((condition for condition in self.conditions if condition.type == "Ready"), None)


@dataclass(frozen=True)
class ContainerFacts:
    """One container of a pod; `state` as the API names it: running, waiting, terminated, "" unknown."""

    name: str
    image: str = ""
    is_ready: bool | None = None
    restarts: int = 0
    state: str = ""
    reason: str = ""
    message: str = ""


@dataclass(frozen=True)
class PodFacts:
    """A Pod. `app`: its label k8s-app, app.kubernetes.io/name or app; `owner`: "DaemonSet x"."""

    namespace: str
    name: str
    node: str = ""
    app: str = ""
    owner: str = ""
    phase: str = ""
    is_ready: bool | None = None
    ip: str = ""
    os: str = ""
    is_host_process: bool = False
    reason: str = ""
    message: str = ""
    containers: tuple[ContainerFacts, ...] = ()
    created_at: datetime | None = None

    @property
    def restarts(self) -> int:
        return sum(container.restarts for container in self.containers)

    @property
    def trouble(self) -> str:
        """Return the first thing that is wrong with it, "" if nothing is said to be."""
        for container in self.containers:
            if container.state in ("waiting", "terminated") and container.reason != "Completed":
                return ": ".join(filter(None, [container.reason, container.message]))
        return ": ".join(filter(None, [self.reason, self.message]))


@dataclass(frozen=True)
class RequestFacts:
    """A CertificateSigningRequest; `node` is whom it would name, "" when its text cannot be read."""

    name: str
    signer: str = ""
    username: str = ""
    node: str = ""
    state: RequestState = "unknown"
    message: str = ""
    created_at: datetime | None = None

    @property
    def is_bootstrap(self) -> bool:
        """A new kubelet's own request (not a serving certificate)."""
        return self.signer in ("kubernetes.io/kube-apiserver-client-kubelet", "")


@dataclass(frozen=True)
class EventFacts:
    """An Event on `kind` `name`."""

    namespace: str
    kind: str
    name: str
    type: str = ""
    reason: str = ""
    message: str = ""
    count: int = 1
    last_at: datetime | None = None


@dataclass(frozen=True)
class LeaseFacts:
    """A node's heartbeat (kube-node-lease)."""

    node: str
    renewed_at: datetime | None = None


@dataclass(frozen=True)
class TokenFacts:
    """A bootstrap token without its secret half. `expires_at` None = never, or not told."""

    id: str
    expires_at: datetime | None = None
    description: str = ""
    may_join: bool = True


@dataclass(frozen=True)
class KubeFacts:
    """All that one look at the API found. A kind in `missing` was not answered: its tuple says nothing."""

    nodes: tuple[NodeFacts, ...] = ()
    pods: tuple[PodFacts, ...] = ()
    requests: tuple[RequestFacts, ...] = ()
    events: tuple[EventFacts, ...] = ()
    leases: tuple[LeaseFacts, ...] = ()
    tokens: tuple[TokenFacts, ...] = ()
    missing: tuple[str, ...] = ()
    problems: tuple[str, ...] = field(default=(), compare=False)

    def node(self, name: str) -> NodeFacts | None:
        return next((node for node in self.nodes if node.name == name), None)

    def pods_on(self, node: str) -> tuple[PodFacts, ...]:
        return tuple(pod for pod in self.pods if pod.node == node)
