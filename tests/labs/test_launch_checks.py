"""Refusals before anything is made, and labels that become exact versions once."""

from dataclasses import replace
from pathlib import Path

import pytest

from webapp.catalog import library, variables
from webapp.catalog.spec import KubernetesSpec, LabSpec, Override
from webapp.catalog.version_labels import VersionError
from webapp.labs.launch_checks import cautions, fetch_versions, pin_versions, refusals

VERSIONS = library.versions(Path(__file__).parents[2] / "environments")


def spec_of(version: str, *overrides: Override) -> LabSpec:
    return replace(LabSpec(), kubernetes=KubernetesSpec(version), overrides=overrides)


def offline(url: str) -> str:
    raise OSError(f"no way to {url}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kubernetes: {version: '1.24.3'}\n", ("kubernetes.version", "HostProcess", "1.36.1")),
        (
            "cni: {name: antrea, kube_proxy: userspace}\n",
            ("userspace mode", "took it out in 1.26", "AntreaProxy"),
        ),
        ("cni: {name: calico, windows: services}\n", ("CalicoNode", "since 3.28", "host-process")),
    ],
    ids=["too old", "userspace and Antrea", "Calico as services"],
)
def test_what_no_longer_exists_is_refused_with_reason_and_nearest(text: str, words: tuple[str, ...]):
    told = " ".join(refusals(variables.parse(text), VERSIONS))

    assert [word for word in words if word not in told] == []


def test_an_untested_version_is_a_caution_and_no_refusal():
    spec = spec_of("1.30.14")

    assert refusals(spec, VERSIONS) == []
    assert any("untested" in text for text in cautions(spec, VERSIONS))


def test_a_rehearsal_takes_the_pin_of_a_label():
    resolved = pin_versions(spec_of("stable-1.36"), VERSIONS)

    assert resolved.spec.kubernetes.version == VERSIONS.minors["1.36"].pin
    assert len(resolved.notes) == 1


def test_a_label_is_asked_for_once_for_all_its_places():
    urls: list[str] = []

    def fetch(url: str) -> str:
        urls.append(url)
        return "v1.38.0-alpha.1.5+0123abc\n"

    spec = spec_of("ci/latest-1.38", Override("windows", "kubelet", "ci", "ci/latest-1.38"))
    found = fetch_versions(spec, VERSIONS, fetch).spec

    assert urls == ["https://dl.k8s.io/ci/latest-1.38.txt"]
    assert found.kubernetes.version == found.overrides[0].path == "ci/v1.38.0-alpha.1.5+0123abc"


def test_an_exact_version_asks_nobody():
    assert fetch_versions(spec_of("1.36.1"), VERSIONS, offline).spec == spec_of("1.36.1")


def test_without_a_network_the_pin_is_taken_or_the_label_refused():
    pinned = fetch_versions(spec_of("stable-1.36"), VERSIONS, offline).spec

    assert pinned.kubernetes.version == VERSIONS.minors["1.36"].pin
    with pytest.raises(VersionError, match="Name an exact version"):
        fetch_versions(spec_of("ci/latest-1.38"), VERSIONS, offline)
