"""What one look at a machine found. Pure; `powershell` makes it on Windows, `linux_look` on Linux.

A value that was not told or not understood is "" or None, never a guess.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ServiceState = Literal[
    "Running",
    "Stopped",
    "StartPending",
    "StopPending",
    "ContinuePending",
    "PausePending",
    "Paused",
    "",
]


@dataclass(frozen=True)
class WindowsServiceFacts:
    """A service as the control manager knows it (on Linux: a systemd unit in the same words).

    `command` is redacted. `restarts` are the times of its ends and crashes within the last hour.
    """

    name: str
    state: ServiceState = ""
    start_type: str = ""
    account: str = ""
    command: str = ""
    pid: int | None = None
    exit_code: int | None = None
    since: datetime | None = None
    depends_on: tuple[str, ...] = ()
    restarts: tuple[datetime, ...] | None = None


@dataclass(frozen=True)
class BinaryFacts:
    """A program on the machine."""

    name: str
    path: str = ""
    version: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class HnsNetwork:
    """A network of the Host Network Service."""

    name: str
    type: str = ""
    management_ip: str = ""
    subnet: str = ""


@dataclass(frozen=True)
class HnsEndpoint:
    """A pod's or the machine's end of an HNS network."""

    name: str
    address: str = ""
    network: str = ""
    state: str = ""


@dataclass(frozen=True)
class CniFile:
    """A CNI configuration as it lies on the machine; `text` is redacted."""

    name: str
    text: str = ""


@dataclass(frozen=True)
class SystemEvent:
    """One entry of a Windows event log."""

    at: datetime | None
    provider: str = ""
    id: int | None = None
    text: str = ""


@dataclass(frozen=True)
class MachineFacts:
    """One machine from the inside. `clock_skew_s`: its clock minus ours, seconds."""

    os: str = "windows"
    build: str = ""
    booted_at: datetime | None = None
    clock_skew_s: float | None = None
    missing_features: tuple[str, ...] | None = None
    is_reboot_pending: bool | None = None
    reboot_reasons: tuple[str, ...] = ()
    is_licensed: bool | None = None
    licence_minutes: int | None = None
    disk_free_gib: float | None = None
    addresses: tuple[str, ...] = ()
    answers_containerd: bool | None = None
    binaries: tuple[BinaryFacts, ...] | None = None
    can_reach_api: bool | None = None
    api_problem: str = ""
    has_kubelet_conf: bool | None = None
    has_bootstrap_conf: bool | None = None
    is_kubelet_healthy: bool | None = None
    cni_files: tuple[str, ...] | None = None
    hns_networks: tuple[HnsNetwork, ...] | None = None
    hns_endpoints: int | None = None
    endpoints: tuple[HnsEndpoint, ...] = ()
    cni_contents: tuple[CniFile, ...] = ()
    services: tuple[WindowsServiceFacts, ...] | None = None
    events: tuple[SystemEvent, ...] = ()
    log_files: tuple[str, ...] = ()
    join_log: tuple[str, ...] = ()
    kubelet_log: tuple[str, ...] = ()
    files: tuple[str, ...] | None = None  # Linux: what kubeadm has written, e.g. "admin.conf"
    is_api_ready: bool | None = None  # the control plane: /readyz
    problems: tuple[str, ...] = ()

    def service(self, name: str) -> WindowsServiceFacts | None:
        wanted = name.lower()
        return next((service for service in self.services or () if service.name.lower() == wanted), None)

    def binary(self, name: str) -> BinaryFacts | None:
        return next((binary for binary in self.binaries or () if binary.name == name), None)
