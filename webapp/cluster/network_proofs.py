"""The rungs after the join: CNI, network, proxy, Ready, the smoke test. Pure."""

from webapp.cluster.facts import MachineFacts
from webapp.cluster.offers import offer
from webapp.cluster.seen import DOES_NOT_APPLY, Proof, Seen, not_told, proven, refuted, unknown
from webapp.kube.facts import PodFacts

CNI_PODS = {
    ("calico", "windows"): "calico-node-windows",
    ("calico", "linux"): "calico-node",
    ("antrea", "windows"): "antrea-agent-windows",
    ("antrea", "linux"): "antrea-agent",
}
CNI_SERVICES = {
    "calico": ("CalicoNode", "CalicoFelix"),
    "antrea": ("ovsdb-server", "ovs-vswitchd", "antrea-agent"),
}
HNS_NETWORKS = {"calico": ("calico",), "antrea": ("antrea-hnsnetwork",)}
STATIC_PODS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
SMOKE_NAMESPACE = "labkit-smoke"


def needs_node(seen: Seen) -> Proof | None:
    """Return the proof of every rung that has no Node to look at."""
    if seen.kube is None:
        return unknown(seen.kube_problem)
    if seen.node is not None:
        return None
    return not_told(seen, "nodes") or refuted("There is no Node yet.")


def os_of(seen: Seen) -> str:
    return "windows" if seen.wanted.role == "windows" else "linux"


def cni_is_up(seen: Seen) -> Proof:
    if missing := needs_node(seen):
        return missing
    if not seen.wanted.cni:
        return cni_by_kubelet(seen)
    app = CNI_PODS.get((seen.wanted.cni, os_of(seen)))
    if app is None:
        return DOES_NOT_APPLY
    if os_of(seen) == "windows" and seen.wanted.windows_cni == "services":
        return cni_services(seen)
    return not_told(seen, "pods") or cni_pod(seen, app)


def cni_by_kubelet(seen: Seen) -> Proof:
    """An attached cluster with a CNI that is not known here: its kubelet says whether it has a network."""
    reason = not_ready_reason(seen)
    if "NetworkPluginNotReady" in reason or "cni" in reason.lower():
        return refuted(reason, logs=kubelet_log(seen))
    ready = seen.node.ready if seen.node is not None else None
    if ready is not None and ready.status == "True":
        return proven("The kubelet has a pod network; which CNI made it is not known here.")
    return unknown("Which CNI this cluster has is not known here.")


def cni_pod(seen: Seen, app: str) -> Proof:
    """The CNI's pod is ready, has written its configuration, and the kubelet agrees."""
    pod, reason = seen.pod_of(app), not_ready_reason(seen)
    files = seen.facts.cni_files if seen.facts is not None else None
    if pod is None:
        return refuted(f"No pod of {app} is on this node. {reason}".strip(), logs=kubelet_log(seen))
    if pod.is_ready is not True:
        return refuted(f"{pod_words(pod)} {reason}".strip(), logs=kubelet_log(seen))
    if "NetworkPluginNotReady" in reason:
        return refuted(f"{pod.name} is ready, but {reason}", logs=kubelet_log(seen))
    if files == ():
        return refuted(f"{pod.name} is ready, but there is no CNI configuration file.")
    return proven(f"{pod.name} is ready{', ' + ', '.join(files) if files else ''}")


def cni_services(seen: Seen) -> Proof:
    """Calico or Antrea as Windows services, as older releases ran them."""
    if seen.facts is None or seen.facts.services is None:
        return unknown()
    wanted = CNI_SERVICES[seen.wanted.cni]
    states = {name: service.state if (service := seen.facts.service(name)) else "missing" for name in wanted}
    evidence = ", ".join(f"{name} {state or 'unknown'}" for name, state in states.items())
    return proven(evidence) if set(states.values()) == {"Running"} else refuted(evidence)


def kubelet_log(seen: Seen) -> tuple[str, ...]:
    return seen.facts.kubelet_log if seen.facts is not None else ()


def not_ready_reason(seen: Seen) -> str:
    ready = seen.node.ready if seen.node is not None else None
    return f"{ready.reason}: {ready.message}" if ready is not None and ready.status == "False" else ""


def pod_words(pod: PodFacts) -> str:
    restarts = f", {pod.restarts} restarts" if pod.restarts else ""
    state = pod.trouble or pod.phase or "in an unknown state"
    return f"{pod.name} is not ready: {state}{restarts}."


def network_is_right(seen: Seen) -> Proof:
    """The Node's InternalIP is the lab's, and on Windows the CNI's HNS network is there."""
    if missing := needs_node(seen):
        return missing
    node, facts, wanted = seen.node, seen.facts, seen.wanted
    assert node is not None  # needs_node
    if wanted.ip and node.addresses and wanted.ip not in node.addresses:
        return refuted(
            f"InternalIP {', '.join(node.addresses)} is not the lab's address {wanted.ip}.",
            is_final=True,
            advice="The kubelet took the wrong card: give it --node-ip of the lab's card and join again.",
            fix=offer("reset-and-rejoin", seen.name) if wanted.role != "control-plane" else None,
        )
    address = f"InternalIP {', '.join(node.addresses)}"
    if os_of(seen) == "linux":
        return proven(address) if node.addresses else unknown()
    return hns_proof(seen, facts, address)


