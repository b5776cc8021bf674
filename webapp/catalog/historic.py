"""Upstream's two generations of variables.yaml → LabSpec, with notes on what changes.

Source: kubernetes-sigs/sig-windows-dev-tools, sync/shared/variables.yaml, 2021
(a6ea56a … c263094) and 2022 to 2024 (9b6c9d2 … ae218d7). Mapping: docs/definitions.md.
"""

import re

from webapp.catalog import keys
from webapp.catalog.nested import HIGHEST_CPUS, HIGHEST_MIB, optional, read_cni_version, text
from webapp.catalog.problems import Findings
from webapp.catalog.section import Section
from webapp.catalog.spec import (
    DEFAULT_CONTAINERD,
    DEFAULT_KUBERNETES,
    DEFAULT_POD_CIDR,
    CniSpec,
    ContainerdSpec,
    KubernetesSpec,
    LabSpec,
    MachineSpec,
    NetworkSpec,
    Os,
    Override,
    default_machine,
)
from webapp.catalog.versions import git_ref_of, plain
from webapp.catalog.yaml_tree import Mapping, Scalar

# What each switch of upstream replaced.
BUILT_WINDOWS = ("kubelet", "kube-proxy")
BUILT_LINUX = ("kubelet", "kubeadm", "kubectl")
BUILT_WINDOWS_2022 = ("kubelet", "kube-proxy", "kubeadm")
WINDOWS_PATHS = {"kubelet": "kubelet_path", "kube-proxy": "kubeproxy_path"}
UPSTREAM_NETWORK = "10.20.30."
COMMIT = re.compile(r"[0-9a-f]{40}")


def read_2021(root: Mapping, findings: Findings) -> LabSpec:
    """Read the talk's generation: one key for each part, binaries by switch and path."""
    top = Section(root, findings, (*keys.ONLY_2021, *keys.SHARED_HISTORIC))
    version = read_version_2021(top)
    overrides = (*read_windows_overrides(top), *built(top, "linux", "overwrite_linux_bins", BUILT_LINUX))
    note_string_switch(top, "overwrite_windows_bins")
    return LabSpec(
        kubernetes=KubernetesSpec(
            version=version,
            control_plane_version=plain(optional(top, "k8s_linux_apiserver", keys.KUBERNETES_VERSION)),
            image_repository=optional(top, "k8s_linux_registry", keys.REGISTRY),
            linux_package_version=read_package_version(top),
        ),
        overrides=overrides,
        build_ref=optional(top, "kubernetes_sha", keys.GIT_REF) or early_commit(top),
        cni=read_cni(top),
        machines=read_machines(top),
    )


def read_version_2021(top: Section) -> str:
    """Read kubernetes_compatibility, under any of its earlier names."""
    names = (
        "kubernetes_compatibility",
        "kubernetes_version_windows",
        "kubernetes_version",
        "kubernetes_version_build",
    )
    given = [name for name in names if name in top and not (name == names[-1] and early_commit(top))]
    for name in given[1:]:
        text(top, name, "", keys.KUBERNETES_VERSION)
        top.note(name, f"{given[0]} says the version; this one is not used.")
    name = given[0] if given else names[0]
    top.stand_for("kubernetes", ())
    top.findings.places["kubernetes.version"] = (name, top.line(name))
    return plain(text(top, name, DEFAULT_KUBERNETES, keys.KUBERNETES_VERSION))


def read_package_version(top: Section) -> str:
    """Read k8s_linux_kubelet_deb, or its name of June 2021."""
    earlier = optional(top, "kubernetes_version_linux", keys.PACKAGE_VERSION)
    return optional(top, "k8s_linux_kubelet_deb", keys.PACKAGE_VERSION) or earlier


def early_commit(top: Section) -> str:
    """Return the commit that kubernetes_version_build held in June 2021, before kubernetes_sha was there."""
    node = top.node.entries.get("kubernetes_version_build")
    return node.text if isinstance(node, Scalar) and COMMIT.fullmatch(node.text) else ""


def read_windows_overrides(top: Section) -> tuple[Override, ...]:
    """Turn overwrite_windows_bins and the two paths into one entry a binary."""
    is_on = top.flag("overwrite_windows_bins", False)
    paths = {binary: optional(top, key, keys.FILE_PATH) for binary, key in WINDOWS_PATHS.items()}
    if is_on:
        return tuple(Override("windows", binary, "build", paths[binary]) for binary in BUILT_WINDOWS)
    for key in WINDOWS_PATHS.values():
        if key in top:
            top.note(key, "Not used while overwrite_windows_bins is false.")
    return ()


