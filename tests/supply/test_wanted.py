"""Which builds a definition asks for."""

from dataclasses import replace
from pathlib import Path

import pytest

from webapp.catalog import library
from webapp.catalog.spec import KubernetesSpec, LabSpec, Override
from webapp.supply.wanted import SupplyError, wanted_builds

ENVIRONMENTS = Path(__file__).parents[2] / "environments"
VERSIONS = library.versions(ENVIRONMENTS)
COMPONENTS = {component.name: component for component in library.components(ENVIRONMENTS).components}
KUBELET = Override("windows", "kubelet", "build")


def spec(*overrides: Override, version: str = "1.36.1", ref: str = "", repository: str = "") -> LabSpec:
    return LabSpec(
        kubernetes=KubernetesSpec(version), overrides=overrides, build_ref=ref, build_repository=repository
    )


def refs(lab: LabSpec) -> list[tuple[str, str, str]]:
    return [(one.url, one.ref, one.target) for one in wanted_builds(lab, COMPONENTS, VERSIONS)]


@pytest.mark.parametrize(
    ("lab", "ref"),
    [
        (spec(KUBELET), "v1.36.1"),
        (spec(KUBELET, ref="fix"), "fix"),
        (spec(replace(KUBELET, ref="pull/7"), ref="fix"), "pull/7"),
    ],
    ids=["the version's tag", "the definition's", "the binary's own"],
)
def test_ref_comes_from_the_nearest_place(lab: LabSpec, ref: str) -> None:
    assert refs(lab) == [(COMPONENTS["kubelet"].repository, ref, "windows/amd64")]


def test_binaries_of_one_ref_and_system_are_one_build() -> None:
    proxy, linux = Override("windows", "kube-proxy", "build"), Override("linux", "kubelet", "build")

    found = wanted_builds(spec(KUBELET, proxy, linux, repository="/srv/k"), COMPONENTS, VERSIONS)

    assert [(one.names, one.target) for one in found] == [
        (("kubelet", "kube-proxy"), "windows/amd64"),
        (("kubelet",), "linux/amd64"),
    ]
    assert {one.url for one in found} == {"/srv/k"}


def test_release_and_file_are_not_built() -> None:
    assert (
        refs(spec(Override("windows", "kubelet", "release"), Override("linux", "kubectl", "file", "x"))) == []
    )


@pytest.mark.parametrize(
    ("lab", "sentence"),
    [
        (spec(Override("windows", "shim", "build")), "add containerd-shim-runhcs-v1 on the page Components"),
        (spec(KUBELET, version="ci/v1.38.0-alpha.2.15+0123456789abcd"), "say which ref is built"),
    ],
    ids=["no component", "a CI build"],
)
def test_what_cannot_be_built_is_told(lab: LabSpec, sentence: str) -> None:
    with pytest.raises(SupplyError, match=sentence):
        wanted_builds(lab, COMPONENTS, VERSIONS)
