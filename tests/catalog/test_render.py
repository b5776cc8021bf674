"""Golden files of everything rendered, and the promise that it always parses.

`LAB_UPDATE_GOLDEN=1 pytest tests/catalog/test_render.py` writes them anew; read the diff.
"""

import json
import os
import re
import tomllib
from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.catalog.kit_samples import DEFINITIONS, GOLDEN, KIT, kit_manifests, kit_versions, lab
from webapp.catalog import keys
from webapp.catalog.library import manifests
from webapp.catalog.manifests import MARK, ManifestError, fill
from webapp.catalog.placing import place
from webapp.catalog.render import render_files
from webapp.catalog.spec import (
    CniSpec,
    ContainerdSpec,
    KubernetesSpec,
    LabSpec,
    NetworkSpec,
    default_machine,
)

VERSIONS, MANIFESTS = kit_versions(), kit_manifests()
# The flat lists say what the JSON says; the manifests differ by their marks only.
GOLDEN_NAMES = (
    "kubeadm.yaml",
    "containerd",
    "kubelet-",
    "join-",
    "downloads.json",
    "overrides.json",
    "calico",
)


def rendered(spec: LabSpec) -> dict[str, str]:
    return render_files(spec, VERSIONS, MANIFESTS)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_files_are_the_golden_ones(name: str) -> None:
    files = {path.removeprefix("rendered/"): text for path, text in rendered(DEFINITIONS[name]).items()}
    text = "".join(
        f"##### {path}\n{content}" for path, content in sorted(files.items()) if path.startswith(GOLDEN_NAMES)
    )
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("LAB_UPDATE_GOLDEN"):
        golden.write_text(text)

    assert text == golden.read_text()


def assert_parses(path: str, text: str) -> None:
    """Read a file with the parser of what will read it."""
    assert text.isascii()
    if path.endswith(".json"):
        json.loads(text)
    elif path.endswith(".toml"):
        assert tomllib.loads(text)["version"] in (2, 3)
    elif path.endswith(".yaml"):
        assert all(isinstance(document, dict) for document in yaml.load_all(text, yaml.CSafeLoader))
        assert not MARK.search(text)
    elif path.endswith(".txt"):
        assert text.count("\n") == 1 and text.startswith('"C:\\k\\kube-log-runner.exe" ')
    else:
        assert path.endswith(".flat") and all("=" in line for line in text.splitlines())


VERSION_TEXTS = st.from_regex(keys.KUBERNETES_VERSION.pattern, fullmatch=True)
COMPONENT_TEXTS = st.from_regex(keys.COMPONENT_VERSION.pattern, fullmatch=True)
RANGES = st.sampled_from(["10.244.0.0/16", "100.64.0.0/10", "172.16.0.0/12", "10.96.0.0/12"])
KUBERNETES = st.builds(
    KubernetesSpec,
    VERSION_TEXTS,
    st.just("") | VERSION_TEXTS,
    st.just("") | st.from_regex(keys.REGISTRY.pattern, fullmatch=True),
    st.just("") | st.from_regex(keys.PACKAGE_VERSION.pattern, fullmatch=True),
)
MACHINE = st.from_regex(keys.MACHINE_NAME.pattern, fullmatch=True)


# Each example renders and parses a dozen files.
@settings(deadline=None, max_examples=40)
@given(
    kubernetes=KUBERNETES,
    containerd=COMPONENT_TEXTS,
    cni=st.builds(CniSpec, st.sampled_from(["calico", "antrea", "none"]), COMPONENT_TEXTS),
    network=st.builds(NetworkSpec, st.just(""), RANGES, RANGES),
    names=st.lists(MACHINE, min_size=2, max_size=3, unique=True),
)
def test_whatever_a_definition_may_say_renders_files_that_parse(
    kubernetes: KubernetesSpec, containerd: str, cni: CniSpec, network: NetworkSpec, names: list[str]
) -> None:
    workers = [default_machine("windows", name=name) for name in names[1:]]
    machines = (default_machine("control-plane", name=names[0]), *workers)
    spec = LabSpec(kubernetes=kubernetes, containerd=ContainerdSpec(containerd), cni=cni, machines=machines)

    files = rendered(place(replace(spec, network=network), "192.168.56.0/24"))

    assert "rendered/kubeadm.yaml" in files
    for path, text in files.items():
        assert_parses(path, text)


def kubeadm(spec: LabSpec) -> list[dict[str, object]]:
    return list(yaml.safe_load_all(rendered(spec)["rendered/kubeadm.yaml"]))


@pytest.mark.parametrize(
    ("version", "api"), [("1.30.14", "v1beta3"), ("1.33.4", "v1beta4"), ("1.36.1", "v1beta4")]
)
def test_kubeadm_api_follows_the_minor(version: str, api: str) -> None:
    assert kubeadm(lab(version))[0]["apiVersion"] == f"kubeadm.k8s.io/{api}"