def built(top: Section, os: Os, switch: str, binaries: tuple[str, ...]) -> tuple[Override, ...]:
    return tuple(Override(os, binary, "build") for binary in binaries) if top.flag(switch, False) else ()


def note_string_switch(top: Section, key: str) -> None:
    """Upstream's Ruby took any text as true, "false" too: say that it is read as written."""
    node = top.node.entries.get(key)
    if isinstance(node, Scalar) and node.quoted and node.text.lower() in ("false", "no"):
        top.note(
            key, f'Upstream took the text "{node.text}" as true and always overwrote; here it means false.'
        )


def read_2022(root: Mapping, findings: Findings) -> LabSpec:
    """Read the generation of 2022 to 2024: one version for all, build or download."""
    top = Section(root, findings, (*keys.ONLY_2022, *keys.SHARED_HISTORIC))
    version = plain(text(top, "kubernetes_version", DEFAULT_KUBERNETES, keys.KUBERNETES_VERSION))
    is_built = top.flag("build_from_source", False)
    windows, linux = (BUILT_WINDOWS_2022, BUILT_LINUX) if is_built else ((), ())
    note_version_2022(top, version, is_built)
    name_places_2022(top)
    return LabSpec(
        kubernetes=KubernetesSpec(version=version),
        overrides=(
            *(Override("windows", binary, "build") for binary in windows),
            *(Override("linux", binary, "build") for binary in linux),
        ),
        cni=read_cni(top),
        containerd=ContainerdSpec(
            plain(text(top, "containerd_version", DEFAULT_CONTAINERD, keys.COMPONENT_VERSION))
        ),
        machines=read_machines(top),
        network=NetworkSpec(pod_cidr=top.network("pod_cidr", DEFAULT_POD_CIDR)),
    )


def note_version_2022(top: Section, version: str, is_built: bool) -> None:
    if is_built:
        top.note(
            "build_from_source",
            f"Upstream built the checkout in ./kubernetes; here {git_ref_of(version)} is built.",
        )
    elif "kubernetes_version" in top:
        top.note(
            "kubernetes_version",
            f"Upstream mixed release images with CI binaries of {version}; here all come from one release.",
        )


def name_places_2022(top: Section) -> None:
    """Let later checks name upstream's keys."""
    for key, path in {
        "kubernetes_version": "kubernetes.version",
        "pod_cidr": "network.pod_cidr",
        "containerd_version": "versions.containerd",
        "calico_version": "versions.calico",
    }.items():
        if key in top:
            top.findings.places[path] = (key, top.line(key))


def read_cni(top: Section) -> CniSpec:
    name = top.choice("cni", "calico", keys.CNIS)
    renamed = {"calico": top.node.entries["calico_version"]} if "calico_version" in top.node.entries else {}
    lines = dict.fromkeys(renamed, top.line("calico_version"))
    versions = Section(Mapping(top.node.line, renamed, lines), top.findings, keys.VERSIONS)
    return CniSpec(name, read_cni_version(versions, name))


def read_machines(top: Section) -> tuple[MachineSpec, ...]:
    """Read the two machines that upstream had."""
    note_addresses(top)
    return (
        read_machine(top, 0, default_machine("control-plane"), "linux", "k8s_linux_kubelet_nodeip"),
        read_machine(top, 1, default_machine("windows"), "windows", "windows_node_ip"),
    )


def read_machine(top: Section, index: int, machine: MachineSpec, prefix: str, ip_key: str) -> MachineSpec:
    written = {"cpus": f"{prefix}_cpus", "memory_mib": f"{prefix}_ram", "ip": ip_key}
    for field, key in written.items():
        top.findings.places[f"machines[{index}].{field}"] = (key, top.line(key))
    return MachineSpec(
        name=machine.name,
        role=machine.role,
        os=machine.os,
        box=machine.box,
        box_version=machine.box_version,
        cpus=top.number(written["cpus"], machine.cpus, 1, HIGHEST_CPUS),
        memory_mib=top.number(written["memory_mib"], machine.memory_mib, 256, HIGHEST_MIB),
        ip=top.address(ip_key),
    )


def note_addresses(top: Section) -> None:
    """Say once what a fixed address means here."""
    key = next((key for key in ("k8s_linux_kubelet_nodeip", "windows_node_ip") if key in top), None)
    node = top.node.entries.get(key) if key else None
    if key is None or not isinstance(node, Scalar) or node.text == "":
        return
    advice = "One lab a host can have fixed addresses; leave them out and each lab gets its own subnet."
    if node.text.startswith(UPSTREAM_NETWORK):
        advice += " VirtualBox from 6.1.28 on refuses 10.20.30.x unless /etc/vbox/networks.conf allows it."
    top.note(key, advice)
