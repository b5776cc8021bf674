"""Checks a definition against kit/versions.yaml before anything starts.

Pure: `check(spec, versions)` gives findings, worst first; an error refuses the launch,
a warning ("untested") is shown. Contract: docs/versions.md.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from webapp.catalog.kit_versions import Versions
from webapp.catalog.spec import LabSpec, MachineSpec, Override
from webapp.catalog.version_labels import VersionError, minor_of, parse_label, series_of, version_key

Level = Literal["error", "warning", "fine"]
ORDER: tuple[Level, ...] = ("error", "warning", "fine")


@dataclass(frozen=True)
class Finding:
    """One verdict. `nearest` is the closest thing that works, "" when there is nothing to change."""

    level: Level
    key: str
    what: str
    why: str = ""
    nearest: str = ""


def check(spec: LabSpec, versions: Versions) -> tuple[Finding, ...]:
    """Return what is wrong, untested or fine, errors first."""
    if spec.scope == "machines":
        found = [*check_windows(spec, versions)]
    else:
        found = [
            *check_kubernetes(spec, versions),
            *check_skew(spec, versions),
            *check_containerd(spec, versions),
            *check_historic(spec, versions),
            *check_cni(spec, versions),
            *check_windows(spec, versions),
            *check_control_plane(spec, versions),
            *check_overrides(spec),
        ]
    return tuple(sorted(found, key=lambda finding: ORDER.index(finding.level)))


def can_launch(findings: tuple[Finding, ...]) -> bool:
    """Tell whether no finding refuses the launch."""
    return all(finding.level != "error" for finding in findings)


def check_kubernetes(spec: LabSpec, versions: Versions) -> Iterator[Finding]:
    """Judge the cluster's version against the support window."""
    key, text = "kubernetes.version", spec.kubernetes.version
    nearest = versions.defaults["kubernetes"]
    try:
        minor = parse_label(text).minor
    except VersionError as error:
        yield Finding("error", key, str(error), "", nearest)
        return
    if not minor:
        yield Finding("warning", key, f"{text} can be any version.", "It is checked again when resolved.")
    elif version_key(minor) < version_key(versions.oldest):
        why = f"Windows networking here needs HostProcess containers, stable from {versions.oldest} on."
        yield Finding("error", key, f"Kubernetes {minor} cannot be installed.", why, nearest)
    elif version_key(minor) > version_key(versions.newest_known):
        why = f"The kit knows versions up to {versions.newest_known}; flags may be gone in newer ones."
        yield Finding("warning", key, f"Kubernetes {minor} is unknown.", why, nearest)
    elif minor not in versions.tested:
        why = f"Tested are {', '.join(versions.tested)}."
        yield Finding("warning", key, f"Kubernetes {minor} is untested.", why, nearest)
    else:
        yield Finding("fine", key, f"Kubernetes {minor} is in the tested range.")


def check_skew(spec: LabSpec, versions: Versions) -> Iterator[Finding]:
    """Hold kubelets and kubeadm against the API server (source: kubeadm's constants.go, 1.37)."""
    wanted = spec.kubernetes
    api = minor_of(wanted.control_plane_version or wanted.version)
    package = minor_of(wanted.linux_package_version or wanted.version)
    swapped = {f"overrides.{o.os}.{o.binary}": release_of(o) for o in spec.overrides if o.binary == "kubelet"}
    windows, linux = "kubernetes.version", "kubernetes.linux_package_version"
    kubelets = {windows: minor_of(wanted.version), linux: package, **swapped}
    for key, kubelet in kubelets.items():
        behind = minors_between(kubelet, api)
        if behind is not None and behind < 0:
            why = "A kubelet must never be newer than the API server."
            yield Finding("error", key, f"kubelet {kubelet} with control plane {api}.", why, api)
        elif behind is not None and behind > versions.kubelet_older:
            why = f"A kubelet may be {versions.kubelet_older} minor versions older, not {behind}."
            yield Finding("error", key, f"kubelet {kubelet} with control plane {api}.", why, api)
    ahead = minors_between(api, package)
    if ahead is not None and not 0 <= ahead <= versions.kubeadm_older:
        why = f"kubeadm installs its own minor version or {versions.kubeadm_older} older."
        key = "kubernetes.control_plane_version"
        yield Finding("error", key, f"kubeadm {package} cannot install control plane {api}.", why, package)


