"""Lists what a lab's machines download: address, checksum or where it is published, version.

Pure; `render` writes the lists as JSON, the guests' scripts read them and verify.
"""

from collections.abc import Iterator, Mapping
from typing import TypedDict

from webapp.catalog.kit_versions import Versions
from webapp.catalog.spec import LabSpec, Os, Override
from webapp.catalog.version_labels import minor_of, parse_label


class DownloadItem(TypedDict):
    """One file. `sha256` "" means: read it from `sha256_url`; both "": only the tag pins it."""

    url: str
    file: str
    sha256: str
    sha256_url: str
    version: str


class OverrideItem(TypedDict):
    """One overridden binary. `url` "" (build, file): the executor fills in url and sha256."""

    binary: str
    source: str
    path: str
    url: str
    sha256: str
    sha256_url: str


class Apt(TypedDict):
    """The package repository of one Kubernetes minor."""

    key: str
    repository: str
    version: str


DownloadLists = dict[str, dict[str, DownloadItem]]
LINUX = ("containerd", "containerd-unit", "runc", "cni-plugins")
WINDOWS = ("containerd", "crictl")
KUBERNETES_WINDOWS = ("kubelet", "kubeadm", "kubectl", "kube-log-runner")
CNI_LINUX: Mapping[str, tuple[str, ...]] = {
    "calico": ("calico-crds", "calico-operator"),
    "antrea": ("antrea-linux", "antrea-windows"),
    "none": (),
}
CNI_WINDOWS: Mapping[str, tuple[str, ...]] = {
    "calico": (),
    "antrea": ("antrea-prepare-agent", "antrea-clean-network"),
    "none": (),
}


def downloads_json(spec: LabSpec, versions: Versions, mirror: str = "") -> dict[str, object]:
    """Return {"linux": …, "windows": …, "apt": …}, every address through the mirror if there is one."""
    binaries = [*KUBERNETES_WINDOWS, *(["kube-proxy"] if spec.cni.name != "antrea" else [])]
    lists: DownloadLists = {
        "linux": {n: item(n, spec, versions, "linux", mirror) for n in (*LINUX, *CNI_LINUX[spec.cni.name])},
        "windows": {
            n: item(n, spec, versions, "windows", mirror) for n in (*WINDOWS, *CNI_WINDOWS[spec.cni.name])
        },
    }
    lists["windows"] |= {
        n: kubernetes_binary(n, spec.kubernetes.version, versions, "windows", mirror) for n in binaries
    }
    return {**lists, "apt": apt(spec, versions, mirror)}


def item(name: str, spec: LabSpec, versions: Versions, os: Os, mirror: str) -> DownloadItem:
    """Fill in one entry of versions.yaml's downloads."""
    entry = versions.downloads[name]
    version = entry.version or component_version(entry.version_of or name, spec, versions)
    marks = {"version": version, "arch_os": os}
    sha256 = entry.sha256s.get(f"{os}-{version}", entry.sha256)
    return finish(entry.url.format(**marks), entry.sha256_url.format(**marks), sha256, version, mirror)


def component_version(component: str, spec: LabSpec, versions: Versions) -> str:
    wanted = spec.containerd.version if component == "containerd" else spec.cni.version
    return wanted.removeprefix("v") or versions.defaults[component]


def finish(url: str, sha256_url: str, sha256: str, version: str, mirror: str) -> DownloadItem:
    return {
        "url": mirrored(url, mirror),
        "file": url.rsplit("/", 1)[-1],
        "sha256": sha256,
        "sha256_url": mirrored(sha256_url, mirror),
        "version": version,
    }


def mirrored(url: str, mirror: str) -> str:
    """Return MIRROR/HOST/PATH; a mirror keeps the files of each host in a folder of its own."""
    return f"{mirror.rstrip('/')}/{url.removeprefix('https://')}" if mirror and url else url


def kubernetes_binary(name: str, version: str, versions: Versions, os: Os, mirror: str) -> DownloadItem:
    """Return where one Kubernetes binary of an exact version lies; a label falls back to its pin."""
    exact, is_ci = exact_version(version, versions)
    entry = versions.downloads["kubernetes-ci-binary" if is_ci else "kubernetes-binary"]
    marks = {"version": exact, "arch_os": os, "name": name, "exe": ".exe" if os == "windows" else ""}
    return finish(entry.url.format(**marks), entry.sha256_url.format(**marks), "", exact, mirror)


def exact_version(text: str, versions: Versions) -> tuple[str, bool]:
    """Return an exact version without "v", and whether it is a CI build's."""
    label = parse_label(text)
    return label.exact or versions.minor(text).pin or versions.defaults["kubernetes"], label.is_ci and bool(
        label.exact
    )


def apt(spec: LabSpec, versions: Versions, mirror: str) -> Apt:
    """Return the repository of the packages' minor; a lab on CI builds starts from its minor's packages."""
    wanted = spec.kubernetes.linux_package_version or spec.kubernetes.version
    minor = minor_of(wanted) or minor_of(versions.defaults["kubernetes"])
    return {
        "key": mirrored(versions.apt["key"].format(minor=minor), mirror),
        "repository": mirrored(versions.apt["repository"].format(minor=minor), mirror),
        "version": spec.kubernetes.linux_package_version or parse_label(wanted).exact,
    }


def overrides_json(spec: LabSpec, versions: Versions, mirror: str = "") -> dict[str, list[OverrideItem]]:
    """Return the overridden binaries of each operating system, in the definition's order."""
    return {os: list(override_items(spec, versions, os, mirror)) for os in ("linux", "windows")}


def override_items(spec: LabSpec, versions: Versions, os: str, mirror: str) -> Iterator[OverrideItem]:
    for override in spec.overrides:
        if override.os == os:
            found = override_source(override, spec, versions, mirror)
            yield {
                "binary": override.binary,
                "source": override.source,
                "path": override.path,
                "url": found["url"] if found else "",
                "sha256": "",
                "sha256_url": found["sha256_url"] if found else "",
            }


def override_source(
    override: Override, spec: LabSpec, versions: Versions, mirror: str
) -> DownloadItem | None:
    """Return where a release's or CI's binary lies; None for what comes from the lab host."""
    if override.source in ("build", "file"):
        return None
    if override.binary in ("containerd", "shim"):
        return item("containerd", spec, versions, override.os, mirror)
    version = override.path or spec.kubernetes.version
    return kubernetes_binary(override.binary, version, versions, override.os, mirror)
