"""The kit's own versions and manifests, and a dozen definitions, for the tests of this folder."""

from dataclasses import replace
from pathlib import Path

from webapp.catalog.kit_versions import Versions, load_versions
from webapp.catalog.placing import place
from webapp.catalog.spec import (
    CniSpec,
    ContainerdSpec,
    KubernetesSpec,
    LabSpec,
    NetworkSpec,
    Override,
    default_machine,
)

KIT = Path(__file__).parents[2] / "environments" / "kit"
GOLDEN = Path(__file__).parent / "golden"


def kit_versions() -> Versions:
    return load_versions((KIT / "versions.yaml").read_text())


def kit_manifests() -> dict[str, str]:
    return {path.name: path.read_text() for path in (KIT / "manifests").glob("*.yaml")}


def lab(version: str = "1.36.1", containerd: str = "2.3.4", **changes: object) -> LabSpec:
    """Return a placed spec with these versions."""
    spec = LabSpec(kubernetes=KubernetesSpec(version), containerd=ContainerdSpec(containerd))
    return place(replace(spec, **changes), "192.168.56.0/24")  # type: ignore[arg-type]


MACHINES = (
    default_machine("control-plane"),
    default_machine("windows", 1),
    default_machine("windows", 2, ip="192.168.56.40"),
    default_machine("linux", 1),
)
DEFINITIONS: dict[str, LabSpec] = {
    "default": lab(),
    "k130-containerd17": lab("1.30.14", "1.7.34"),
    "k133-containerd20": lab("1.33.4", "2.0.7"),
    "k133-containerd17": lab("1.33.4", "1.7.34"),
    "k136-containerd23": lab("1.36.1", "2.3.4"),
    "k137-containerd22": lab("1.37.1", "2.2.7"),
    "antrea": lab(cni=CniSpec("antrea", "2.7.0")),
    "no-cni": lab(cni=CniSpec("none", "")),
    "four-machines": lab(machines=MACHINES),
    "networks": lab(network=NetworkSpec("", "100.64.0.0/16", "172.20.0.0/16")),
    "mixed-versions": lab(kubernetes=KubernetesSpec("1.35.0", "1.36.1", "", "1.36.1-1.1")),
    "ci-build": lab("ci/v1.38.0-alpha.2.15+0123456789abcd"),
    "registry-label": lab(kubernetes=KubernetesSpec("stable-1.36", "", "registry.example.org/k8s")),
    "overrides": lab(
        overrides=(
            Override("windows", "kubelet", "build", "out/kubelet.exe"),
            Override("windows", "kube-proxy", "ci", "ci/v1.38.0-alpha.2.15+0123456789abcd"),
            Override("windows", "shim", "release"),
            Override("linux", "kubectl", "release"),
        )
    ),
}
