"""What a lab shall be: the frozen `LabSpec` that every other room reads.

`variables` makes it from text, `placing` makes its addresses concrete for one lab
and writes what the kit's Vagrantfile reads, `planning` turns it into steps.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

Scope = Literal["cluster", "machines"]
Role = Literal["control-plane", "windows", "linux"]
Os = Literal["linux", "windows"]
CniName = Literal["calico", "antrea", "none"]
Source = Literal["release", "ci", "build", "file"]
ProviderName = Literal["auto", "virtualbox", "hyperv", "vmware_desktop", "libvirt", "rehearsal"]

# A set that Kubernetes' image-builder tests together (Jul 2026); two people who
# launch the same definition get the same lab, so defaults are exact.
DEFAULT_KUBERNETES = "1.36.1"
DEFAULT_CONTAINERD = "2.3.4"
DEFAULT_CNI_VERSION: Mapping[CniName, str] = {"calico": "3.32.1", "antrea": "2.7.0", "none": ""}
DEFAULT_POD_CIDR = "10.244.0.0/16"
DEFAULT_SERVICE_CIDR = "10.96.0.0/12"
# The one family of boxes that exists for each supported provider.
LINUX_BOX = "gusztavvargadr/ubuntu-server-2404-lts"
WINDOWS_BOX = "gusztavvargadr/windows-server-2022-standard-core"
WINDOWS_BOX_VERSION = "2601.0.0"


@dataclass(frozen=True)
class KubernetesSpec:
    """Versions; each "" means "follows `version`", an empty repository "kubeadm decides"."""

    version: str = DEFAULT_KUBERNETES
    control_plane_version: str = ""
    image_repository: str = ""
    linux_package_version: str = ""


@dataclass(frozen=True)
class Override:
    """One binary that does not come from the Kubernetes release.

    `path` is relative to the lab host's files (file), or a version (release, ci). `ref` and `repository` say
    what is built; "" means the definition's `build`.
    """

    os: Os
    binary: str
    source: Source
    path: str = ""
    ref: str = ""
    repository: str = ""


@dataclass(frozen=True)
class CniSpec:
    """The network plugin and how it runs on Windows.

    `windows` and `kube_proxy` exist to express the talk's combinations of 2021
    (services, userspace) too; `compatibility` says which of them still work.
    """

    name: CniName = "calico"
    version: str = DEFAULT_CNI_VERSION["calico"]
    windows: Literal["host-process", "services"] = "host-process"
    kube_proxy: Literal["auto", "kernelspace", "userspace"] = "auto"


@dataclass(frozen=True)
class ContainerdSpec:
    """The container runtime on every machine."""

    version: str = DEFAULT_CONTAINERD


@dataclass(frozen=True)
class MachineSpec:
    """One virtual machine. `ip` "" means that `placing.place` chooses one."""

    name: str
    role: Role
    os: Os
    box: str
    box_version: str = ""
    box_url: str = ""
    cpus: int = 2
    memory_mib: int = 4096
    ip: str = ""


@dataclass(frozen=True)
class NetworkSpec:
    """Address ranges (CIDR). `subnet` "" means that the lab gets its own."""

    subnet: str = ""
    pod_cidr: str = DEFAULT_POD_CIDR
    service_cidr: str = DEFAULT_SERVICE_CIDR


@dataclass(frozen=True)
class ProviderSpec:
    """Who runs the machines; `options` from `keys.PROVIDER_OPTIONS` only."""

    name: ProviderName = "auto"
    options: Mapping[str, str | bool] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class RehearsalSpec:
    """How a rehearsal plays: times real time (None: the site's setting) and what goes wrong."""

    speed: float | None = None
    mishaps: tuple[str, ...] = ()


def default_machine(role: Role, number: int = 1, **changes: Any) -> MachineSpec:  # Any: fields of MachineSpec
    """Return the machine that a definition gets when it says nothing more."""
    defaults: dict[Role, dict[str, Any]] = {  # Any: fields of MachineSpec
        "control-plane": {"name": "controlplane", "os": "linux", "box": LINUX_BOX},
        "windows": {
            "name": f"winw{number}",
            "os": "windows",
            "box": WINDOWS_BOX,
            "box_version": WINDOWS_BOX_VERSION,
            "memory_mib": 6144,
        },
        "linux": {"name": f"linw{number}", "os": "linux", "box": LINUX_BOX},
    }
    return MachineSpec(role=role, **{**defaults[role], **changes})


def default_machines() -> tuple[MachineSpec, ...]:
    return (default_machine("control-plane"), default_machine("windows"))


@dataclass(frozen=True)
class LabSpec:
    """Everything a definition says; equal specs mean equal labs."""

    scope: Scope = "cluster"
    kubernetes: KubernetesSpec = KubernetesSpec()
    overrides: tuple[Override, ...] = ()
    build_ref: str = ""
    build_repository: str = ""
    cni: CniSpec = CniSpec()
    containerd: ContainerdSpec = ContainerdSpec()
    machines: tuple[MachineSpec, ...] = field(default_factory=default_machines)
    network: NetworkSpec = NetworkSpec()
    provider: ProviderSpec = field(default_factory=ProviderSpec)
    rehearsal: RehearsalSpec = RehearsalSpec()

    @property
    def built(self) -> tuple[Override, ...]:
        """The binaries that are compiled for this lab."""
        return tuple(override for override in self.overrides if override.source == "build")

    @property
    def control_plane(self) -> MachineSpec:
        return next(machine for machine in self.machines if machine.role == "control-plane")

    @property
    def windows_machines(self) -> tuple[MachineSpec, ...]:
        return tuple(machine for machine in self.machines if machine.role == "windows")

    def to_json(self) -> dict[str, Any]:  # Any: the JSON edge
        """Return plain dicts and lists in a stable order, for a JSONField."""
        value = asdict(self)
        for key in ("overrides", "machines"):
            value[key] = list(value[key])
        value["rehearsal"]["mishaps"] = list(value["rehearsal"]["mishaps"])
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:  # Any: the JSON edge
        """Undo `to_json`. A key missing in an older row gets today's default."""
        rehearsal = value.get("rehearsal", {})
        return cls(
            scope=value["scope"],
            kubernetes=KubernetesSpec(**value["kubernetes"]),
            overrides=tuple(Override(**item) for item in value["overrides"]),
            build_ref=value["build_ref"],
            build_repository=value.get("build_repository", ""),
            cni=CniSpec(**value["cni"]),
            containerd=ContainerdSpec(**value["containerd"]),
            machines=tuple(MachineSpec(**item) for item in value["machines"]),
            network=NetworkSpec(**value["network"]),
            provider=ProviderSpec(**value["provider"]),
            rehearsal=RehearsalSpec(rehearsal.get("speed"), tuple(rehearsal.get("mishaps", ()))),
        )
