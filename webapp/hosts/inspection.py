"""Look at this computer as a lab host: what is installed, what is missing, the remedy.

`gather` asks the system; `judge` is pure and turns the facts into findings.
"""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from webapp.hosts import system
from webapp.vagrant.driver import vagrant_env

Level = Literal["ok", "warning", "error"]
GIB = 1024**3
ASK_TIMEOUT_S = 30
WINRM_GEMS = {"winrm", "winrm-fs", "winrm-elevated"}


@dataclass(frozen=True)
class Facts:
    """What was seen. Sizes in GiB; texts are "" when the program is not there."""

    system: str
    cpus: int
    memory_gib: float
    free_memory_gib: float
    free_disk_gib: float
    vagrant: str = ""
    plugins: tuple[str, ...] = ()
    virtualbox: str = ""
    libvirt: str = ""
    has_kvm: bool = False
    has_winrm: bool = False
    vmware_utility: bool = False
    has_virtualisation: bool | None = None  # None: this system does not tell
    is_elevated: bool | None = None  # only Windows tells
    virtualbox_ranges: tuple[str, ...] = ()  # of /etc/vbox/networks.conf; () = VirtualBox's own default
    addresses: tuple[tuple[str, str], ...] = ()  # (card, "192.168.56.1/24"), IPv4
    ports: tuple[int, ...] = ()  # TCP ports that something listens on


@dataclass(frozen=True)
class Finding:
    """One line of the hosts page. `remedy` is a sentence, which ends in a full stop, or a command."""

    key: str
    level: Level
    title: str
    detail: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Inspection:
    """The outcome: findings, the providers that can be used, and the facts."""

    facts: Facts
    findings: tuple[Finding, ...] = field(default=())
    providers: tuple[str, ...] = ()

    def to_json(self) -> tuple[list[dict[str, object]], list[str], dict[str, object]]:
        return [asdict(f) for f in self.findings], list(self.providers), asdict(self.facts)


