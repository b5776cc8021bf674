"""A spec becomes one lab's: concrete addresses, and the lab.json that the kit reads. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from ipaddress import IPv4Network
from typing import Any, Literal

from webapp.catalog.kit_steps import KitStep
from webapp.catalog.spec import LabSpec, MachineSpec, Role

# How Vagrant reaches Windows machines: winssh where its WinRM gems are missing.
WindowsOver = Literal["winrm", "winssh"]
# Where each role's addresses begin, counted from the subnet's first address.
FIRST_HOST: Mapping[Role, int] = {"control-plane": 10, "windows": 11, "linux": 21}


def place(spec: LabSpec, subnet: str) -> LabSpec:
    """Give each machine without an address the next free one of its role.

    Raises ValueError when an address that the definition fixes lies outside `subnet`, or none is left.
    """
    network = IPv4Network(subnet)
    taken = {machine.ip for machine in spec.machines if machine.ip}
    outside = [ip for ip in sorted(taken) if not _lies_in(ip, network)]
    if outside:
        raise ValueError(f"{', '.join(outside)} outside the lab's subnet {subnet}")
    free = {role: _free_addresses(network, first, taken) for role, first in FIRST_HOST.items()}
    machines = tuple(replace(m, ip=m.ip or next(free[m.role], "")) for m in spec.machines)
    if without := [machine.name for machine in machines if not machine.ip]:
        raise ValueError(f"{subnet} has no address left for {', '.join(without)}")
    return replace(spec, machines=machines, network=replace(spec.network, subnet=str(network)))


def _lies_in(ip: str, network: IPv4Network) -> bool:
    return IPv4Network(ip).subnet_of(network)


def _free_addresses(network: IPv4Network, first: int, taken: set[str]) -> Iterator[str]:
    """Yield addresses from `first` on, marking each as taken."""
    for offset in range(first, network.num_addresses - 1):
        ip = str(network[offset])
        if ip not in taken:
            taken.add(ip)
            yield ip


def lab_json(
    spec: LabSpec,
    *,
    lab: str,
    prefix: str,
    provider: str,
    kit_steps: Sequence[KitStep],
    rehearsal_speed: float | None = None,
    windows_over: WindowsOver = "winrm",
) -> dict[str, Any]:  # Any: the JSON edge
    """Return what the kit reads; `spec` is a placed one. Contract: docs/kit.md."""
    value = spec.to_json()
    network = IPv4Network(spec.network.subnet)
    return {
        "lab": lab,
        "prefix": prefix,
        "provider": provider,
        "provider_options": value["provider"]["options"],
        "scope": spec.scope,
        "network": {**value["network"], "gateway": str(network[1])},
        **{key: value[key] for key in ("kubernetes", "overrides", "build_ref", "cni", "containerd")},
        "machines": [_machine_json(spec, machine, kit_steps, windows_over) for machine in spec.machines],
        "rehearsal": {**value["rehearsal"], "speed": spec.rehearsal.speed or rehearsal_speed},
    }


def _machine_json(
    spec: LabSpec, machine: MachineSpec, kit_steps: Sequence[KitStep], windows_over: WindowsOver
) -> dict[str, Any]:
    """Any: the JSON edge. All steps of the machine, whatever verb they belong to."""
    facts = {"role": machine.role, "os": machine.os, "scope": spec.scope, "cni": spec.cni.name}
    keys = ("name", "title", "script", "inputs", "may_reboot", "usual_s")
    steps = [{key: getattr(step, key) for key in keys} for step in kit_steps if step.belongs_on(**facts)]
    communicator = windows_over if machine.os == "windows" else "ssh"
    return {**asdict(machine), "communicator": communicator, "steps": steps}
