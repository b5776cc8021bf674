"""No definition that passes validation renders anything that would not parse.

Definitions are made as text, read as a user's are, and refused ones are left out; each file is read as
its reader does: kubeadm by its API version, containerd by its series, bash, Vagrant, Windows.
"""

import json
import re
import string
import tomllib
from itertools import product
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from tests.catalog.kit_samples import KIT, kit_manifests, kit_versions, lab
from webapp.catalog import keys
from webapp.catalog.compatibility import can_launch, check
from webapp.catalog.library import kit_steps
from webapp.catalog.placing import lab_json, place
from webapp.catalog.problems import DefinitionError
from webapp.catalog.render import flat_lines, render_files
from webapp.catalog.spec import LabSpec
from webapp.catalog.variables import parse
from webapp.catalog.version_labels import minor_of, series_of
from webapp.labs.launch_checks import pin_versions

VERSIONS, MANIFESTS = kit_versions(), kit_manifests()
STEPS = kit_steps(KIT.parent)
KINDS = ["InitConfiguration", "ClusterConfiguration", "KubeletConfiguration", "KubeProxyConfiguration"]
# What the Vagrantfile holds lab.json against.
LAB_PATTERNS = {
    "name": r"[a-z][a-z0-9-]{0,14}",
    "os": "linux|windows",
    "communicator": "ssh|winrm|winssh",
    "ip": r"\d{1,3}(\.\d{1,3}){3}",
}
KUBELET_FLAG = re.compile(r'--[a-z-]+(=("[^"]*"|[^\s"]+))?')
PRINTABLE = set(string.printable) - set("\x0b\x0c")