def hns_proof(seen: Seen, facts: MachineFacts | None, address: str) -> Proof:
    networks = facts.hns_networks if facts is not None else None
    wanted = HNS_NETWORKS.get(seen.wanted.cni)
    if networks is None or wanted is None:
        return unknown(address)
    evidence = f"{address}; HNS: {', '.join(f'{n.name} ({n.type})' for n in networks) or 'no network'}"
    if any(network.name.lower() in wanted for network in networks):
        return proven(evidence)
    return refuted(
        f"{evidence}. The CNI's HNS network is missing.",
        advice="If it does not come within minutes, restart the CNI's pod on this node, then reboot it.",
        logs=kubelet_log(seen),
    )


def proxy_runs(seen: Seen) -> Proof:
    if missing := needs_node(seen):
        return missing
    if seen.wanted.cni == "antrea" and os_of(seen) == "windows" and seen.wanted.windows_cni != "services":
        return DOES_NOT_APPLY
    app = "kube-proxy-windows" if os_of(seen) == "windows" else "kube-proxy"
    service = seen.facts.service("kube-proxy") if seen.facts is not None else None
    if service is not None and service.state == "Running":
        return proven("The service kube-proxy runs.")
    pod = seen.pod_of(app)
    if pod is None:
        return not_told(seen, "pods") or no_proxy_pod(seen, app)
    return proven(f"{pod.name} is ready") if pod.is_ready else refuted(pod_words(pod))


def no_proxy_pod(seen: Seen, app: str) -> Proof:
    """Other clusters need no such pod: what none of an attached one's nodes has is held against none."""
    has_any = seen.kube is not None and any(pod.app.startswith("kube-proxy") for pod in seen.kube.pods)
    if seen.wanted.is_attached and not has_any:
        return unknown("No node has a pod of kube-proxy: it runs as a service, or the CNI does its work.")
    return refuted(f"No pod of {app} is on this node.")


def node_is_ready(seen: Seen) -> Proof:
    if missing := needs_node(seen):
        return missing
    ready = seen.node.ready if seen.node is not None else None
    if ready is None or ready.status == "":
        return unknown("The Node has not told whether it is ready.")
    evidence = f"{ready.reason}: {ready.message}"
    if ready.status == "True":
        return proven(evidence)
    if ready.status == "Unknown":
        return refuted(
            evidence,
            is_final=True,
            advice="The kubelet does not report: is the machine on, does the kubelet run?",
            fix=offer("restart-in-order", seen.name),
        )
    return refuted(evidence, logs=kubelet_log(seen))


def workload_answers(seen: Seen) -> Proof:
    """The kit's smoke test; its pods are deleted when it succeeds."""
    if seen.wanted.is_attached:
        return DOES_NOT_APPLY
    if trouble := smoke_trouble(seen):
        return refuted(trouble)
    if seen.has_smoked:
        return proven("The smoke test has succeeded.")
    return Proof(None, "The smoke test has not run yet.", later=True)


def smoke_trouble(seen: Seen) -> str:
    pods = [pod for pod in seen.pods if pod.namespace == SMOKE_NAMESPACE]
    return next((f"{pod.name}: {pod.trouble}" for pod in pods if pod.trouble and not pod.is_ready), "")


def control_plane_is_initialised(seen: Seen) -> Proof:
    facts = seen.facts
    if seen.kube is not None:
        return static_pods(seen)
    if facts is not None and facts.files is not None and "admin.conf" not in facts.files:
        return refuted("kubeadm init has not come as far as admin.conf.")
    if facts is not None and facts.is_api_ready is False:
        return refuted("The API server says it is not ready.")
    return refuted(seen.kube_problem) if seen.kube_problem else unknown()


def static_pods(seen: Seen) -> Proof:
    if hidden := not_told(seen, "pods"):
        return hidden
    wrong = [
        f"{app}: {pod_words(pod) if pod else 'no pod'}"
        for app in STATIC_PODS
        if (pod := static_pod(seen, app)) is None or pod.is_ready is False
    ]
    return refuted("; ".join(wrong)) if wrong else proven(f"{', '.join(STATIC_PODS)} run; the API answers")


def static_pod(seen: Seen, app: str) -> PodFacts | None:
    return next((pod for pod in seen.pods if pod.name == f"{app}-{seen.name}"), None)


def addons_run(seen: Seen) -> Proof:
    if missing := needs_node(seen):
        return missing
    if hidden := not_told(seen, "pods"):
        return hidden
    dns = [pod for pod in seen.kube.pods if pod.app == "kube-dns"] if seen.kube is not None else []
    if not dns:
        return refuted("There is no CoreDNS pod.")
    if not any(pod.is_ready for pod in dns):
        return refuted(f"CoreDNS waits for the CNI. {pod_words(dns[0])}")
    return proven(f"CoreDNS: {sum(pod.is_ready is True for pod in dns)} of {len(dns)} ready")
