"""Which services a machine is expected to have, by CNI and mode, beside what it has. Pure.

Absent can be right: Calico in HostProcess pods brings no service, Antrea with its own proxy needs no
kube-proxy. Source: peers-and-pains 2c; antrea-io/antrea PR#4980, PR#5052; projectcalico/calico PR#5968.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from webapp.cluster.facts import MachineFacts, WindowsServiceFacts
from webapp.cluster.join_proofs import has_joined
from webapp.cluster.network_proofs import STATIC_PODS, static_pod
from webapp.cluster.page import Expected, ServiceRow
from webapp.cluster.seen import Seen
from webapp.kube.facts import PodFacts

TITLES = {
    "kubelet": "Kubernetes node agent",
    "containerd": "Container runtime",
    "kube-proxy": "Service addresses",
    "antrea-agent": "Antrea agent",
    "ovsdb-server": "Open vSwitch database",
    "ovs-vswitchd": "Open vSwitch",
    "CalicoNode": "Calico node",
    "CalicoFelix": "Calico Felix",
    "csi-proxy": "CSI proxy",
    "hns": "Host Network Service",
    "vmcompute": "Host Compute Service",
}
# What may be started and stopped from the dashboard, in the order in which it starts.
CONTROLLED = (
    "containerd",
    "ovsdb-server",
    "ovs-vswitchd",
    "kubelet",
    "kube-proxy",
    "antrea-agent",
    "CalicoNode",
    "CalicoFelix",
    "csi-proxy",
)
LOGS = {
    "kubelet": ("kubelet",),
    "containerd": ("containerd",),
    "kube-proxy": ("kube-proxy",),
    "antrea-agent": ("antrea-agent", "\\antrea\\"),
    "ovsdb-server": ("ovsdb-server",),
    "ovs-vswitchd": ("ovs-vswitchd",),
    "CalicoNode": ("calico-node", "\\calico\\"),
    "CalicoFelix": ("felix",),
    "csi-proxy": ("csi-proxy",),
}
BUCKETS, BUCKET = 12, timedelta(minutes=5)


@dataclass(frozen=True)
class Expectation:
    """What is right for one service. `pod`: the DaemonSet that does its work instead."""

    name: str
    expected: Expected
    note: str = ""
    pod: str = ""


def expected_services(cni: str, windows_cni: str, *, is_joined: bool) -> tuple[Expectation, ...]:
    """Return what a Windows machine should have. `windows_cni`: host-process or services."""
    kubelet: Expected = "running" if is_joined else "stopped"
    note = "" if is_joined else "It starts with the join."
    return (
        Expectation("kubelet", kubelet, note),
        Expectation("containerd", "running"),
        *cni_expectations(cni, windows_cni),
        Expectation("csi-proxy", "optional", "Only with CSI drivers."),
        Expectation("hns", "running"),
        Expectation("vmcompute", "running"),
    )


def cni_expectations(cni: str, windows_cni: str) -> tuple[Expectation, ...]:
    calico = ("CalicoNode", "CalicoFelix")
    ovs = ("ovsdb-server", "ovs-vswitchd")
    if cni == "antrea" and windows_cni == "services":
        return (*(Expectation(n, "running") for n in ("kube-proxy", "antrea-agent", *ovs)), *absent(calico))
    if cni == "antrea":
        pod = "antrea-agent-windows"
        return (
            Expectation("kube-proxy", "absent", "Antrea's own proxy does its work."),
            *(Expectation(name, "pod", "It runs in Antrea's pod.", pod) for name in ("antrea-agent", *ovs)),
            *absent(calico),
        )
    if cni == "calico" and windows_cni == "services":
        return (
            *(Expectation(n, "running") for n in ("kube-proxy", *calico)),
            *absent(("antrea-agent", *ovs)),
        )
    if cni == "calico":
        pod = "calico-node-windows"
        return (
            Expectation("kube-proxy", "pod", "It runs in a HostProcess pod.", "kube-proxy-windows"),
            *(Expectation(name, "pod", "It runs in Calico's HostProcess pod.", pod) for name in calico),
            *absent(("antrea-agent", *ovs)),
        )
    return tuple(Expectation(name, "optional") for name in ("kube-proxy", "antrea-agent", *ovs, *calico))


def absent(names: Iterable[str]) -> tuple[Expectation, ...]:
    return tuple(Expectation(name, "absent", "Of the other CNI.") for name in names)


def service_rows(seen: Seen) -> tuple[ServiceRow, ...]:
    """Return the table of one machine: Windows services, or units and static pods of a Linux one."""
    if seen.wanted.role != "windows":
        return linux_rows(seen)
    wanted = expected_services(seen.wanted.cni, seen.wanted.windows_cni, is_joined=has_joined(seen))
    if not seen.wanted.has_kubernetes:
        wanted = ()
    names = {expectation.name.lower() for expectation in wanted}
    more = [s for s in (seen.facts.services if seen.facts else None) or () if s.name.lower() not in names]
    rows = [row_of(seen, expectation) for expectation in wanted]
    return (*rows, *(row_of(seen, Expectation(service.name, "optional")) for service in more))


def row_of(seen: Seen, expectation: Expectation) -> ServiceRow:
    facts = seen.facts
    service = find_service(facts, expectation.name)
    is_told = facts is not None and facts.services is not None
    pod = seen.pod_of(expectation.pod) if expectation.pod else None
    is_right = is_as_expected(expectation.expected, service, pod) if is_told else None
    if expectation.expected == "pod" and seen.kube is None:
        is_right = None
    return ServiceRow(
        name=expectation.name,
        title=TITLES.get(expectation.name, expectation.name),
        expected=expectation.expected,
        is_as_expected=is_right,
        note=pod_note(pod) if pod is not None and service is None else expectation.note,
        state=state_word(service, is_told=is_told),
        start_type=service.start_type if service else "",
        since=service.since if service else None,
        restarts=buckets(service.restarts, seen.now) if service else None,
        account=service.account if service else "",
        command=service.command if service else "",
        log_files=logs_of(facts, expectation.name),
        pid=service.pid if service else None,
        can_control=service is not None and expectation.name in CONTROLLED,
    )


def find_service(facts: MachineFacts | None, name: str) -> WindowsServiceFacts | None:
    if facts is None:
        return None
    return facts.service(name) or (facts.service("csiproxy") if name == "csi-proxy" else None)


def state_word(service: WindowsServiceFacts | None, *, is_told: bool) -> str:
    """Return the state; "absent" for a service that is known not to be there, "" when nobody told."""
    if service is not None:
        return service.state
    return "absent" if is_told else ""


def is_as_expected(
    expected: Expected, service: WindowsServiceFacts | None, pod: PodFacts | None
) -> bool | None:
    """Return None when it cannot be told."""
    if expected == "optional":
        return True
    if expected == "absent":
        return service is None
    if expected == "pod":
        return pod is not None and pod.is_ready is True
    if service is None:
        return expected == "stopped"
    if service.state == "":
        return None
    return service.state == ("Running" if expected == "running" else "Stopped")


def pod_note(pod: PodFacts) -> str:
    state = "is ready" if pod.is_ready else f"is not ready: {pod.trouble or pod.phase}"
    return f"Pod {pod.name} {state}" + (f", {pod.restarts} restarts." if pod.restarts else ".")


def buckets(times: Sequence[datetime] | None, now: datetime) -> tuple[int, ...] | None:
    """Count the last hour's restarts in twelve parts of five minutes, the oldest first."""
    if times is None:
        return None
    ages = [int((now - at) / BUCKET) for at in times]
    return tuple(ages.count(age) for age in range(BUCKETS - 1, -1, -1))