def text_of(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(rf"\A(?:{pattern})\Z", fullmatch=True).map(lambda text: text.removesuffix("\n"))


def maybe(**entries: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=entries)


MINORS = st.sampled_from(list(VERSIONS.minors))
VERSION = st.one_of(
    MINORS,
    MINORS.map(lambda minor: VERSIONS.minors[minor].pin or f"{minor}.0"),
    MINORS.map(lambda minor: f"stable-{minor}"),
    MINORS.map(lambda minor: f"ci/latest-{minor}"),
    MINORS.map(lambda minor: f"ci/v{minor}.0-alpha.2.15+0123456789abcd"),
    text_of(keys.KUBERNETES_VERSION.pattern),
)
SIZES = maybe(
    cpus=st.integers(2, 16),
    memory_mib=st.integers(4096, 65536),
    box=text_of(keys.BOX.pattern),
    box_url=text_of(keys.BOX_URL.pattern),
)
GROUP = st.builds(lambda sizes, count: {**sizes, "count": count}, SIZES, st.integers(1, 4))
SOURCE = st.one_of(
    st.just({"source": "release"}),
    st.builds(lambda path: {"source": "file", "path": path}, text_of(keys.FILE_PATH.pattern)),
    st.just({"source": "ci", "path": "ci/latest-1.37"}),
    st.just({"source": "build"}),
)
OVERRIDES = maybe(
    **{
        os: st.dictionaries(st.sampled_from(binaries), SOURCE, max_size=3)
        for os, binaries in keys.BINARIES.items()
    }
)
CNI = st.one_of(
    st.sampled_from(keys.CNIS),
    st.fixed_dictionaries(
        {"name": st.sampled_from(keys.CNIS)},
        optional={
            "windows": st.sampled_from(keys.CNI_WINDOWS),
            "kube_proxy": st.sampled_from(keys.KUBE_PROXIES),
        },
    ),
)


def option(name: str, shape: keys.Shape) -> st.SearchStrategy[Any]:
    return text_of(shape.pattern) if shape.pattern else st.booleans()


def provider(name: str) -> st.SearchStrategy[dict[str, Any]]:
    options = {key: option(key, shape) for key, shape in keys.PROVIDER_OPTIONS[name].items()}  # type: ignore[index]
    return st.fixed_dictionaries({"name": st.just(name)}, optional=options)


DEFINITIONS = maybe(
    kubernetes=st.fixed_dictionaries(
        {"version": VERSION},
        optional={"image_repository": text_of(keys.REGISTRY.pattern)},
    ),
    linux=maybe(package_version=text_of(keys.PACKAGE_VERSION.pattern)),
    build=st.fixed_dictionaries({"ref": text_of(keys.GIT_REF.pattern)}),
    overrides=OVERRIDES,
    cni=CNI,
    versions=maybe(containerd=st.sampled_from(sorted(VERSIONS.containerd_newest.values()))),
    vm=maybe(linux=GROUP, windows=GROUP),
    network=maybe(
        pod_cidr=st.sampled_from(["10.244.0.0/16", "100.64.0.0/10"]),
        service_cidr=st.sampled_from(["10.96.0.0/12", "172.20.0.0/16"]),
    ),
    provider=st.sampled_from(list(keys.PROVIDER_OPTIONS)).flatmap(provider),
)


def understood(definition: dict[str, Any]) -> LabSpec:
    """Return the placed, exact spec of a definition that may be launched."""
    try:
        spec = parse(yaml.safe_dump(definition))
    except DefinitionError:
        reject()
    spec = pin_versions(place(spec, "192.168.56.0/24"), VERSIONS).spec
    if not can_launch(check(spec, VERSIONS)):
        reject()
    return spec


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
@given(DEFINITIONS)
def test_what_may_be_launched_renders_files_that_their_readers_can_read(definition: dict[str, Any]) -> None:
    assert_readable(understood(definition))


CONTAINERDS = list(VERSIONS.containerd_newest.values())


@pytest.mark.parametrize(("minor", "containerd"), list(product(VERSIONS.minors, CONTAINERDS)), ids=str)
def test_every_minor_with_every_containerd_renders_readable_files(minor: str, containerd: str) -> None:
    assert_readable(lab(VERSIONS.minors[minor].pin or f"{minor}.0", containerd))


def assert_readable(spec: LabSpec) -> None:
    files = {
        path.removeprefix("rendered/"): text for path, text in render_files(spec, VERSIONS, MANIFESTS).items()
    }
    for path, text in files.items():
        assert set(text) <= PRINTABLE and text.isascii(), path
    assert_kubeadm(spec, list(yaml.safe_load_all(files["kubeadm.yaml"])))
    for os in ("linux", "windows"):
        assert_containerd(spec, os, tomllib.loads(files[f"containerd-{os}.toml"]))
    for machine in spec.machines:
        if machine.role != "control-plane":
            assert_api(spec, machine.os, json.loads(files[f"join-{machine.name}.json"]))
    for machine in spec.windows_machines:
        assert_kubelet(files[f"kubelet-{machine.name}.txt"], machine.name)
    for name in ("downloads", "overrides"):
        assert_twin(json.loads(files[f"{name}.json"]), files[f"{name}.flat"])
    assert_lab_json(spec)


def assert_kubeadm(spec: LabSpec, documents: list[dict[str, Any]]) -> None:
    assert [document["kind"] for document in documents] == KINDS
    for document in documents[:2]:
        assert_api(spec, "linux", document)
    assert re.fullmatch(r"(ci/)?v1\.\d+\.\d+\S*", documents[1]["kubernetesVersion"])


def assert_api(spec: LabSpec, os: str, document: dict[str, Any]) -> None:
    """v1beta3 takes extra arguments as a mapping, v1beta4 as a list; each refuses the other's."""
    package = spec.kubernetes.linux_package_version if os == "linux" else ""
    api = VERSIONS.minor(package or spec.kubernetes.version).kubeadm_api
    assert document["apiVersion"] == f"kubeadm.k8s.io/{api}"
    extra = document.get("nodeRegistration", {}).get("kubeletExtraArgs", [] if api == "v1beta4" else {})
    assert isinstance(extra, dict if api == "v1beta3" else list)


def assert_containerd(spec: LabSpec, os: str, config: dict[str, Any]) -> None:
    """1.7 reads version 2 and its one plugin, 2.x version 3 and its two."""
    version = VERSIONS.containerd_config[series_of(spec.containerd.version)]
    assert config["version"] == version
    known = (
        ["io.containerd.grpc.v1.cri"]
        if version == 2
        else ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"]
    )
    assert sorted(config["plugins"]) == known
    assert ("grpc" in config) == (os == "windows")


def assert_kubelet(text: str, machine: str) -> None:
    """One line; what follows the kubelet's path are flags that Windows takes apart as they are meant."""
    line, rest = text.split("\n", 1)
    assert rest == ""
    runner, _, kubelet = line.partition(" C:\\k\\kubelet.exe ")
    assert runner.startswith('"C:\\k\\kube-log-runner.exe" ')
    flags = re.findall(r'(?:[^\s"]|"[^"]*")+', kubelet)
    assert " ".join(flags) == kubelet
    assert all(KUBELET_FLAG.fullmatch(flag) for flag in flags)
    assert f"--hostname-override={machine}" in flags


def assert_twin(value: dict[str, Any], flat: str) -> None:
    """bash reads lines KEY=VALUE: the same number of them as values, no value with a line's end."""
    assert flat == "".join(flat_lines(value))
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+=.*", line) for line in flat.splitlines())


def assert_lab_json(spec: LabSpec) -> None:
    value = json.loads(
        json.dumps(lab_json(spec, lab="a-lab", prefix="a-lab-1-", provider="libvirt", kit_steps=STEPS))
    )
    for machine in value["machines"]:
        assert all(re.fullmatch(pattern, machine[key]) for key, pattern in LAB_PATTERNS.items())
        assert all(
            re.fullmatch(r"(linux/[a-z0-9-]+\.sh|windows/[a-z0-9-]+\.ps1)", s["script"])
            for s in machine["steps"]
        )
    assert minor_of(value["kubernetes"]["version"])
