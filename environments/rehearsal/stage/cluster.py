"""What the API of the rehearsed cluster would show, worked out from the steps that were played."""

import base64
import calendar
import hashlib
import time
from typing import Any

from stage.lab import Lab, Machine, MachineState

Object = dict[str, Any]  # Any: a Kubernetes object is JSON
WINDOWS_BUILD = "10.0.20348"
LOST_AFTER_S = 40


def stamp(epoch: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


def epoch(text: str) -> float:
    """Undo `stamp`."""
    return float(calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")))


def short_id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:5]


def is_initialised(lab: Lab) -> bool:
    return lab.has_done(lab.control_plane.name, "control-plane-init")


def initialised_at(lab: Lab) -> float:
    return lab.state(lab.control_plane.name).done.get("control-plane-init", 0.0)


def members(lab: Lab) -> list[tuple[Machine, MachineState, float]]:
    """Return the machines that have a Node, with the time it was registered."""
    found = []
    for machine in lab.machines.values():
        state = lab.state(machine.name)
        joined_at = state.done.get(join_step(machine))
        if joined_at is not None:
            found.append((machine, state, joined_at))
    return found


def join_step(machine: Machine) -> str:
    if machine.role == "control-plane":
        return "control-plane-init"
    return "windows-join" if machine.is_windows else "linux-join"


def has_network(lab: Lab, machine: Machine) -> bool:
    step = "cni-windows" if machine.is_windows else "cni-install"
    return lab.has_done(lab.control_plane.name, step)


def trouble(lab: Lab, machine: Machine) -> str:
    """Return the mishap that the wait for ready nodes ended in; it struck the Windows machines."""
    return lab.state(lab.control_plane.name).failed.get("wait-ready", "") if machine.is_windows else ""


def is_networked(lab: Lab, machine: Machine) -> bool:
    return has_network(lab, machine) and trouble(lab, machine) not in ("cni-not-initialised", "hns-broken")


def node_address(lab: Lab, machine: Machine) -> str:
    return "10.0.2.15" if trouble(lab, machine) == "wrong-nic" else machine.ip


def version(lab: Lab) -> str:
    return "v" + lab.fact("kubernetes", "version", default="1.36.1").removeprefix("v")


# -- nodes ------------------------------------------------------------------------


def nodes(lab: Lab) -> list[Object]:
    return [node(lab, machine, state, at) for machine, state, at in members(lab)]


def node(lab: Lab, machine: Machine, state: MachineState, at: float) -> Object:
    is_ready = state.state == "running" and is_networked(lab, machine)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": machine.name,
            "uid": state.id,
            "creationTimestamp": stamp(at),
            "labels": labels(machine),
            "annotations": {"labkit/rehearsal": "true"},
        },
        "spec": {
            "taints": [] if is_ready else [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]
        },
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": node_address(lab, machine)},
                {"type": "Hostname", "address": machine.name},
            ],
            "conditions": [*pressures(at), ready_condition(lab, machine, state, at)],
            "nodeInfo": node_info(lab, machine),
            "capacity": {"cpu": "2", "memory": "4194304Ki", "pods": "110"},
            "allocatable": {"cpu": "2", "memory": "4091904Ki", "pods": "110"},
        },
    }


def labels(machine: Machine) -> dict[str, str]:
    found = {
        "kubernetes.io/os": machine.os,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": machine.name,
    }
    if machine.is_windows:
        found["node.kubernetes.io/windows-build"] = WINDOWS_BUILD
    if machine.role == "control-plane":
        found["node-role.kubernetes.io/control-plane"] = ""
    return found


def pressures(at: float) -> list[Object]:
    names = ("MemoryPressure", "DiskPressure", "PIDPressure")
    return [
        {
            "type": name,
            "status": "False",
            "lastHeartbeatTime": stamp(time.time()),
            "lastTransitionTime": stamp(at),
        }
        for name in names
    ]


