"""The kit's manifests, filled, against Kubernetes' own schemas and against rules for Windows."""

import os
from typing import Any

import pytest
import yaml

from tests.catalog.kit_samples import DEFINITIONS, kit_manifests, kit_versions
from webapp.catalog.manifests import CNI_MANIFESTS, MARK, SHAPES, SMOKE, render_manifests

VERSIONS, MANIFESTS = kit_versions(), kit_manifests()
Document = dict[str, Any]  # Any: a Kubernetes object
SCHEMA_MINORS = ("1.34", "1.35", "1.36")


def documents(definition: str) -> list[Document]:
    filled = render_manifests(DEFINITIONS[definition], VERSIONS, MANIFESTS)
    whole = {name: text for name, text in filled.items() if not name.endswith("-patch.yaml")}
    return [document for text in whole.values() for document in yaml.safe_load_all(text)]


DOCUMENTS = {f"{d['kind']} {d['metadata']['name']}": d for d in documents("default")}
# No package carries schemas of the operator's own types; a test of ours knows their fields.
OPERATOR = "operator.tigera.io/v1"
KUBERNETES = {name: d for name, d in DOCUMENTS.items() if d["apiVersion"] != OPERATOR}


def schemas() -> Any:  # Any: the package is not there everywhere
    try:
        import kubernetes_validate
    except ImportError:
        if "schemas" in os.environ.get("LAB_TEST_REQUIRE", "").replace(",", " ").split():
            raise
        pytest.skip("install kubernetes-validate to check manifests against Kubernetes' schemas")
    return kubernetes_validate


@pytest.mark.parametrize("minor", SCHEMA_MINORS)
@pytest.mark.parametrize("document", KUBERNETES.values(), ids=KUBERNETES)
def test_manifest_fits_the_schema(document: Document, minor: str) -> None:
    schemas().validate(document, minor, strict=True)


def test_the_schema_does_find_an_error() -> None:
    wrong = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "dat": {}}

    with pytest.raises(Exception, match="dat"):
        schemas().validate(wrong, SCHEMA_MINORS[-1], strict=True)


# Source: Calico's operator API, v1.42.
CALICO_FIELDS = {
    "": {"variant", "cni", "calicoNetwork", "serviceCIDRs", "windowsNodes"},
    "cni": {"type"},
    "calicoNetwork": {"bgp", "windowsDataplane", "ipPools", "nodeAddressAutodetectionV4"},
    "windowsNodes": {"cniBinDir", "cniConfigDir", "cniLogDir", "vxlanAdapter"},
}


@pytest.mark.parametrize(("section", "fields"), CALICO_FIELDS.items(), ids=lambda value: str(value)[:20])
def test_calico_fields_are_the_operators(section: str, fields: set[str]) -> None:
    spec = DOCUMENTS["Installation default"]["spec"]

    assert set(spec[section] if section else spec) <= fields
    assert DOCUMENTS["APIServer default"]["spec"] == {}


def pod_specs() -> dict[str, Document]:
    return {
        n: d["spec"]["template"]["spec"]
        for n, d in DOCUMENTS.items()
        if d["kind"] in ("DaemonSet", "Deployment")
    }


@pytest.mark.parametrize("spec", pod_specs().values(), ids=pod_specs())
def test_pod_says_and_selects_its_operating_system(spec: Document) -> None:
    assert spec["nodeSelector"]["kubernetes.io/os"] == spec["os"]["name"]


def test_host_process_pod_is_host_process_throughout() -> None:
    spec = pod_specs()["DaemonSet kube-proxy-windows"]

    assert spec["hostNetwork"] is True
    assert spec["securityContext"]["windowsOptions"] == {
        "hostProcess": True,
        "runAsUserName": "NT AUTHORITY\\SYSTEM",
    }
    assert not any(
        mount["mountPath"].startswith(("/k", "/etc")) for mount in spec["containers"][0]["volumeMounts"]
    )


def test_selectors_find_their_own_pods() -> None:
    for document in DOCUMENTS.values():
        if document["kind"] in ("DaemonSet", "Deployment"):
            labels = document["spec"]["template"]["metadata"]["labels"]
            assert document["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_calico_is_set_up_for_windows() -> None:
    spec = DOCUMENTS["Installation default"]["spec"]

    assert spec["calicoNetwork"]["windowsDataplane"] == "HNS"
    assert [pool["encapsulation"] for pool in spec["calicoNetwork"]["ipPools"]] == ["VXLAN"]
    assert spec["calicoNetwork"]["bgp"] == "Disabled" and spec["serviceCIDRs"]


@pytest.mark.parametrize("name", CNI_MANIFESTS["antrea"])
def test_antrea_patch_is_a_config_map_patch_with_the_labs_network(name: str) -> None:
    patch = yaml.safe_load(render_manifests(DEFINITIONS["antrea"], VERSIONS, MANIFESTS)[name])
    agent = yaml.safe_load(patch["data"]["antrea-agent.conf"])

    assert agent["transportInterfaceCIDRs"] == ["192.168.56.0/24"]
    assert agent["antreaProxy"]["proxyAll"] is ("windows" in name)


def test_every_manifest_is_used_and_every_mark_known() -> None:
    used = {*CNI_MANIFESTS["calico"], *CNI_MANIFESTS["antrea"], *SMOKE, "kube-proxy-windows.yaml"}
    marks = {mark for text in MANIFESTS.values() for mark in MARK.findall(text)}

    assert set(MANIFESTS) == used
    assert marks <= SHAPES.keys()