def ask(*command: str, env: dict[str, str] | None = None) -> str:
    """Return what a program prints, "" when it is missing, fails or takes over 30 s."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=ASK_TIMEOUT_S, check=False, env=env
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def gather(lab_home: Path, vagrant: Path | None, vagrant_home: Path | None = None) -> Facts:
    """Ask the system. Takes a few seconds where Vagrant is installed; plugins are those of `vagrant_home`."""
    lab_home.mkdir(parents=True, exist_ok=True)
    memory = psutil.virtual_memory()
    plugins = plugins_of(vagrant, vagrant_home)
    return Facts(
        system=f"{platform.system()} {platform.release()}",
        cpus=psutil.cpu_count() or 1,
        memory_gib=round(memory.total / GIB, 1),
        free_memory_gib=round(memory.available / GIB, 1),
        free_disk_gib=round(shutil.disk_usage(lab_home).free / GIB, 1),
        vagrant=ask(str(vagrant), "--version") if vagrant else "",
        plugins=plugins,
        virtualbox=ask("VBoxManage", "--version"),
        libvirt=ask("virsh", "--connect", "qemu:///system", "version", "--daemon"),
        has_kvm=Path("/dev/kvm").exists(),
        has_winrm=bool(vagrant) and has_winrm_gem(plugins),
        vmware_utility=Path("/opt/vagrant-vmware-desktop").exists(),
        has_virtualisation=system.has_virtualisation(),
        is_elevated=system.is_elevated(),
        virtualbox_ranges=system.virtualbox_ranges(),
        addresses=system.addresses(),
        ports=system.listening_ports(),
    )


def plugins_of(vagrant: Path | None, vagrant_home: Path | None) -> tuple[str, ...]:
    """Return the plugins below this home; () without Vagrant. They are run, so they get no secret of ours."""
    env = None
    if vagrant_home is not None:
        (vagrant_home / "user").mkdir(mode=0o700, parents=True, exist_ok=True)
        env = vagrant_env(vagrant_home, os.environ)
    listed = ask(str(vagrant), "plugin", "list", env=env) if vagrant else ""
    return tuple(line.split()[0] for line in listed.splitlines() if "(" in line)


def has_winrm_gem(plugins: Iterable[str]) -> bool:
    """HashiCorp's own package bundles the three gems; distributions' packages do not."""
    bundled = Path("/opt/vagrant/embedded/gems").exists()
    return bundled or set(plugins) >= WINRM_GEMS


def judge(facts: Facts) -> Inspection:
    """Pure: facts to findings, worst first within each subject."""
    findings = (
        *judge_vagrant(facts),
        *judge_providers(facts),
        *judge_room(facts),
    )
    return Inspection(facts, findings, usable_providers(facts))


def usable_providers(facts: Facts) -> tuple[str, ...]:
    """Providers that Vagrant can drive here, the most convenient first."""
    if not facts.vagrant:
        return ()
    found = {
        "virtualbox": bool(facts.virtualbox),
        "libvirt": "vagrant-libvirt" in facts.plugins and bool(facts.libvirt),
        "vmware_desktop": "vagrant-vmware-desktop" in facts.plugins and facts.vmware_utility,
        "hyperv": facts.system.startswith("Windows"),
    }
    return tuple(name for name, is_usable in found.items() if is_usable)


def judge_vagrant(facts: Facts) -> Iterable[Finding]:
    if not facts.vagrant:
        yield Finding(
            "vagrant",
            "warning",
            "Vagrant is not installed",
            "Labs on this host can only be rehearsed.",
            "Install Vagrant 2.4.9 or newer from HashiCorp's packages, then inspect again.",
        )
        return
    yield Finding("vagrant", "ok", facts.vagrant, f"Plugins: {', '.join(facts.plugins) or 'none'}.")
    if not facts.has_winrm:
        yield Finding(
            "winrm",
            "warning",
            "Vagrant has no WinRM",
            "Windows machines of labs launched now are reached over SSH, which their boxes must run.",
            "vagrant plugin install winrm winrm-fs winrm-elevated",
        )


def judge_providers(facts: Facts) -> Iterable[Finding]:
    providers = usable_providers(facts)
    if providers:
        yield Finding("provider", "ok", f"Providers: {', '.join(providers)}")
    else:
        yield Finding(
            "provider",
            "warning",
            "No provider was found",
            "Launches on this host are rehearsals: nothing real is started.",
            "Install VirtualBox 7, or libvirt with the plugin vagrant-libvirt, then inspect again.",
        )
    if "libvirt" in providers and not facts.has_kvm:
        yield Finding(
            "kvm",
            "warning",
            "There is no /dev/kvm",
            "QEMU emulates the processor: Linux takes minutes to boot, Windows is out of reach.",
            "Switch on virtualisation in the firmware, or nested virtualisation of this VM.",
        )


def judge_room(facts: Facts) -> Iterable[Finding]:
    yield graded(
        "disk",
        facts.free_disk_gib,
        20,
        80,
        "GiB free for labs",
        "Free some space, or set LAB_HOME to a larger disk.",
    )
    yield graded(
        "memory",
        facts.free_memory_gib,
        2,
        10,
        "GiB of memory free",
        "One lab with one Windows worker takes about 10 GiB.",
    )
    yield graded(
        "cpus",
        facts.cpus,
        1,
        4,
        "processors",
        "Labs share them: one with a Windows worker keeps four busy while it is set up.",
    )


def graded(
    key: str, value: float, error_below: float, warning_below: float, unit: str, remedy: str
) -> Finding:
    level: Level = "error" if value < error_below else "warning" if value < warning_below else "ok"
    if level == "ok":
        return Finding(key, level, f"{value:g} {unit}")
    return Finding(key, level, f"Only {value:g} {unit}", f"{warning_below:g} or more are wanted.", remedy)
