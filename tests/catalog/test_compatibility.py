"""Which definitions are refused, doubted or fine, and how a label becomes a version."""

from dataclasses import replace
from typing import Any

import pytest

from tests.catalog.kit_samples import DEFINITIONS, KIT, kit_versions, lab
from webapp.catalog.compatibility import Finding, can_launch, check
from webapp.catalog.kit_versions import VersionsError, load_versions
from webapp.catalog.spec import (
    CniSpec,
    ContainerdSpec,
    KubernetesSpec,
    LabSpec,
    MachineSpec,
    Override,
    default_machine,
)
from webapp.catalog.version_labels import VersionError, parse_label, resolve_version, version_key

VERSIONS = kit_versions()


def levels(spec: LabSpec) -> dict[str, str]:
    """Return key → worst level."""
    return {finding.key: finding.level for finding in reversed(check(spec, VERSIONS))}


def machines(**windows: Any) -> tuple[MachineSpec, ...]:
    return (default_machine("control-plane"), default_machine("windows", **windows))


CASES: dict[str, tuple[LabSpec, str, str]] = {
    "default": (lab(), "kubernetes.version", "fine"),
    "untested minor": (lab("1.30.14", "1.7.34"), "kubernetes.version", "warning"),
    "unknown minor": (lab("1.45.0"), "kubernetes.version", "warning"),
    "too old": (lab("1.25.1"), "kubernetes.version", "error"),
    "no version": (lab("banana"), "kubernetes.version", "error"),
    "any version": (lab("ci/latest"), "kubernetes.version", "warning"),
    "containerd fits": (lab("1.36.1", "2.2.0"), "containerd.version", "fine"),
    "containerd 1.7 with 1.36": (lab("1.36.1", "1.7.34"), "containerd.version", "error"),
    "containerd below the advice": (lab("1.35.0", "2.1.4"), "containerd.version", "warning"),
    "containerd without fixes": (lab("1.33.4", "2.0.7"), "containerd.version", "warning"),
    "containerd unknown": (lab("1.36.1", "3.0.0"), "containerd.version", "error"),
    "calico fine": (lab(), "cni.version", "fine"),
    "calico untested": (lab(cni=CniSpec("calico", "3.30.1")), "cni.version", "warning"),
    "calico too old": (lab(cni=CniSpec("calico", "3.25.0")), "cni.version", "error"),
    "antrea too old": (lab(cni=CniSpec("antrea", "0.13.2")), "cni.version", "error"),
    "no cni": (lab(cni=CniSpec("none", "")), "cni", "warning"),
    "newer package": (
        lab(kubernetes=KubernetesSpec("1.36.1", "1.35.0", "", "1.36.1-1.1")),
        "kubernetes.linux_package_version",
        "error",
    ),
    "kubelet newer": (lab(kubernetes=KubernetesSpec("1.36.1", "1.35.0")), "kubernetes.version", "error"),
    "kubelet four older": (
        lab(kubernetes=KubernetesSpec("1.33.4", "1.37.1", "", "1.37.1")),
        "kubernetes.version",
        "error",
    ),
    "kubeadm two newer": (
        lab(kubernetes=KubernetesSpec("1.34.1", "1.34.1", "", "1.36.1")),
        "kubernetes.control_plane_version",
        "error",
    ),
    "server 2025": (
        lab(machines=machines(box="gusztavvargadr/windows-server-2025-standard-core")),
        "machines.winw1.box",
        "warning",
    ),
    "unknown box": (lab(machines=machines(box="acme/win")), "machines.winw1.box", "warning"),
    "little memory": (lab(machines=machines(memory_mib=2048)), "machines.winw1.memory_mib", "error"),
    "tight memory": (lab(machines=machines(memory_mib=4096)), "machines.winw1.memory_mib", "warning"),
    "one cpu": (lab(machines=machines(cpus=1)), "machines.winw1.cpus", "error"),
    "small control plane": (
        lab(machines=(default_machine("control-plane", memory_mib=1024), default_machine("windows"))),
        "machines.controlplane.memory_mib",
        "error",
    ),
    "useless override": (
        lab(cni=CniSpec("antrea", "2.7.0"), overrides=(Override("windows", "kube-proxy", "build"),)),
        "overrides.windows.kube-proxy",
        "warning",
    ),
    "ci override without a label": (
        lab(overrides=(Override("windows", "kubelet", "ci"),)),
        "overrides.windows.kubelet",
        "error",
    ),
}


@pytest.mark.parametrize(("spec", "key", "level"), CASES.values(), ids=CASES)
def test_a_setting_gets_its_level(spec: LabSpec, key: str, level: str) -> None:
    assert levels(spec)[key] == level


HISTORIC = {
    "userspace, Antrea, OVS": (
        CniSpec("antrea", "2.7.0", "services", "userspace"),
        "cni.kube_proxy",
        "2.7.0",
    ),
    "kernelspace, Calico as services": (
        CniSpec("calico", "3.32.1", "services", "kernelspace"),
        "cni.windows",
        "3.32.1",
    ),
    "kube-proxy beside Antrea": (
        CniSpec("antrea", "2.7.0", kube_proxy="kernelspace"),
        "cni.kube_proxy",
        "auto",
    ),
}


