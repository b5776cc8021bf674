"""Every key of the three generations, and what its value may look like.

docs/definitions.md explains them; a test holds that each is there.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from webapp.catalog.spec import CniName, Os, ProviderName, Role, Scope, Source

Generation = Literal["2021", "2022", "ours"]

# -- what only one generation has tells which one a file is ------------------------
SHARED_HISTORIC = (
    "windows_node_ip",
    "k8s_linux_kubelet_nodeip",
    "linux_ram",
    "linux_cpus",
    "windows_ram",
    "windows_cpus",
    "kubernetes_version",  # 2022; also in the oldest files of 2021
    "cni",
)
ONLY_2021 = (
    "kubernetes_sha",
    "kubernetes_compatibility",
    "kubernetes_version_build",
    "kubernetes_version_windows",
    "kubernetes_version_linux",
    "overwrite_windows_bins",
    "overwrite_linux_bins",
    "kubelet_path",
    "kubeproxy_path",
    "k8s_linux_registry",
    "k8s_linux_kubelet_deb",
    "k8s_linux_apiserver",
)
ONLY_2022 = ("build_from_source", "pod_cidr", "containerd_version", "calico_version")
OURS = (
    "scope",
    "kubernetes",
    "linux",
    "build",
    "overrides",
    "cni",
    "versions",
    "machines",
    "vm",
    "network",
    "provider",
    "rehearsal",
)
KUBERNETES = ("version", "control_plane_version", "image_repository")
LINUX = ("package_version",)
BUILD = ("ref", "repository")
VERSIONS = ("containerd", "calico", "antrea")
CNI = ("name", "windows", "kube_proxy")
NETWORK = ("subnet", "control_plane_ip", "windows_ips", "pod_cidr", "service_cidr")
REHEARSAL = ("speed", "mishaps")
OVERRIDE = ("source", "path", "ref", "repository")
SIZES = ("cpus", "memory_mib", "box", "box_version", "box_url")
MACHINE = ("name", "role", "ip", *SIZES)
VM = ("linux", "windows")
VM_GROUP = ("count", *SIZES)

# -- closed sets -----------------------------------------------------------------
SCOPES: tuple[Scope, ...] = ("cluster", "machines")
ROLES: tuple[Role, ...] = ("control-plane", "windows", "linux")
CNIS: tuple[CniName, ...] = ("calico", "antrea", "none")
CNI_WINDOWS: tuple[Literal["host-process", "services"], ...] = ("host-process", "services")
KUBE_PROXIES: tuple[Literal["auto", "kernelspace", "userspace"], ...] = ("auto", "kernelspace", "userspace")
SOURCES: tuple[Source, ...] = ("release", "ci", "build", "file")
PROVIDERS: tuple[ProviderName, ...] = (
    "auto",
    "virtualbox",
    "hyperv",
    "vmware_desktop",
    "libvirt",
    "rehearsal",
)
BINARIES: Mapping[Os, tuple[str, ...]] = {
    "windows": ("kubelet", "kube-proxy", "kubeadm", "kubectl", "containerd", "shim"),
    "linux": ("kubelet", "kubeadm", "kubectl"),
}


class Shape(NamedTuple):
    """What a text may be: the pattern of the whole and the words for people."""

    pattern: str
    allowed: str
    words: tuple[str, ...] = ()  # all values, where they are a closed set


_EXACT = r"1\.[0-9]{1,3}\.[0-9]{1,3}(-[0-9A-Za-z.-]{1,40})?(\+[0-9A-Za-z.-]{1,64})?"
_LABEL = r"(stable|latest)(-1(\.[0-9]{1,3})?)?"
_WORD = r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}"

KUBERNETES_VERSION = Shape(
    rf"v?{_EXACT}|1\.[0-9]{{1,3}}|(ci/)?(fast/)?{_LABEL}|ci/v{_EXACT}",
    "a minor (1.36), an exact version (1.36.1), a label (stable-1.36) or a CI build (ci/latest-1.38)",
)
PACKAGE_VERSION = Shape(
    r"1\.[0-9]{1,3}\.[0-9]{1,3}(-[0-9]{1,3}(\.[0-9]{1,3})?)?", "such as 1.36.1 or 1.36.1-1.1"
)
COMPONENT_VERSION = Shape(
    r"v?[0-9]{1,3}\.[0-9]{1,3}(\.[0-9]{1,3})?(-[0-9A-Za-z.]{1,30})?", "a version such as 3.32.1"
)
REGISTRY = Shape(
    r"[a-z0-9]([a-z0-9.-]{0,99})(:[0-9]{1,5})?(/[a-z0-9][a-z0-9._-]{0,99}){0,5}",
    "a registry such as registry.k8s.io, without https://",
)
# A ref beginning with "-" would be read as an option, ".." walks out of a repository.
GIT_REF = Shape(r"(?!.*\.\.)[A-Za-z0-9._][A-Za-z0-9._/-]{0,199}", "a branch, tag, commit or pull/NUMBER")
# Hosts and folders are held against the administrator's lists when it is built.
REPOSITORY = Shape(
    r"(?!.*\.\.)(https://[A-Za-z0-9.-]{1,100}(:[0-9]{1,5})?)?(/[A-Za-z0-9_.][A-Za-z0-9_.+-]{0,99}){1,20}",
    "an https address such as https://github.com/you/kubernetes.git, or an allowed folder",
)
# Relative and without "..": a definition must not name files elsewhere on the lab host.
FILE_PATH = Shape(
    r"(?!.*\.\.)(\./)?[A-Za-z0-9_][A-Za-z0-9._+ -]{0,79}(/[A-Za-z0-9_][A-Za-z0-9._+ -]{0,79}){0,9}",
    "a relative path without .., such as ./sync/windows/bin/kubelet.exe",
)
# 15 is NetBIOS' limit; a node's name is lower case in Kubernetes.
MACHINE_NAME = Shape(
    r"[a-z]([a-z0-9-]{0,13}[a-z0-9])?",
    "1 to 15 lower-case letters, digits and hyphens, beginning with a letter",
)
BOX = Shape(rf"{_WORD}(/{_WORD})?", "a box such as gusztavvargadr/windows-server-2022-standard-core")
BOX_VERSION = Shape(r"[0-9A-Za-z][0-9A-Za-z._-]{0,39}", "a version such as 2601.0.0")
BOX_URL = Shape(r"(https?|file)://[A-Za-z0-9._~:/%@+=-]{1,280}", "an address with https:// or file:///")
MISHAP = Shape(r"[a-z0-9][a-z0-9 :_-]{0,79}", "mishaps such as winw1:boot-timeout")

_HYPERV_SWITCH = Shape(r"[A-Za-z0-9][A-Za-z0-9 ._()-]{0,63}", "a switch's name such as Default Switch")
_ONE_WORD = Shape(_WORD, "one word of letters, digits, dots and hyphens")
_FLAG = Shape("", "true, false, yes, no")  # read as a flag, not as text


def _one_of(*words: str) -> Shape:
    return Shape("|".join(words), ", ".join(words), words)


# What a definition may say to a provider; all of it reaches the Vagrantfile as data.
PROVIDER_OPTIONS: Mapping[ProviderName, Mapping[str, Shape]] = {
    "auto": {},
    "virtualbox": {"gui": _FLAG, "nested": _FLAG},
    "hyperv": {"switch": _HYPERV_SWITCH, "lab_switch": _HYPERV_SWITCH, "nested": _FLAG},
    "vmware_desktop": {"gui": _FLAG, "nested": _FLAG},
    "libvirt": {
        "driver": _one_of("kvm", "qemu"),
        "cpu_mode": _one_of("host-passthrough", "host-model", "maximum", "custom"),
        "cpu_model": _ONE_WORD,
        "machine_type": _ONE_WORD,
        "disk_bus": _one_of("virtio", "sata", "scsi", "ide"),
        "nic_model_type": _one_of("virtio", "e1000e", "e1000", "rtl8139"),
        "nested": _FLAG,
        "graphics_type": _one_of("none", "vnc", "spice"),
        "loader": Shape(r"(?!.*\.\.)/usr/share/[A-Za-z0-9._/-]{1,200}", "a firmware file below /usr/share/"),
        "storage_pool_name": _ONE_WORD,
        "management_network_name": _ONE_WORD,
        "management_network_address": Shape(
            r"[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}", "a range such as 192.168.121.0/24"
        ),
        "uri": _one_of("qemu:///system", "qemu:///session"),
    },
    "rehearsal": {},
}


def is_flag(shape: Shape) -> bool:
    return shape is _FLAG
