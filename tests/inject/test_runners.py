"""Who runs a binary in each mode of a lab, and why nobody would."""

import pytest

from tests.kit.labs import ENVIRONMENTS
from webapp.catalog import library
from webapp.catalog.components import Component, Place
from webapp.catalog.spec import CniSpec, LabSpec
from webapp.inject.runners import Runner, runner_of

KIT = {component.name: component for component in library.components(ENVIRONMENTS).components}


def own(name: str, run_by: str, system: str = "linux", path: str = "/opt/x") -> Component:
    return Component(name, "", "https://example.org/x", (".",), places={system: Place(path, run_by)})


def lab(cni: str = "calico", windows: str = "host-process", scope: str = "cluster") -> LabSpec:
    return LabSpec(scope=scope, cni=CniSpec(name=cni, windows=windows))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("component", "system", "spec", "kind", "name"),
    [
        (KIT["kubelet"], "windows", lab(), "service", "kubelet"),
        (KIT["kubelet"], "linux", lab(), "service", "kubelet"),
        (KIT["kubectl"], "windows", lab(), "nobody", ""),
        (KIT["kube-proxy"], "windows", lab(), "pod", "kube-proxy-windows"),
        (KIT["kube-proxy"], "windows", lab(windows="services"), "service", "kube-proxy"),
        (KIT["kube-proxy"], "windows", lab("antrea"), "unused", ""),
        (KIT["kube-proxy"], "windows", lab("none"), "unused", ""),
        (KIT["kube-proxy"], "linux", lab(), "unused", ""),
        (own("kube-apiserver", "nobody"), "linux", lab(), "unused", ""),
        (own("agent", "pod agent"), "linux", lab(), "unused", ""),
        (own("agent", "pod agent", "windows", "C:\\k\\agent.exe"), "windows", lab(), "pod", "agent"),
        (own("greeter", "service greeter"), "linux", lab(scope="machines"), "service", "greeter"),
        (own("greeter", "service greeter"), "windows", lab(), "unused", ""),
    ],
)
def test_runner_in_each_mode(component: Component, system: str, spec: LabSpec, kind: str, name: str):
    found = runner_of(component, system, spec)

    assert (found.kind, found.name) == (kind, name)


@pytest.mark.parametrize("cni", ["antrea", "none"])
def test_a_refusal_has_a_reason_and_what_would_work(cni: str):
    found = runner_of(KIT["kube-proxy"], "windows", lab(cni))

    assert "nobody runs kube-proxy.exe" in found.reason and "calico" in found.advice


def test_the_kubelet_stops_before_its_runtime():
    runtime = own("containerd", "service containerd")

    assert runner_of(runtime, "linux", lab()).stops == ("kubelet", "containerd")


def test_a_runner_survives_json():
    runner = Runner("service", "kubelet", ("kubelet",), path="/usr/bin/kubelet")

    assert Runner.from_json(runner.to_json()) == runner