@pytest.mark.parametrize(("cni", "key", "nearest"), HISTORIC.values(), ids=HISTORIC)
def test_a_historic_combination_is_refused_with_reason_and_way_out(
    cni: CniSpec, key: str, nearest: str
) -> None:
    found = [f for f in check(lab(cni=cni), VERSIONS) if f.level == "error" and f.key == key]

    assert found and all(f.what and f.why and f.nearest for f in found)
    assert nearest in found[0].nearest


def test_every_error_says_why_and_what_works() -> None:
    errors = [f for spec, _, level in CASES.values() if level == "error" for f in check(spec, VERSIONS)]

    assert all(f.nearest for f in errors if f.level == "error")


def test_errors_come_first_and_forbid_the_launch() -> None:
    findings = check(lab("1.36.1", "1.7.34"), VERSIONS)

    assert [f.level for f in findings] == sorted(
        (f.level for f in findings), key=["error", "warning", "fine"].index
    )
    assert findings[0].level == "error" and not can_launch(findings)
    assert can_launch((Finding("warning", "a", "b"),))


def test_the_default_is_fine_throughout() -> None:
    assert {finding.level for finding in check(lab(), VERSIONS)} == {"fine"}


def test_a_lab_of_machines_is_not_asked_about_kubernetes() -> None:
    assert list(levels(replace(lab("1.2.3"), scope="machines"))) == ["machines.winw1.box"]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_rendered_definitions_can_launch(name: str) -> None:
    assert can_launch(check(DEFINITIONS[name], VERSIONS))


ANSWERS = {
    "https://dl.k8s.io/release/stable-1.36.txt": "v1.36.4\n",
    "https://dl.k8s.io/release/latest-1.37.txt": "v1.37.0-rc.1",
    "https://dl.k8s.io/release/stable.txt": "v1.37.1",
    "https://dl.k8s.io/ci/latest-1.38.txt": "v1.38.0-alpha.2.15+0123456789abcd",
    "https://dl.k8s.io/release/stable-1.99.txt": "<html>not found</html>",
    "https://dl.k8s.io/release/stable-1.98.txt": "v1.37.1",
}
LABELS = {
    "1.36": "1.36.4",
    "stable-1.36": "1.36.4",
    "latest-1.37": "1.37.0-rc.1",
    "stable": "1.37.1",
    "v1.36.1": "1.36.1",
    "1.36.1": "1.36.1",
    "ci/latest-1.38": "ci/v1.38.0-alpha.2.15+0123456789abcd",
    "ci/v1.38.0-alpha.1.1+aa": "ci/v1.38.0-alpha.1.1+aa",
}


@pytest.mark.parametrize(("label", "exact"), LABELS.items(), ids=LABELS)
def test_a_label_becomes_one_exact_version(label: str, exact: str) -> None:
    assert resolve_version(label, ANSWERS.__getitem__) == exact


@pytest.mark.parametrize("label", ["1.99", "1.98", "banana", "", "1.36.1; rm -rf /", "1.36\n"])
def test_a_label_that_names_nothing_is_refused(label: str) -> None:
    with pytest.raises(VersionError):
        resolve_version(label, ANSWERS.__getitem__)


def test_a_pin_stands_in_without_a_network() -> None:
    assert VERSIONS.pinned("stable-1.36") == "1.36.1"
    assert VERSIONS.pinned("v1.34.0") == "1.34.0"
    with pytest.raises(VersionError, match="network"):
        VERSIONS.pinned("ci/latest-1.38")


def test_every_default_is_a_pin_and_has_its_files() -> None:
    assert parse_label(VERSIONS.defaults["kubernetes"]).minor in VERSIONS.tested
    assert all(VERSIONS.minors[minor].containerd for minor in VERSIONS.tested)
    assert LabSpec().kubernetes.version == VERSIONS.defaults["kubernetes"]
    assert LabSpec().containerd.version == VERSIONS.defaults["containerd"]
    assert LabSpec().cni.version == VERSIONS.cni["calico"].newest


def test_versions_are_ordered_by_number() -> None:
    assert sorted(["1.9", "1.36", "1.10"], key=version_key) == ["1.9", "1.10", "1.36"]


@pytest.mark.parametrize(
    ("old", "new"),
    [('go: "1.26"', 'goo: "1.26"'), ("skew:", "skews:"), ("format: 1", "format: [")],
    ids=["unknown key", "missing section", "no YAML"],
)
def test_a_wrong_versions_file_is_refused(old: str, new: str) -> None:
    text = (KIT / "versions.yaml").read_text()

    with pytest.raises(VersionsError):
        load_versions(text.replace(old, new, 1))


def test_containerd_spec_without_a_matching_config_is_refused() -> None:
    spec = replace(lab(), containerd=ContainerdSpec("1.6.39"))

    assert levels(spec)["containerd.version"] == "error"
