"""Can this host carry this lab? Pure: facts of the host and a lab's need in, findings out.

Each finding says what, why it matters and the remedy. The run's preflight step and the hosts page use it.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from webapp.hosts.inspection import Facts, Finding, Level, judge, usable_providers

# Source: VirtualBox manual, host-only networking, 6.1.28 and later.
VIRTUALBOX_DEFAULT = ("192.168.56.0/21",)
# Source: Vagrant's config.vm.usable_port_range; forwarded ports are moved into it.
PORTS = range(2200, 2251)
OLDEST_VAGRANT = (2, 3)
VIRTUALBOX_72 = ((7, 2), (2, 4, 9))  # Vagrant's changelog: 2.4.9 is the first that knows VirtualBox 7.2
DISK_GIB = {"windows": 25, "linux": 8}  # what a machine's disk grows to in a launch
RESERVE_MIB = 1024  # the host's own
FORWARDING = ("virtualbox", "vmware_desktop")


@dataclass(frozen=True)
class Box:
    """A box that a machine is made of; `state` "present", "downloadable", or why it cannot be had."""

    name: str
    version: str
    state: str


@dataclass(frozen=True)
class Need:
    """What a lab asks of its host. `is_made`: some of its machines exist, so that its network may, too."""

    provider: str
    subnet: str
    memory_mib: int
    cpus: int
    most_cpus: int
    windows_count: int
    linux_count: int
    boxes: tuple[Box, ...] = ()
    is_made: bool = False
    is_emulated: bool = False  # provider_options.driver qemu: no hardware virtualisation is wanted
    windows_over: str = "winrm"  # or winssh, as the lab was made
    missing_files: tuple[str, ...] = ()  # a sentence each: overrides that name a file which is not here


def judge_lab(facts: Facts, need: Need) -> tuple[Finding, ...]:
    """Return every finding about this lab on this host, errors first."""
    found = [
        *judge_provider(facts, need),
        *judge_winrm(facts, need),
        *judge_ranges(facts, need.provider, need.subnet),
        *judge_subnet(facts, need),
        *judge_ports(facts, need),
        *judge_size(facts, need),
        *judge_boxes(need),
        *judge_files(need),
        *judge_pairs(facts),
    ]
    if need.provider in usable_providers(facts):
        found += [*judge_virtualisation(facts, need.provider, is_emulated=need.is_emulated)]
    return tuple(sorted(found, key=lambda finding: ("error", "warning", "ok").index(finding.level)))


def judge_host(facts: Facts, pool: str) -> tuple[Finding, ...]:
    """Return what can be said before there is a lab; `pool` is where labs get their subnets from."""
    found: list[Finding] = [*judge_pairs(facts)]
    for provider in usable_providers(facts):
        found += [*judge_ranges(facts, provider, pool), *judge_virtualisation(facts, provider)]
    return tuple(found)


def judge_provider(facts: Facts, need: Need) -> Iterator[Finding]:
    if need.provider in usable_providers(facts):
        yield Finding("provider", "ok", f"The provider {need.provider} can be used")
        return
    known = {finding.key: finding for finding in judge(facts).findings}
    remedy = known["vagrant"].remedy or known["provider"].remedy or REMEDIES.get(need.provider, "")
    yield Finding(
        "provider",
        "error",
        f"The provider {need.provider} cannot be used on this host",
        "Vagrant, the hypervisor or Vagrant's plugin for it is missing.",
        remedy or f"Install {need.provider}, or choose another provider in the definition.",
    )


REMEDIES = {
    "libvirt": "vagrant plugin install vagrant-libvirt",
    "vmware_desktop": "vagrant plugin install vagrant-vmware-desktop",
}


def judge_winrm(facts: Facts, need: Need) -> Iterator[Finding]:
    if not need.windows_count or not facts.vagrant or facts.has_winrm:
        return
    level: Level = "error" if need.windows_over == "winrm" else "warning"
    detail = (
        "Every command on this lab would end in “cannot load such file -- winrm”."
        if level == "error"
        else "This lab's Windows machines are reached over SSH instead: their box must run OpenSSH."
    )
    remedy = "vagrant plugin install winrm winrm-fs winrm-elevated"
    yield Finding("winrm", level, "Vagrant has no WinRM", detail, remedy)


def judge_ranges(facts: Facts, provider: str, subnet: str) -> Iterator[Finding]:
    """VirtualBox allows host-only addresses in certain ranges only; on Windows hosts in all."""
    if provider != "virtualbox" or facts.system.startswith("Windows"):
        return
    allowed = facts.virtualbox_ranges or VIRTUALBOX_DEFAULT
    wanted = ipaddress.IPv4Network(subnet)
    if any(wanted.subnet_of(ipaddress.IPv4Network(one, strict=False)) for one in allowed):
        yield Finding("virtualbox-ranges", "ok", f"VirtualBox allows {subnet}")
        return
    yield Finding(
        "virtualbox-ranges",
        "error",
        f"VirtualBox does not allow {subnet}",
        f"It refuses host-only networks outside {', '.join(allowed)}.",
        f"echo '* {subnet}' | sudo tee -a /etc/vbox/networks.conf",
    )


def judge_subnet(facts: Facts, need: Need) -> Iterator[Finding]:
    """A card of the host with another network in the lab's addresses takes the lab's traffic."""
    wanted = ipaddress.IPv4Network(need.subnet)
    for card, text in facts.addresses:
        have = ipaddress.IPv4Interface(text)
        if not have.network.overlaps(wanted):
            continue
        is_gateway = have.network == wanted and have.ip == wanted[1]
        if is_gateway and not need.is_made:
            detail = "Most likely a network that an earlier lab left; the lab takes it over."
            yield Finding("subnet", "warning", f"{card} has the lab's gateway {have.ip} already", detail)
        elif not is_gateway:
            yield Finding(
                "subnet",
                "error",
                f"{need.subnet} is in use on this host: {card} has {text}",
                "Packets to the lab's machines would go elsewhere.",
                "Set network.subnet in the definition to a free range, or LAB_SUBNET_POOL for all labs.",
            )


def judge_ports(facts: Facts, need: Need) -> Iterator[Finding]:
    """Forwarded ports of the lab's machines move into Vagrant's range; it must have room."""
    free = [port for port in PORTS if port not in facts.ports]
    wanted = 3 * need.windows_count + need.linux_count
    if need.provider in FORWARDING and not need.is_made and len(free) < wanted:
        yield Finding(
            "ports",
            "error",
            f"{len(free)} of the ports {PORTS[0]} to {PORTS[-1]} are free, {wanted} are needed",
            "Vagrant forwards each machine's SSH, WinRM and RDP to a port of this host.",
            "Halt another lab on this host, or stop what listens on these ports: ss -ltnp",
        )


def judge_size(facts: Facts, need: Need) -> Iterator[Finding]:
    if need.is_made:
        return
    disk_gib = need.windows_count * DISK_GIB["windows"] + need.linux_count * DISK_GIB["linux"]
    yield short_of(
        "memory",
        have=round(facts.free_memory_gib * 1024),
        want=need.memory_mib + RESERVE_MIB,
        unit="MiB of memory",
        remedy="Halt another lab on this host, or give this one's machines less.",
    )
    yield short_of(
        "disk",
        have=round(facts.free_disk_gib),
        want=disk_gib,
        unit="GiB of disk",
        remedy="Free some space, or set LAB_HOME to a larger disk.",
    )
    if need.most_cpus > facts.cpus:
        title = f"A machine of this lab has {need.most_cpus} processors, the host has {facts.cpus}"
        yield Finding("cpus", "error", title, "Hypervisors refuse that.", "Set its cpus lower.")
    elif need.cpus > 2 * facts.cpus:
        title = f"The lab's machines have {need.cpus} processors together, the host has {facts.cpus}"
        yield Finding("cpus", "warning", title, "They take turns, so that steps run into time limits.")


def short_of(key: str, *, have: int, want: int, unit: str, remedy: str) -> Finding:
    if have >= want:
        return Finding(key, "ok", f"{have} {unit} free, {want} wanted")
    detail = "The machines would not start, or stop in the middle."
    return Finding(key, "error", f"{have} {unit} free, {want} wanted", detail, remedy)


def judge_boxes(need: Need) -> Iterator[Finding]:
    for box in need.boxes:
        title = f"{box.name} {box.version}".strip()
        if box.state == "present":
            yield Finding("box", "ok", f"The box {title} is here")
        elif box.state == "downloadable":
            yield Finding("box", "ok", f"The box {title} is downloaded with the first machine")
        else:
            yield Finding(
                "box",
                "error",
                f"The box {title} is not here and cannot be reached",
                box.state,
                f"vagrant box add {box.name} --provider {need.provider}"
                + (f" --box-version {box.version}" if box.version else ""),
            )


def judge_files(need: Need) -> Iterator[Finding]:
    for text in need.missing_files:
        detail = "The step that needs it would fail when all the rest is installed."
        yield Finding("file", "error", "A binary that the definition names is not here", detail, text)


def judge_pairs(facts: Facts) -> Iterator[Finding]:
    """Versions that do not go together."""
    vagrant, virtualbox = version_of(facts.vagrant), version_of(facts.virtualbox)
    if vagrant and vagrant < OLDEST_VAGRANT:
        title = f"{facts.vagrant} is too old"
        yield Finding(
            "vagrant-version", "error", title, "The kit needs 2.3 or newer.", "Install Vagrant 2.4.9."
        )
    box, least = VIRTUALBOX_72
    if virtualbox[:2] >= box and vagrant and vagrant < least:
        yield Finding(
            "vagrant-version",
            "error",
            f"{facts.vagrant} does not know VirtualBox {facts.virtualbox}",
            "It would say that the provider is not installed.",
            "Install Vagrant 2.4.9 or newer, or VirtualBox 7.1.",
        )


def version_of(text: str) -> tuple[int, ...]:
    """Return the first dotted number in a text; () when there is none."""
    found = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def judge_virtualisation(facts: Facts, provider: str, *, is_emulated: bool = False) -> Iterable[Finding]:
    if provider == "hyperv" and facts.is_elevated is False:
        yield Finding(
            "elevation",
            "error",
            "The worker has no administrative rights",
            "Vagrant's Hyper-V provider works only with them.",
            "Start the worker in a shell that runs as administrator.",
        )
    if facts.has_virtualisation is False and not is_emulated:
        level: Level = "warning" if provider == "libvirt" else "error"
        yield Finding(
            "virtualisation",
            level,
            "The processor's virtualisation is not available",
            "Without it Windows machines are out of reach; VirtualBox starts none at all.",
            "Switch on VT-x or AMD-V in the firmware, or nested virtualisation of this VM.",
        )