def release_of(override: Override) -> str:
    """Return the minor that an override names, if it comes from a release or from CI."""
    return minor_of(override.path) if override.source in ("release", "ci") else ""


def minors_between(older: str, newer: str) -> int | None:
    """Count minors from `older` to `newer`; None when one is unknown or the major differs."""
    if not older or not newer or older.split(".", maxsplit=1)[0] != newer.split(".", maxsplit=1)[0]:
        return None
    return version_key(newer)[1] - version_key(older)[1]


def check_containerd(spec: LabSpec, versions: Versions) -> Iterator[Finding]:
    """Hold containerd against the versions recommended for this Kubernetes (source: its RELEASES.md)."""
    key, text = "containerd.version", spec.containerd.version
    minor = minor_of(spec.kubernetes.version)
    fitting = {series_of(version): version for version in versions.minor(minor or versions.oldest).containerd}
    series = series_of(text)
    newest_fitting = versions.containerd_newest[max(fitting, key=version_key)]
    best = newest_fitting if minor in versions.minors else versions.defaults["containerd"]
    if series not in versions.containerd_config:
        yield Finding("error", key, f"containerd {text} is unknown to the kit.", known_series(versions), best)
    elif minor not in versions.minors:
        return
    elif version_key(series) < min(version_key(item) for item in fitting):
        why = f"Kubernetes {minor} goes with {', '.join(f'{v} or later' for v in fitting.values())}."
        yield Finding("error", key, f"containerd {text} is too old.", why, best)
    elif series in fitting and version_key(text) < version_key(fitting[series]):
        why = f"With Kubernetes {minor}, {fitting[series]} or later of this series is recommended."
        newest = versions.containerd_newest[series]
        yield Finding("warning", key, f"containerd {text} is untested.", why, newest)
    elif series not in versions.containerd_supported:
        why = f"Maintained are {', '.join(versions.containerd_supported)}."
        yield Finding("warning", key, f"containerd {series} gets no more fixes.", why, best)
    else:
        yield Finding("fine", key, f"containerd {text} goes with Kubernetes {minor}.")


def known_series(versions: Versions) -> str:
    return f"Its configuration file is known for {', '.join(versions.containerd_config)}."


def check_historic(spec: LabSpec, versions: Versions) -> Iterator[Finding]:
    """Refuse the combinations that once worked, each with its reason."""
    facts = {"cni": spec.cni.name, "windows": spec.cni.windows, "kube_proxy": spec.cni.kube_proxy}
    for item in versions.historic:
        if all(facts[name] == value for name, value in item.when.items()):
            yield Finding("error", item.key, item.what, item.why, item.nearest)


def check_cni(spec: LabSpec, versions: Versions) -> Iterator[Finding]:
    """Judge the network plugin's version."""
    key, name, text = "cni.version", spec.cni.name, spec.cni.version
    if name == "none":
        yield Finding("warning", "cni", "No network plugin.", "Nodes stay NotReady until you install one.")
        return
    pins = versions.cni[name]
    text = text or pins.newest
    minor = minor_of(spec.kubernetes.version)
    if version_key(text) < version_key(pins.oldest):
        why = f"The files the kit installs exist from {pins.oldest} on."
        yield Finding("error", key, f"{name} {text} cannot be installed.", why, pins.newest)
    elif minor and version_key(minor) < version_key(pins.kubernetes_oldest):
        what, why = f"{name} {text} does not go with Kubernetes {minor}.", "Its manifests need newer APIs."
        yield Finding("error", key, what, why, f"Kubernetes {pins.kubernetes_oldest}")
    elif version_key(spec.containerd.version) < version_key(pins.containerd_oldest):
        what, why = f"{name} {text} does not go with this containerd.", "Its Windows pods need a newer one."
        yield Finding("error", key, what, why, f"containerd {pins.containerd_oldest}")
    elif series_of(text) not in pins.tested:
        why = f"Tested is {', '.join(pins.tested)}."
        yield Finding("warning", key, f"{name} {text} is untested.", why, pins.newest)
    else:
        yield Finding("fine", key, f"{name} {text} is tested.")


