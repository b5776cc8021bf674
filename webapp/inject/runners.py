"""Who runs a binary on a machine of a lab, in that lab's mode. Pure.

A file that nobody would run is refused, with the reason and what would work instead.
Source: peers-and-pains 2c; kit/manifests/kube-proxy-windows.yaml; kubeadm's static pods.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from webapp.catalog.components import Component, Place
from webapp.catalog.spec import LabSpec

Kind = Literal["service", "pod", "nobody", "unused"]
# What has to stop before, in this order; it starts again in the opposite one.
STOPS_FIRST: Mapping[str, tuple[str, ...]] = {"containerd": ("kubelet", "containerd")}
STATIC_PODS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
OWN_KUBE_PROXY_POD = "kube-proxy-windows"
OWN_IMAGE = "Push an image with this binary and name its repository in the definition (image_repository)."


@dataclass(frozen=True)
class Runner:
    """Who runs the file. `unused`: nobody would, `reason` and `advice` say why and what to do instead.

    `nobody`: it is called by hand or by others; each call takes the new file. `stops`: in this order.
    """

    kind: Kind
    name: str = ""
    stops: tuple[str, ...] = ()
    reason: str = ""
    advice: str = ""
    path: str = ""

    def to_json(self) -> dict[str, Any]:  # Any: the JSON edge
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:  # Any: the JSON edge
        return cls(**{**value, "stops": tuple(value["stops"])})

    @property
    def sentence(self) -> str:
        """Say who runs it."""
        return {
            "service": f"The service {self.name} runs it.",
            "pod": f"The HostProcess pod {self.name} runs it; its pod on this machine is made anew.",
            "nobody": "Nobody runs it all the time: the next call takes the new file.",
            "unused": f"{self.reason} {self.advice}".strip(),
        }[self.kind]


def runner_of(component: Component, system: str, spec: LabSpec) -> Runner:
    """Tell who runs this component on a machine with this operating system ("windows", "linux")."""
    place = component.places.get(system)
    if place is None:
        return unused(
            f"{component.name} has no place on a {system.capitalize()} machine.",
            "Say where it lies and who runs it there on the page Components.",
        )
    found = image_runner(component, system, spec) or place_runner(place, system, spec)
    return Runner(**{**asdict(found), "path": place.path})


def unused(reason: str, advice: str) -> Runner:
    return Runner("unused", reason=reason, advice=advice)


def image_runner(component: Component, system: str, spec: LabSpec) -> Runner | None:
    """Return why the file is of no use where the cluster runs the program from an image, else None."""
    if system != "linux" or spec.scope != "cluster":
        return None
    if component.name == "kube-proxy":
        return unused(
            "kube-proxy on Linux runs from an image, in the DaemonSet kube-proxy; nobody reads the file.",
            OWN_IMAGE,
        )
    if component.name in STATIC_PODS:
        return unused(
            f"{component.name} runs from an image, as a static pod; nobody reads the file.",
            OWN_IMAGE,
        )
    return None


def place_runner(place: Place, system: str, spec: LabSpec) -> Runner:
    kind, _, name = place.run_by.partition(" ")
    if kind == "nobody":
        return Runner("nobody")
    if kind == "service":
        return service(name)
    if system == "linux":
        return unused(
            f"On Linux the pod {name} runs its program from an image; nobody reads the file.",
            "Push an image with this binary and let the pod use it.",
        )
    return own_proxy(spec) if name == OWN_KUBE_PROXY_POD else Runner("pod", name)


def service(name: str) -> Runner:
    return Runner("service", name, STOPS_FIRST.get(name, (name,)))


def own_proxy(spec: LabSpec) -> Runner:
    """Tell who runs kube-proxy.exe: our DaemonSet with Calico, a service in the old mode, else nobody."""
    if spec.cni.windows == "services":
        return service("kube-proxy")
    if spec.cni.name == "calico":
        return Runner("pod", OWN_KUBE_PROXY_POD)
    if spec.cni.name == "antrea":
        return unused(
            "In this lab nobody runs kube-proxy.exe: AntreaProxy does its work on Windows.",
            "Launch a lab with cni calico to try a kube-proxy, or put an antrea-agent into this one.",
        )
    return unused(
        "In this lab nobody runs kube-proxy.exe: a lab without a CNI has no kube-proxy on Windows.",
        "Launch a lab with cni calico to try a kube-proxy.",
    )
