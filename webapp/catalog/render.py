"""Renders the files that a lab's machines use: kubeadm, containerd, kubelet, manifests, downloads.

Pure: `render_files(spec, versions, manifests)` with a placed spec gives path → text; the
dashboard writes them beside lab.json and guests only copy them. Contract: docs/kit.md.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from webapp.catalog.downloads import downloads_json, overrides_json
from webapp.catalog.kit_versions import Versions
from webapp.catalog.manifests import render_manifests
from webapp.catalog.spec import LabSpec, MachineSpec
from webapp.catalog.version_labels import minor_of, parse_label, series_of

LINUX_SOCKET = "unix:///run/containerd/containerd.sock"
# Four slashes: kubeadm's own form of a pipe's address.
WINDOWS_SOCKET = "npipe:////./pipe/containerd-containerd"
CNI_BIN_DIR = "/opt/cni/bin"
CNI_CONF_DIR = "/etc/cni/net.d"
KUBELET_LOG = "C:/var/log/kubelet/kubelet.log"


def render_files(
    spec: LabSpec, versions: Versions, manifests: Mapping[str, str], *, mirror: str = ""
) -> dict[str, str]:
    """Return path → text of every rendered file of a lab; nothing for a lab without Kubernetes.

    `manifests` are kit/manifests by file name; `mirror` goes in front of each download's address.
    """
    if spec.scope == "machines":
        return {}
    lists = {
        "downloads": downloads_json(spec, versions, mirror),
        "overrides": overrides_json(spec, versions, mirror),
    }
    files = {
        "kubeadm.yaml": kubeadm_config(spec, versions),
        "containerd-linux.toml": containerd_config(spec, versions, "linux"),
        "containerd-windows.toml": containerd_config(spec, versions, "windows"),
        **{f"{name}.json": as_json(value) for name, value in lists.items()},
        **{f"{name}.flat": "".join(flat_lines(value)) for name, value in lists.items()},
        **{f"kubelet-{m.name}.txt": kubelet_command(spec, m, versions) + "\n" for m in spec.windows_machines},
        **{
            f"join-{m.name}.json": as_json(join_configuration(spec, m, versions))
            for m in spec.machines
            if m.role != "control-plane"
        },
        **render_manifests(spec, versions, manifests),
    }
    return {f"rendered/{name}": text for name, text in files.items()}


def as_json(value: object) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def flat_lines(value: object, path: str = "") -> Iterator[str]:
    """Yield "a.b.0.c=text" for scripts in bash, which has no JSON."""
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from flat_lines(value[key], f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from flat_lines(item, f"{path}.{index}")
    else:
        yield f"{path}={value}\n"


# -- kubeadm --------------------------------------------------------------------------------


def kubeadm_config(spec: LabSpec, versions: Versions) -> str:
    """Return kubeadm's four documents (source: kubeadm-config.v1beta3, v1beta4, kubelet v1beta1)."""
    kubeadm_minor = spec.kubernetes.linux_package_version or spec.kubernetes.version
    api = versions.minor(kubeadm_minor).kubeadm_api
    documents = [init_configuration(spec, api), cluster_configuration(spec, api)]
    documents += [kubelet_configuration(spec, versions), kube_proxy_configuration(spec)]
    return yaml.safe_dump_all(documents, sort_keys=False, explicit_start=True)


def init_configuration(spec: LabSpec, api: str) -> dict[str, Any]:  # Any: a YAML document
    ip = spec.control_plane.ip
    return {
        "apiVersion": f"kubeadm.k8s.io/{api}",
        "kind": "InitConfiguration",
        "localAPIEndpoint": {"advertiseAddress": ip, "bindPort": 6443},
        "nodeRegistration": {
            "name": spec.control_plane.name,
            "criSocket": LINUX_SOCKET,
            "kubeletExtraArgs": extra_args({"node-ip": ip}, api),
        },
    }


