"""Fills the marks of kit/manifests with checked values; which manifests a lab needs.

Strict: an unknown mark, a missing manifest or a value that is not what its mark holds is an
error, so no text of a definition can add a line of YAML.
"""

import re
from collections.abc import Mapping

from webapp.catalog.kit_versions import Versions
from webapp.catalog.spec import LabSpec
from webapp.catalog.version_labels import minor_of

MARK = re.compile(r"@([A-Z][A-Z0-9_]*)@")
ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
RANGE = re.compile(r"\d{1,3}(\.\d{1,3}){3}/\d{1,2}")
IMAGE = re.compile(r"[a-z0-9./:-]{3,200}")
GATES = re.compile(r"([A-Za-z]{1,60}=(true|false),?)*")
SHAPES = {
    "POD_CIDR": RANGE,
    "SERVICE_CIDR": RANGE,
    "NODE_CIDR": RANGE,
    "CONTROL_PLANE_IP": ADDRESS,
    "HOSTPROCESS_IMAGE": IMAGE,
    "SMOKE_LINUX_IMAGE": IMAGE,
    "SMOKE_WINDOWS_IMAGE": IMAGE,
    "KUBE_PROXY_GATES": GATES,
}
CNI_MANIFESTS: Mapping[str, tuple[str, ...]] = {
    "calico": ("calico.yaml", "calico-endpoint.yaml"),
    "antrea": ("antrea-linux-patch.yaml", "antrea-windows-patch.yaml"),
    "none": (),
}
SMOKE = ("smoke-linux.yaml", "smoke-windows.yaml")


class ManifestError(Exception):
    """A manifest of the kit cannot be filled; a mistake in the kit or an unplaced spec."""


def render_manifests(spec: LabSpec, versions: Versions, manifests: Mapping[str, str]) -> dict[str, str]:
    """Return file name → manifest with every mark filled. Raises ManifestError."""
    values = mark_values(spec, versions)
    missing = [name for name in wanted_manifests(spec) if name not in manifests]
    if missing:
        raise ManifestError(f"The kit has no manifest {', '.join(missing)}.")
    return {name: fill(name, manifests[name], values) for name in wanted_manifests(spec)}


def wanted_manifests(spec: LabSpec) -> list[str]:
    """Return the manifests of this lab; Antrea needs no kube-proxy on Windows."""
    names = [*CNI_MANIFESTS[spec.cni.name], *SMOKE]
    return names if spec.cni.name == "antrea" else [*names, "kube-proxy-windows.yaml"]


def mark_values(spec: LabSpec, versions: Versions) -> dict[str, str]:
    """Return the value of every mark, each held against its shape."""
    values = {
        "POD_CIDR": spec.network.pod_cidr,
        "SERVICE_CIDR": spec.network.service_cidr,
        "NODE_CIDR": spec.network.subnet,
        "CONTROL_PLANE_IP": spec.control_plane.ip,
        "HOSTPROCESS_IMAGE": versions.images["hostprocess_base"],
        "SMOKE_LINUX_IMAGE": versions.images["smoke_linux"],
        "SMOKE_WINDOWS_IMAGE": versions.images["smoke_windows"],
        "KUBE_PROXY_GATES": kube_proxy_gates(spec, versions),
    }
    for name, value in values.items():
        if not SHAPES[name].fullmatch(value):
            raise ManifestError(f"{value!r} is no value for @{name}@ (is the spec placed?).")
    return values


def kube_proxy_gates(spec: LabSpec, versions: Versions) -> str:
    """Return the gates that VXLAN needs where they are not yet locked on; newer ones refuse the names."""
    minor = minor_of(spec.kubernetes.version) or versions.newest_known
    return ",".join(f"{n}=true" for n in ("WinDSR", "WinOverlay") if versions.gates[n].is_settable(minor))


def fill(name: str, text: str, values: Mapping[str, str]) -> str:
    """Put values in place of marks. Raises ManifestError for a mark without a value."""
    unknown = sorted(set(MARK.findall(text)) - values.keys())
    if unknown:
        raise ManifestError(f"{name} has unknown marks: {', '.join(unknown)}.")
    return MARK.sub(lambda found: values[found[1]], text)
