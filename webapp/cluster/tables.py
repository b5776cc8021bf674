"""All machines' services and networks at once, for the pages: a fixed number of queries."""

from dataclasses import dataclass
from datetime import datetime

from webapp.cluster.facts import MachineFacts
from webapp.cluster.gather import Rows, load_rows, machine_names, seen_of
from webapp.cluster.models import Cluster
from webapp.cluster.page import ServiceRow
from webapp.cluster.seen import Seen
from webapp.cluster.services import service_rows
from webapp.kube.facts import NodeFacts, PodFacts

NETWORK_NAMESPACES = frozenset({"calico-system", "calico-apiserver", "tigera-operator", "kube-flannel"})
NETWORK_WORDS = ("calico", "antrea", "kube-proxy", "flannel", "coredns", "tigera")


@dataclass(frozen=True)
class MachineServices:
    """One machine's table. `problem`: why its newest look was not answered, "" if it was."""

    machine: str
    role: str
    rows: tuple[ServiceRow, ...] = ()
    seen_at: datetime | None = None
    problem: str = ""


@dataclass(frozen=True)
class MachineNetwork:
    """One machine's network. `facts` None: nobody could look inside; `node` None: no such Node is known."""

    machine: str
    role: str
    wanted_ip: str = ""
    facts: MachineFacts | None = None
    node: NodeFacts | None = None
    seen_at: datetime | None = None
    problem: str = ""

    @property
    def has_wrong_ip(self) -> bool:
        """The Node is known under another address than the lab gave the machine."""
        return bool(self.wanted_ip and self.node and self.node.addresses) and (
            self.node is not None and self.wanted_ip not in self.node.addresses
        )


@dataclass(frozen=True)
class NetworkPage:
    """The machines' networks, and the pods that make the cluster's network."""

    machines: tuple[MachineNetwork, ...]
    pods: tuple[PodFacts, ...]
    knows_pods: bool
    seen_at: datetime | None = None
    problem: str = ""


def service_tables(cluster: Cluster, now: datetime) -> tuple[MachineServices, ...]:
    rows = load_rows(cluster)
    return tuple(services_of(seen_of(rows, name, now)) for name in machine_names(rows))


def services_of(seen: Seen) -> MachineServices:
    found = service_rows(seen)
    return MachineServices(seen.name, seen.wanted.role, found, seen.seen_at, seen.problem)


def network_page(cluster: Cluster, now: datetime) -> NetworkPage:
    rows = load_rows(cluster)
    api = rows.sightings.get("")
    return NetworkPage(
        tuple(network_of(seen_of(rows, name, now)) for name in machine_names(rows)),
        network_pods(rows),
        rows.kube is not None and "pods" not in rows.kube.missing,
        api.seen_at if api is not None else None,
        api.problem if api is not None else "",
    )


def network_of(seen: Seen) -> MachineNetwork:
    return MachineNetwork(
        seen.name, seen.wanted.role, seen.wanted.ip, seen.facts, seen.node, seen.seen_at, seen.problem
    )


def network_pods(rows: Rows) -> tuple[PodFacts, ...]:
    """Return the pods of the CNI, kube-proxy and DNS; what is not ready first."""
    found = [pod for pod in rows.kube.pods if is_network_pod(pod)] if rows.kube is not None else []
    return tuple(sorted(found, key=lambda pod: (pod.is_ready is True, pod.namespace, pod.name)))


def is_network_pod(pod: PodFacts) -> bool:
    name = f"{pod.app} {pod.name}"
    return pod.namespace in NETWORK_NAMESPACES or (
        pod.namespace == "kube-system" and any(word in name for word in NETWORK_WORDS)
    )