def ready_condition(lab: Lab, machine: Machine, state: MachineState, at: float) -> Object:
    """Return True, False before the CNI is up, Unknown when the machine is off."""
    if state.state != "running":
        status, reason, message = "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."
    elif is_networked(lab, machine):
        status, reason, message = "True", "KubeletReady", "kubelet is posting ready status"
    else:
        status, reason = "False", "KubeletNotReady"
        message = (
            "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
            "message:Network plugin returns error: cni plugin not initialized"
        )
    return {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "lastHeartbeatTime": stamp(time.time() - (LOST_AFTER_S if status == "Unknown" else 0)),
        "lastTransitionTime": stamp(at),
    }


def node_info(lab: Lab, machine: Machine) -> dict[str, str]:
    runtime = "containerd://" + lab.fact("containerd", "version", default="2.3.4")
    return {
        "architecture": "amd64",
        "operatingSystem": machine.os,
        "osImage": "Windows Server 2022 Standard Evaluation" if machine.is_windows else "Ubuntu 24.04.3 LTS",
        "kernelVersion": f"{WINDOWS_BUILD}.4648" if machine.is_windows else "6.8.0-87-generic",
        "containerRuntimeVersion": runtime,
        "kubeletVersion": version(lab),
        "kubeProxyVersion": version(lab),
    }


# -- pods, certificate requests, events ------------------------------------------------


def pods(lab: Lab) -> list[Object]:
    """Return the pods that a cluster in this state has."""
    if not is_initialised(lab):
        return []
    head = lab.control_plane
    at = lab.state(head.name).done["control-plane-init"]
    static = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
    found = [pod("kube-system", f"{name}-{head.name}", head, at, name) for name in static]
    found += [coredns(lab, number, at) for number in (1, 2)]
    for machine, state, joined_at in members(lab):
        found += [agent(lab, machine, state, joined_at, name) for name in agents(lab, machine)]
    return found + smoke_pods(lab)


def agents(lab: Lab, machine: Machine) -> list[tuple[str, str]]:
    """Return namespace and DaemonSet of what runs on every node of this kind."""
    system = "-windows" if machine.is_windows else ""
    cni = lab.fact("cni", "name", default="calico")
    found: list[tuple[str, str]] = []
    if lab.has_done(lab.control_plane.name, "cni-windows" if system else "cni-install"):
        found += {
            "calico": [("calico-system", f"calico-node{system}")],
            "antrea": [("kube-system", f"antrea-agent{system}")],
        }.get(cni, [])
    if not system:
        found.append(("kube-system", "kube-proxy"))
    elif found and cni == "calico":  # Antrea's own proxy does it on Windows
        found.append(("kube-system", "kube-proxy-windows"))
    return found


def agent(lab: Lab, machine: Machine, state: MachineState, at: float, name: tuple[str, str]) -> Object:
    namespace, app = name
    found = pod(namespace, f"{app}-{short_id(app + machine.name)}", machine, at, app)
    found["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": app, "controller": True}]
    if state.state == "running" and "node" in app and trouble(lab, machine) == "cni-not-initialised":
        waits(found, at, "PodInitializing", "")
    if state.state != "running":
        found["status"]["conditions"] = [
            {"type": "Ready", "status": "False", "lastTransitionTime": stamp(at)}
        ]
    return found


def waits(found: Object, at: float, reason: str, message: str) -> None:
    """Let a pod's container wait, with what the kubelet says of it."""
    found["status"]["phase"] = "Pending"
    found["status"]["conditions"] = [{"type": "Ready", "status": "False", "lastTransitionTime": stamp(at)}]
    waiting = {"waiting": {"reason": reason, "message": message}}
    found["status"]["containerStatuses"][0] |= {"ready": False, "state": waiting}


def smoke_pods(lab: Lab) -> list[Object]:
    """Return the smoke test's Windows pod when it could not start; one that answered is deleted."""
    at = time.time()
    if lab.state(lab.control_plane.name).failed.get("smoke") != "disk-full":
        return []
    found = []
    for machine in lab.machines.values():
        if machine.is_windows:
            sad = pod("labkit-smoke", f"smoke-windows-{short_id(machine.name)}", machine, at, "smoke-windows")
            waits(sad, at, "ErrImagePull", DISK_FULL)
            found.append(sad)
    return found