@pytest.mark.parametrize(
    ("version", "query", "gates"),
    [
        ("1.26.15", None, None),
        ("1.30.14", True, {"NodeLogQuery": True}),
        ("1.35.0", True, {"NodeLogQuery": True}),
        ("1.36.1", True, None),
    ],
)
def test_log_query_comes_with_its_gate_or_not_at_all(version: str, query: object, gates: object) -> None:
    kubelet = kubeadm(lab(version))[2]

    assert (kubelet.get("enableSystemLogQuery"), kubelet.get("featureGates")) == (query, gates)


def test_kubelet_has_no_flag_that_its_minor_lacks() -> None:
    for minor, known in VERSIONS.minors.items():
        command = rendered(lab(known.pin or f"{minor}.0"))["rendered/kubelet-winw1.txt"]
        runner, kubelet = command.split(" C:\\k\\kubelet.exe ")
        for program, part in (("kube-log-runner", runner), ("kubelet", kubelet)):
            gone = [
                f
                for f, span in VERSIONS.flags[program].items()
                if f"--{f}=" in part and not span.holds(minor)
            ]
            assert not gone


def test_containerd_and_calico_share_their_folders() -> None:
    files = rendered(lab())
    containerd = tomllib.loads(files["rendered/containerd-windows.toml"])
    windows = next(yaml.safe_load_all(files["rendered/calico.yaml"]))["spec"]["windowsNodes"]

    cni = containerd["plugins"]["io.containerd.cri.v1.runtime"]["cni"]
    assert cni == {"bin_dir": "C:" + windows["cniBinDir"], "conf_dir": "C:" + windows["cniConfigDir"]}


def test_gates_are_passed_to_kube_proxy_only_where_they_can_be_set() -> None:
    old, new = (rendered(lab(v))["rendered/kube-proxy-windows.yaml"] for v in ("1.33.4", "1.36.1"))

    assert 'gates: "WinDSR=true,WinOverlay=true"' in old
    assert 'gates: ""' in new


def test_no_kube_proxy_is_rendered_for_antrea() -> None:
    assert "rendered/kube-proxy-windows.yaml" not in rendered(DEFINITIONS["antrea"])


def test_nothing_is_rendered_without_kubernetes() -> None:
    assert rendered(replace(lab(), scope="machines")) == {}


def test_downloads_go_through_the_mirror_when_there_is_one() -> None:
    files = render_files(lab(), VERSIONS, MANIFESTS, mirror="http://192.168.56.1:8090/cache/")
    downloads = json.loads(files["rendered/downloads.json"])

    url = downloads["windows"]["kubelet"]["url"]
    assert url == "http://192.168.56.1:8090/cache/dl.k8s.io/v1.36.1/bin/windows/amd64/kubelet.exe"
    assert "https://" not in files["rendered/downloads.json"]


def test_an_unplaced_spec_is_refused() -> None:
    with pytest.raises(ManifestError, match="placed"):
        rendered(LabSpec())


def test_an_unknown_mark_is_refused() -> None:
    with pytest.raises(ManifestError, match=r"x\.yaml has unknown marks: NOPE"):
        fill("x.yaml", "a: @NOPE@", {"POD_CIDR": "10.0.0.0/8"})


def test_the_library_reads_every_manifest() -> None:
    assert manifests(KIT.parent) == MANIFESTS


def test_a_missing_manifest_is_refused() -> None:
    with pytest.raises(ManifestError, match=r"calico\.yaml"):
        render_files(lab(), VERSIONS, {})


def test_every_linux_download_of_the_usual_lab_is_pinned_in_the_kit() -> None:
    downloads = json.loads(rendered(lab())["rendered/downloads.json"])

    assert [name for name, entry in downloads["linux"].items() if not entry["sha256"]] == []


@pytest.mark.parametrize("preset", ["default", "antrea"])
def test_what_nothing_but_its_tag_pins_is_known(preset: str) -> None:
    downloads = json.loads(rendered(DEFINITIONS[preset])["rendered/downloads.json"])
    entries = [item for os in ("linux", "windows") for item in downloads[os].items()]

    bare = {name for name, entry in entries if not (entry["sha256"] or entry["sha256_url"])}

    assert bare == ({"antrea-linux", "antrea-windows"} if preset == "antrea" else set())


def test_a_pin_is_a_sha256_of_a_system_and_a_version() -> None:
    for entry in VERSIONS.downloads.values():
        assert all(re.fullmatch(r"(linux|windows)-\d+\.\d+\.\d+", key) for key in entry.sha256s)
        assert all(re.fullmatch(r"[0-9a-f]{64}|", value) for value in (entry.sha256, *entry.sha256s.values()))