def logs_of(facts: MachineFacts | None, name: str) -> tuple[str, ...]:
    wanted = LOGS.get(name, ())
    files = facts.log_files if facts is not None else ()
    return tuple(file for file in files if any(word in file.lower() for word in wanted))


def linux_rows(seen: Seen) -> tuple[ServiceRow, ...]:
    units = (seen.facts.services if seen.facts else None) or ()
    rows = [linux_row(unit, seen.now) for unit in units if unit.name in ("kubelet", "containerd")]
    if seen.wanted.role != "control-plane" or seen.kube is None:
        return tuple(rows)
    return (*rows, *(static_row(app, static_pod(seen, app)) for app in STATIC_PODS))


def linux_row(unit: WindowsServiceFacts, now: datetime) -> ServiceRow:
    is_right = None if unit.state == "" else unit.state == "Running"
    return ServiceRow(
        unit.name,
        TITLES[unit.name],
        "running",
        is_right,
        "systemd unit",
        unit.state,
        unit.start_type,
        unit.since,
        buckets(unit.restarts, now),
        account=unit.account,
        command=unit.command,
        pid=unit.pid,
        can_control=True,
    )


def static_row(app: str, pod: PodFacts | None) -> ServiceRow:
    state = pod.phase if pod is not None else "absent"
    note = pod_note(pod) if pod is not None else "No such pod."
    return ServiceRow(app, "Static pod", "pod", pod is not None and pod.is_ready is True, note, state)