DISK_FULL = "failed to pull and unpack image: hcsshim::ImportLayer: There is not enough space on the disk."


def coredns(lab: Lab, number: int, at: float) -> Object:
    """Return CoreDNS, which waits for the CNI."""
    found = pod("kube-system", f"coredns-{short_id(f'coredns{number}')}", lab.control_plane, at, "kube-dns")
    if not has_network(lab, lab.control_plane):
        found["status"] = {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False"}]}
    return found


def pod(namespace: str, name: str, machine: Machine, at: float, app: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "creationTimestamp": stamp(at),
            "labels": {"k8s-app": app},
        },
        "spec": {"nodeName": machine.name, "hostNetwork": True, "containers": [{"name": app, "image": app}]},
        "status": {
            "phase": "Running",
            "hostIP": machine.ip,
            "podIP": machine.ip,
            "startTime": stamp(at),
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": stamp(at)}],
            "containerStatuses": [
                {
                    "name": app,
                    "ready": True,
                    "restartCount": 0,
                    "image": app,
                    "state": {"running": {"startedAt": stamp(at)}},
                }
            ],
        },
    }


def certificate_requests(lab: Lab) -> list[Object]:
    """Return the requests of those who joined, and of those that wait for a decision."""
    found = [
        request(machine, at - 5, is_approved=True) for machine, _, at in members(lab) if is_worker(machine)
    ]
    began = initialised_at(lab)
    for machine in lab.machines.values():
        if lab.state(machine.name).failed.get(join_step(machine)) == "csr-pending":
            found.append(request(machine, began - 300, is_approved=False))
    return found


def is_worker(machine: Machine) -> bool:
    return machine.role != "control-plane"


def request_name(machine: Machine) -> str:
    return f"csr-{short_id(machine.name)}"


def request(machine: Machine, at: float, *, is_approved: bool) -> Object:
    approval = {"type": "Approved", "status": "True", "reason": "AutoApproved"}
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": request_name(machine), "creationTimestamp": stamp(at)},
        "spec": {
            "request": request_text(machine.name),
            "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
            "username": "system:bootstrap:rehear",
            "groups": ["system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token"],
        },
        "status": {"certificate": "cmVoZWFyc2Fs", "conditions": [approval]} if is_approved else {},
    }


def request_text(name: str) -> str:
    """Return base64 of PEM as a kubelet sends it; inside there is nothing but the name that it asks for."""
    user = f"system:node:{name}".encode()
    inside = base64.b64encode(b"\x0c" + bytes([len(user)]) + user + b"rehearsal").decode()
    head, foot = "-----BEGIN CERTIFICATE REQUEST-----", "-----END CERTIFICATE REQUEST-----"
    return base64.b64encode(f"{head}\n{inside}\n{foot}\n".encode()).decode()


def leases(lab: Lab) -> list[Object]:
    return [
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": machine.name, "namespace": "kube-node-lease"},
            "spec": {"renewTime": stamp(time.time() if state.state == "running" else at)},
        }
        for machine, state, at in members(lab)
    ]


def tokens(lab: Lab) -> list[Object]:
    """Return the bootstrap token that the last join was given; it has gone where a mishap says so."""
    states = [lab.state(name) for name in lab.machines]
    is_gone = any("token-expired" in state.failed.values() for state in states)
    data = {
        "token-id": "rehear",
        "token-secret": "5a10000000000000",
        "expiration": stamp(initialised_at(lab) + (-600 if is_gone else 24 * 3600)),
        "usage-bootstrap-authentication": "true",
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "bootstrap.kubernetes.io/token",
            "metadata": {"name": "bootstrap-token-rehear", "namespace": "kube-system"},
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
        }
    ]


def events(lab: Lab) -> list[Object]:
    return [
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{machine.name}.registered",
                "namespace": "default",
                "creationTimestamp": stamp(at),
            },
            "involvedObject": {"kind": "Node", "name": machine.name},
            "type": "Normal",
            "reason": "RegisteredNode",
            "message": f"Node {machine.name} event: Registered Node {machine.name} in Controller",
            "lastTimestamp": stamp(at),
            "count": 1,
        }
        for machine, _, at in members(lab)
    ]