def join_configuration(spec: LabSpec, machine: MachineSpec, versions: Versions) -> dict[str, Any]:
    """Return a worker's configuration without its secrets: the join step adds token and caCertHashes.

    Any: a YAML document (JSON is YAML, so that a script can add to it without pasting text).
    """
    wanted = spec.kubernetes
    is_windows = machine.os == "windows"
    package = "" if is_windows else wanted.linux_package_version
    api = versions.minor(package or wanted.version).kubeadm_api
    return {
        "apiVersion": f"kubeadm.k8s.io/{api}",
        "kind": "JoinConfiguration",
        "discovery": {"bootstrapToken": {"apiServerEndpoint": f"{spec.control_plane.ip}:6443"}},
        "nodeRegistration": {
            "name": machine.name,
            "criSocket": WINDOWS_SOCKET if is_windows else LINUX_SOCKET,
            "kubeletExtraArgs": extra_args({"node-ip": machine.ip}, api),
        },
    }


def extra_args(values: Mapping[str, str], api: str) -> object:
    """v1beta4 made a list of names and values of what was a mapping."""
    if api == "v1beta3":
        return dict(values)
    return [{"name": name, "value": value} for name, value in values.items()]


def cluster_configuration(spec: LabSpec, api: str) -> dict[str, Any]:  # Any: a YAML document
    control_plane, wanted = spec.control_plane, spec.kubernetes
    document = {
        "apiVersion": f"kubeadm.k8s.io/{api}",
        "kind": "ClusterConfiguration",
        "kubernetesVersion": kubeadm_version(wanted.control_plane_version or wanted.version),
        "clusterName": "labkit",
        "controlPlaneEndpoint": f"{control_plane.ip}:6443",
        "apiServer": {"certSANs": [control_plane.ip, "127.0.0.1", "localhost", control_plane.name]},
        "networking": {"podSubnet": spec.network.pod_cidr, "serviceSubnet": spec.network.service_cidr},
    }
    # Without one kubeadm decides: registry.k8s.io, or the staging registry for CI builds.
    return {**document, **({"imageRepository": wanted.image_repository} if wanted.image_repository else {})}


def kubeadm_version(text: str) -> str:
    """Return a version as kubeadm takes it: v1.36.1, ci/v1.38.0-…, or the label itself."""
    label = parse_label(text)
    if label.exact:
        return f"{'ci/' if label.is_ci else ''}v{label.exact}"
    return label.path.removeprefix("release/").removesuffix(".txt")


def kubelet_configuration(spec: LabSpec, versions: Versions) -> dict[str, Any]:  # Any: a YAML document
    """Return the cluster's kubelet settings; Windows downloads them too, so nothing is Linux-only.

    The log query is refused without its gate below 1.36 and the gate is unknown below 1.27.
    """
    kubelets = [minor_of(text) or versions.newest_known for text in kubelet_versions(spec)]
    gate = versions.gates["NodeLogQuery"]
    document: dict[str, Any] = {  # Any: a YAML document
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "systemd",
        "enableSystemLogHandler": True,
    }
    if all(gate.holds(minor) for minor in kubelets):
        document["enableSystemLogQuery"] = True
        if any(gate.is_settable(minor) for minor in kubelets):
            document["featureGates"] = {"NodeLogQuery": True}
    return document


def kubelet_versions(spec: LabSpec) -> tuple[str, ...]:
    """Return the kubelets of this lab: the Windows one, and the Linux package if it differs."""
    wanted = spec.kubernetes
    return tuple(filter(None, (wanted.version, wanted.linux_package_version)))


def kube_proxy_configuration(spec: LabSpec) -> dict[str, Any]:  # Any: a YAML document
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clusterCIDR": spec.network.pod_cidr,
    }


# -- containerd -------------------------------------------------------------------------------

CRI = 'plugins."io.containerd.grpc.v1.cri"'
RUNTIME = "plugins.'io.containerd.cri.v1.runtime'"
Sections = dict[str, dict[str, str | bool]]
IMAGES = "plugins.'io.containerd.cri.v1.images'"


