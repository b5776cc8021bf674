"""What must hold between the settings of a definition; `variables.parse` ends with it.

What depends on the world (which versions exist, which go together) is
`compatibility`'s, and what depends on the lab host is preflight's.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from itertools import combinations

from webapp.catalog.problems import Findings
from webapp.catalog.spec import LabSpec, MachineSpec

MAX_WORKERS = 9
# kubeadm's own preflight (cmd/kubeadm/app/constants, ControlPlaneNumCPU and -Mem).
CONTROL_PLANE_CPUS = 2
CONTROL_PLANE_MIB = 1700
WINDOWS_MIB = 2048
LINUX_WORKER_MIB = 1024
BARE_LINUX_MIB = 256
# Room for the addresses that `spec.place` gives: .10 to .29.
SUBNET_PREFIXES = range(16, 28)
SERVICE_PREFIXES = range(12, 25)
NODE_BLOCK = 24  # kube-controller-manager gives each node a /24 of the pod range
UNUSABLE = ("is_loopback", "is_multicast", "is_link_local", "is_reserved")


def with_subnet(spec: LabSpec) -> LabSpec:
    """Give a spec that fixes addresses, but no subnet, the /24 around the first of them."""
    first = next((machine.ip for machine in spec.machines if machine.ip), "")
    if spec.network.subnet or not first:
        return spec
    subnet = str(IPv4Network(f"{first}/24", strict=False))
    return replace(spec, network=replace(spec.network, subnet=subnet))


def check(spec: LabSpec, findings: Findings) -> None:
    """Add a problem for each rule that the spec breaks."""
    check_counts(spec, findings)
    check_names(spec, findings)
    for index, machine in enumerate(spec.machines):
        check_size(spec, machine, f"machines[{index}]", findings)
    check_ranges(spec, findings)
    check_addresses(spec, findings)
    check_scope(spec, findings)


def check_counts(spec: LabSpec, findings: Findings) -> None:
    roles = Counter(machine.role for machine in spec.machines)
    if roles["control-plane"] != 1:
        findings.refuse_setting(
            "machines", f"There are {roles['control-plane']} control planes.", "exactly one control-plane"
        )
    for role in ("windows", "linux"):
        if roles[role] > MAX_WORKERS:
            findings.refuse_setting(
                "machines", f"There are {roles[role]} {role} workers.", f"0 to {MAX_WORKERS}"
            )


def check_names(spec: LabSpec, findings: Findings) -> None:
    for index in repeated(machine.name for machine in spec.machines):
        name = spec.machines[index].name
        findings.refuse_setting(
            f"machines[{index}].name", f'Another machine is named "{name}".', "a name of its own"
        )


def repeated(values: Iterable[str]) -> list[int]:
    """Return the positions of values that stood earlier; empty ones never repeat."""
    seen: set[str] = set()
    found = []
    for index, value in enumerate(values):
        if value and value in seen:
            found.append(index)
        seen.add(value)
    return found


def check_size(spec: LabSpec, machine: MachineSpec, path: str, findings: Findings) -> None:
    cpus, mib = smallest(spec, machine)
    if machine.cpus < cpus:
        findings.refuse_setting(
            f"{path}.cpus", f"{machine.cpus} is too few for {machine.name}.", f"at least {cpus}"
        )
    if machine.memory_mib < mib:
        findings.refuse_setting(
            f"{path}.memory_mib",
            f"{machine.memory_mib} MiB is too little for {machine.name}.",
            f"at least {mib}",
        )


def smallest(spec: LabSpec, machine: MachineSpec) -> tuple[int, int]:
    """Return the fewest CPUs and MiB with which such a machine can do its work."""
    if machine.role == "windows":
        return (1, WINDOWS_MIB)
    if spec.scope == "machines":
        return (1, BARE_LINUX_MIB)
    if machine.role == "control-plane":
        return (CONTROL_PLANE_CPUS, CONTROL_PLANE_MIB)
    return (1, LINUX_WORKER_MIB)


def check_ranges(spec: LabSpec, findings: Findings) -> None:
    named = {
        "network.pod_cidr": spec.network.pod_cidr,
        "network.service_cidr": spec.network.service_cidr,
        "network.subnet": spec.network.subnet,
    }
    ranges = {path: IPv4Network(text) for path, text in named.items() if text}
    for path, network in ranges.items():
        check_range(path, network, len(spec.machines), findings)
    for pair in combinations(ranges, 2):
        if ranges[pair[0]].overlaps(ranges[pair[1]]):
            # Told where it was written last: the other one may be a default, without a line.
            first, last = sorted(pair, key=lambda path: findings.place(path)[1])
            what = f"{named[last]} overlaps {named[first]} ({findings.place(first)[0]})."
            findings.refuse_setting(last, what, "ranges apart from each other")


def check_range(path: str, network: IPv4Network, nodes: int, findings: Findings) -> None:
    if network[0] == IPv4Address(0) or any(getattr(network, kind) for kind in UNUSABLE):
        findings.refuse_setting(path, f"{network} cannot be used.", "a private range such as 192.168.56.0/24")
    elif path == "network.subnet" and network.prefixlen not in SUBNET_PREFIXES:
        findings.refuse_setting(path, f"{network} has the wrong size.", "/16 to /27")
    elif path == "network.service_cidr" and network.prefixlen not in SERVICE_PREFIXES:
        findings.refuse_setting(path, f"{network} has the wrong size.", "/12 to /24")
    elif path == "network.pod_cidr" and 2 ** max(NODE_BLOCK - network.prefixlen, -1) < nodes:
        widest = NODE_BLOCK - (nodes - 1).bit_length()
        what = f"{network} is too small: each of the {nodes} machines takes a /{NODE_BLOCK}."
        findings.refuse_setting(path, what, f"/{widest} or wider")


def check_addresses(spec: LabSpec, findings: Findings) -> None:
    if not spec.network.subnet:
        return
    subnet = IPv4Network(spec.network.subnet)
    reserved = {
        subnet[0]: "is the network itself",
        subnet[1]: "is the lab host's",
        subnet[-1]: "is for broadcasts",
    }
    for index, machine in enumerate(spec.machines):
        if not machine.ip:
            continue
        path, address = f"machines[{index}].ip", IPv4Address(machine.ip)
        if address not in subnet:
            findings.refuse_setting(
                path, f"{address} is outside the lab's network.", f"an address of {subnet}"
            )
        elif address in reserved:
            findings.refuse_setting(path, f"{address} {reserved[address]}.", f"another address of {subnet}")
    for index in repeated(machine.ip for machine in spec.machines):
        ip = spec.machines[index].ip
        findings.refuse_setting(
            f"machines[{index}].ip", f"Another machine has {ip}.", "an address of its own"
        )


def check_scope(spec: LabSpec, findings: Findings) -> None:
    """Say what a lab without Kubernetes ignores."""
    if spec.scope == "machines" and spec.overrides:
        key, line = findings.place("overrides")
        findings.note(line, key, "A lab with the scope machines has no Kubernetes; this is not used.")