def check_windows(spec: LabSpec, versions: Versions) -> Iterator[Finding]:
    """Judge each Windows machine's build and size."""
    for machine in spec.windows_machines:
        yield from check_build(machine, spec, versions)
        yield from check_size(
            machine, versions.windows_least, "Windows with containers does not run well in less."
        )
        comfortable = versions.windows_comfortable_mib
        if versions.windows_least["memory_mib"] <= machine.memory_mib < comfortable:
            key, why = f"machines.{machine.name}.memory_mib", "It works, slowly."
            yield Finding("warning", key, f"{machine.memory_mib} MiB is tight.", why, str(comfortable))


def check_size(machine: MachineSpec, least: Mapping[str, int], why: str) -> Iterator[Finding]:
    """Hold a machine against the least memory (MiB) and CPUs."""
    for name, have in (("memory_mib", machine.memory_mib), ("cpus", machine.cpus)):
        if have < least[name]:
            key = f"machines.{machine.name}.{name}"
            yield Finding("error", key, f"{have} is too little.", why, str(least[name]))


def windows_build(machine: MachineSpec, versions: Versions) -> str:
    """Return the build that a box's name tells, "" when it tells none."""
    return next((build for part, build in versions.boxes.items() if part in machine.box), "")


def check_build(machine: MachineSpec, spec: LabSpec, versions: Versions) -> Iterator[Finding]:
    """Judge the Windows Server release that a box's name tells."""
    key, build = f"machines.{machine.name}.box", windows_build(machine, versions)
    tested = [known.name for known in versions.builds.values() if known.tested]
    pins = versions.cni.get(spec.cni.name)
    if not build:
        why = f"The box's name tells no Windows release; tested is {', '.join(tested)}."
        yield Finding("warning", key, f"{machine.box} is untested.", why)
    elif spec.scope == "cluster" and pins and build not in pins.windows_builds:
        why = f"{spec.cni.name} does not list it."
        yield Finding("warning", key, f"{versions.builds[build].name} is untested.", why, ", ".join(tested))
    elif not versions.builds[build].tested:
        yield Finding("warning", key, f"{versions.builds[build].name} is untested.", "", ", ".join(tested))
    else:
        yield Finding("fine", key, f"{versions.builds[build].name} (build {build}) is tested.")


def check_control_plane(spec: LabSpec, versions: Versions) -> Iterator[Finding]:
    """Hold the control plane's size against kubeadm's own preflight."""
    why = "kubeadm refuses to initialise a smaller control plane."
    yield from check_size(spec.control_plane, versions.control_plane, why)


def check_overrides(spec: LabSpec) -> Iterator[Finding]:
    """Find overrides that would not be used or that name no version."""
    for item in spec.overrides:
        key = f"overrides.{item.os}.{item.binary}"
        if item.binary == "kube-proxy" and item.os == "windows" and spec.cni.name == "antrea":
            why = "With Antrea no kube-proxy runs on Windows, so the binary would lie unused."
            yield Finding("warning", key, "This override has no effect.", why, "cni calico")
        if item.source == "ci" and not (item.path or spec.kubernetes.version).startswith("ci/"):
            why = "Neither its path nor the cluster's version is a CI label."
            yield Finding("error", key, "No CI build is named.", why, "path: ci/latest-1.38")
