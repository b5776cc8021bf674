"""The answer to the dashboard's one look at a Windows machine: what look.ps1 would print there."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from stage import inject
from stage.cluster import has_network, is_initialised, stamp, trouble
from stage.lab import Lab, Machine, MachineState
from stage.mishaps import kinds
from stage.play import marks

MARK = "$look='labkit-look'"
BUILD = "20348"
Row = Callable[[MachineState, str], dict[str, str]]
DISPLAY_START = {"Automatic": "Auto"}
JOINED = [
    '[preflight] Reading configuration from the "kubeadm-config" ConfigMap',
    "This node has joined the cluster:",
]
HNS_LINE = (
    "failed to create network HostComputeNetwork: hnsCall failed in Win32: The parameter is incorrect. (0x57)"
)
CNI_TEXT = json.dumps(
    {"name": "k8s-pod-network", "cniVersion": "1.0.0", "plugins": [{"type": "sdnbridge"}]}, indent=2
)
CNI_LINE = "network is not ready: NetworkReady=false reason:NetworkPluginNotReady cni plugin not initialized"


def look(
    lab: Lab, machine: Machine, state: MachineState, row: Row, services: list[str]
) -> tuple[int, str, str]:
    """Return one line of JSON, as PowerShell gives it."""
    seen = {"labkit": 1, **system(state), **programs(lab, machine, state), **joining(lab, machine, state)}
    seen["services"] = list(service_rows(state, row, services))
    seen["networks"] = networks(lab, machine, state)
    ends = list(endpoints(seen["networks"], machine)) if is_joined(state) else []
    seen["endpoints"], seen["endpoint_list"] = len(ends), ends
    seen["cni_texts"] = [{"Name": name, "Text": CNI_TEXT} for name in seen["cni_files"]]
    return 0, json.dumps(seen) + "\r\n", ""


def endpoints(found: list[dict[str, str]], machine: Machine) -> Iterator[dict[str, str]]:
    """Tell of three endpoints on the last network, if the CNI has made one."""
    for number, name in enumerate(("Ethernet", "coredns", "whoami") if found else (), 1):
        address = f"10.244.{machine.ip.rpartition('.')[2]}.{number}"
        yield {"Name": name, "Address": address, "Network": found[-1]["Name"], "State": "Attached"}


def is_joined(state: MachineState) -> bool:
    return "windows-join" in state.done


def system(state: MachineState) -> dict[str, Any]:  # Any: JSON
    failed = state.failed
    is_expired = "licence-expired" in failed.values()
    has_features = "windows-features" in state.done
    return {
        "now": stamp(time.time() + state.clock_off_s),
        "build": BUILD,
        "booted": stamp(state.booted_at),
        "features": [{"Name": "Containers", "State": "Installed" if has_features else "Available"}],
        "reboot": ["servicing"] if failed.get("windows-features") == "reboot-refused" else [],
        "licence": {"Status": 5, "Minutes": 0} if is_expired else {"Status": 1, "Minutes": 201_600},
        "free_bytes": 61 * 1024**3,
    }


def programs(lab: Lab, machine: Machine, state: MachineState) -> dict[str, Any]:  # Any: JSON
    found = [
        binary(facts["name"], path, facts["version"], facts["sha256"])
        for path, facts in inject.present(lab, machine, state).items()
    ]
    return {"pipe": runs_containerd(state), "binaries": found}


def runs_containerd(state: MachineState) -> bool:
    is_down = "containerd" in state.stopped or state.failed.get("windows-join") == "containerd-stopped"
    return "windows-containerd" in state.done and not is_down


def binary(name: str, path: str, number: str, sha256: str) -> dict[str, str]:
    return {"Name": name, "Path": path, "Version": number, "Sha256": sha256}


def joining(lab: Lab, machine: Machine, state: MachineState) -> dict[str, Any]:  # Any: JSON
    mishap = state.failed.get("windows-join", "")
    waits = mishap == "csr-pending"
    reaches = is_initialised(lab) and mishap != "api-unreachable"
    problem = "No connection could be made because the target machine actively refused it"
    healthy = (is_joined(state) or waits) and "kubelet" not in state.stopped
    return {
        "addresses": [machine.ip],
        "api": {"Ok": reaches, "Problem": "" if reaches else f"{problem} {lab.control_plane.ip}:6443"},
        "kubelet_conf": is_joined(state),
        "bootstrap_conf": waits,
        "healthz": healthy,
        "cni_files": cni_files(lab, machine, state),
        "events": [],
        "log_files": ["C:\\var\\log\\kubelet\\kubelet.log", "C:\\labkit\\log\\join.log"] if healthy else [],
        "join_log": join_log(lab, machine, state, mishap),
        "kubelet_log": kubelet_log(lab, machine, state),
    }


def cni_files(lab: Lab, machine: Machine, state: MachineState) -> list[str]:
    is_up = is_joined(state) and has_network(lab, machine) and trouble(lab, machine) != "cni-not-initialised"
    return [f"10-{lab.fact('cni', 'name', default='calico')}.conflist"] if is_up else []


def join_log(lab: Lab, machine: Machine, state: MachineState, mishap: str) -> list[str]:
    if is_joined(state):
        return JOINED
    marked = marks(lab, machine)
    lines = kinds()[mishap].get("lines", []) if mishap else []
    for name, value in marked.items():
        lines = [line.replace("{" + name + "}", value) for line in lines]
    return [line.split(" ", 1)[1] if line.startswith("~") else line for line in lines]


def kubelet_log(lab: Lab, machine: Machine, state: MachineState) -> list[str]:
    kind = trouble(lab, machine)
    if not is_joined(state):
        return []
    return {"hns-broken": [HNS_LINE], "cni-not-initialised": [CNI_LINE]}.get(kind, [])


def service_rows(state: MachineState, row: Row, services: list[str]) -> Iterator[dict[str, Any]]:  # Any: JSON
    for name in services:
        if name in ("hns", "vmcompute") and "windows-features" not in state.done:
            continue
        if name in ("containerd", "kubelet") and INSTALLED_BY[name] not in state.done:
            continue
        facts = row(state, name)
        status = "Stopped" if name == "containerd" and not runs_containerd(state) else facts["Status"]
        yield {
            "Name": facts["Name"],
            "DisplayName": facts["DisplayName"],
            "Status": status,
            "StartType": DISPLAY_START.get(facts["StartType"], facts["StartType"]),
            "Account": "LocalSystem",
            "Path": f"C:\\k\\{name}.exe",
            "Pid": 4000 + services.index(name) if status == "Running" else 0,
            "ExitCode": 0,
            "Since": stamp(state.booted_at) if status == "Running" else None,
            "DependsOn": ["containerd"] if name == "kubelet" else [],
        }


INSTALLED_BY = {"containerd": "windows-containerd", "kubelet": "windows-binaries"}


def networks(lab: Lab, machine: Machine, state: MachineState) -> list[dict[str, str]]:
    if not (is_joined(state) and has_network(lab, machine)) or trouble(lab, machine):
        return [] if trouble(lab, machine) == "hns-broken" else [network("nat", "nat", "")]
    if lab.fact("cni", "name", default="calico") == "antrea":
        return [network("antrea-hnsnetwork", "Transparent", machine.ip)]
    return [network(name, "Overlay", machine.ip) for name in ("External", "Calico")]


def network(name: str, kind: str, address: str) -> dict[str, str]:
    return {"Name": name, "Type": kind, "ManagementIP": address, "Subnet": ""}