def containerd_config(spec: LabSpec, versions: Versions, os: str) -> str:
    """Return config.toml for one operating system (source: containerd docs/cri/config.md, 2.3)."""
    config_version = versions.containerd_config.get(series_of(spec.containerd.version), 3)
    pause = f"registry.k8s.io/pause:{versions.pause[os]}"
    if config_version == 2:
        sections: Sections = {CRI: {"sandbox_image": pause}}
    else:
        sections = {f"{IMAGES}.pinned_images": {"sandbox": pause}}
    prefix = CRI if config_version == 2 else RUNTIME
    sections |= windows_sections(prefix) if os == "windows" else linux_sections(prefix)
    return toml({"version": config_version}, sections)


def linux_sections(prefix: str) -> Sections:
    """Let systemd own the cgroups, as kubeadm's default wants it."""
    runc = f"{prefix}.containerd.runtimes.runc"
    return {
        f"{runc}": {"runtime_type": "io.containerd.runc.v2"},
        f"{runc}.options": {"SystemdCgroup": True},
        f"{prefix}.cni": cni_folders(""),
    }


def windows_sections(prefix: str) -> Sections:
    r"""Keep to forward slashes where Windows takes them; a pipe's name needs its backslashes."""
    return {"grpc": {"address": r"\\.\pipe\containerd-containerd"}, f"{prefix}.cni": cni_folders("C:")}


def cni_folders(drive: str) -> dict[str, str | bool]:
    # One folder for containerd and the CNI: if they differ, nodes stay NotReady for ever.
    # `bin_dir` still works in 2.1 to 2.3; `bin_dirs` would be refused by 1.7 and 2.0.
    return {"bin_dir": drive + CNI_BIN_DIR, "conf_dir": drive + CNI_CONF_DIR}


def toml(top: Mapping[str, object], sections: Mapping[str, Mapping[str, object]]) -> str:
    """Write TOML: a JSON string is a valid TOML string for the texts used here (ASCII)."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in top.items()]
    for name, values in sections.items():
        lines += ["", f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


# -- the kubelet service of a Windows machine ---------------------------------------------------


def kubelet_command(spec: LabSpec, machine: MachineSpec, versions: Versions) -> str:
    """Return the service's command line: kube-log-runner around a kubelet that speaks to the SCM."""
    minor = minor_of(spec.kubernetes.version) or versions.newest_known
    runner = [f"--log-file={KUBELET_LOG}"]
    rotation = {"log-file-size": "10M", "log-file-age": "168h", "flush-interval": "5s"}
    known = versions.flags["kube-log-runner"]
    runner += [f"--{flag}={value}" for flag, value in rotation.items() if known[flag].holds(minor)]
    return " ".join(['"C:\\k\\kube-log-runner.exe"', *runner, "C:\\k\\kubelet.exe", *kubelet_flags(machine)])


def kubelet_flags(machine: MachineSpec) -> list[str]:
    """Return flags that exist in every supported minor, so that kubeadm-flags.env need not be read."""
    return [
        "--windows-service",
        "--cert-dir=C:/var/lib/kubelet/pki",
        "--config=C:/var/lib/kubelet/config.yaml",
        "--bootstrap-kubeconfig=C:/etc/kubernetes/bootstrap-kubelet.conf",
        "--kubeconfig=C:/etc/kubernetes/kubelet.conf",
        f"--hostname-override={machine.name}",
        f"--node-ip={machine.ip}",
        # Windows has no cgroups: both must be off or the kubelet refuses to start.
        "--cgroups-per-qos=false",
        '--enforce-node-allocatable=""',
        '--resolv-conf=""',
        f"--container-runtime-endpoint={WINDOWS_SOCKET}",
        "--windows-priorityclass=ABOVE_NORMAL_PRIORITY_CLASS",
    ]
