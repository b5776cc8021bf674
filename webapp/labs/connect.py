"""How to reach a lab's machines: commands to copy. Pure.

Machines live in a private network of their lab host, so each way starts there.
Boxes have the user `vagrant` with the password `vagrant`; nothing here is a secret
of a lab, but only those with lab.connect are shown it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Protocol


class Reachable(Protocol):
    """What is needed of a machine."""

    name: str
    role: str
    ip: str | None


@dataclass(frozen=True)
class Way:
    """One way into one machine; `command` is run where `where` says."""

    machine: str
    title: str
    where: str
    command: str


def ways(machines: Sequence[Reachable], *, folder: Path, vagrant_home: Path, host: str) -> list[Way]:
    """List the ways, machine by machine, then the cluster's kubeconfig."""
    vagrant = f"cd {quote(str(folder))} && VAGRANT_HOME={quote(str(vagrant_home))} vagrant"
    found = [way for machine in machines for way in machine_ways(machine, vagrant, host)]
    return [*found, *kubeconfig_ways(machines, vagrant, host)]


def machine_ways(machine: Reachable, vagrant: str, host: str) -> Iterator[Way]:
    on_host = f"on {host}"
    name = quote(machine.name)
    if machine.role != "windows":
        yield Way(machine.name, "SSH", on_host, f"{vagrant} ssh {name}")
        return
    yield Way(machine.name, "WinRM", on_host, f"{vagrant} winrm {name} -c hostname")
    if machine.ip:
        yield Way(
            machine.name,
            "PowerShell",
            f"on {host}, if it is Windows",
            f"Enter-PSSession -ComputerName {machine.ip} -Credential vagrant",
        )
        yield Way(
            machine.name,
            "RDP",
            "on your computer; then open localhost:33389 as vagrant",
            f"ssh -N -L 33389:{machine.ip}:3389 {quote(host)}",
        )


def kubeconfig_ways(machines: Sequence[Reachable], vagrant: str, host: str) -> Iterator[Way]:
    for machine in machines:
        if machine.role == "control-plane":
            command = (
                f'{vagrant} ssh {quote(machine.name)} -c "sudo cat /etc/kubernetes/admin.conf" > kubeconfig'
            )
            yield Way(machine.name, "kubeconfig", f"on {host}", command)
