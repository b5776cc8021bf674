"""Reads kit/versions.yaml into a frozen `Versions`.

`compatibility.check` and `render.render_files` take the result; the text comes from
`catalog.library`. Contract: docs/versions.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml

from webapp.catalog.version_labels import VersionError, exact_text, minor_of, parse_label, version_key

T = TypeVar("T")


class VersionsError(Exception):
    """versions.yaml itself is wrong: a mistake in the kit, found at start-up."""


@dataclass(frozen=True)
class Minor:
    """One Kubernetes minor. `containerd` holds the oldest fitting version of each fitting series."""

    pin: str
    kubeadm_api: str
    go: str
    containerd: tuple[str, ...]


@dataclass(frozen=True)
class CniPins:
    """What is known of one network plugin."""

    tested: tuple[str, ...]
    oldest: str
    newest: str
    windows_builds: tuple[str, ...]
    kubernetes_oldest: str = ""
    containerd_oldest: str = ""


@dataclass(frozen=True)
class Span:
    """The minors that know a flag, gate or mode: from `introduced` on, up to but without `removed`."""

    introduced: str = ""
    removed: str = ""
    locked: str = ""

    def holds(self, minor: str) -> bool:
        """Tell whether a component of this minor knows it."""
        begun = not self.introduced or version_key(minor) >= version_key(self.introduced)
        return begun and (not self.removed or version_key(minor) < version_key(self.removed))

    def is_settable(self, minor: str) -> bool:
        """Tell whether naming it makes a difference: it exists and is not locked to its default."""
        return self.holds(minor) and (not self.locked or version_key(minor) < version_key(self.locked))


@dataclass(frozen=True)
class Historic:
    """A combination that once worked: which settings make it, and why it is refused now."""

    key: str
    when: Mapping[str, str]
    what: str
    why: str
    nearest: str


@dataclass(frozen=True)
class Download:
    """A file's address with marks; `sha256` only when its publisher's word was read.

    `sha256s`: the same for a file whose version the definition chooses, by "SYSTEM-VERSION".
    """

    url: str
    sha256_url: str = ""
    sha256: str = ""
    sha256s: Mapping[str, str] = field(default_factory=dict, hash=False)
    version: str = ""
    version_of: str = ""


@dataclass(frozen=True)
class WindowsBuild:
    """One Windows Server release, known by its build number."""

    name: str
    tested: bool


@dataclass(frozen=True)
class Versions:
    """kit/versions.yaml. Minors and series are text ("1.36"), sizes MiB."""

    defaults: Mapping[str, str]
    oldest: str
    newest_known: str
    tested: tuple[str, ...]
    minors: Mapping[str, Minor]
    kubelet_older: int
    kubeadm_older: int
    containerd_config: Mapping[str, int]
    containerd_supported: tuple[str, ...]
    containerd_newest: Mapping[str, str]
    pause: Mapping[str, str]
    cni: Mapping[str, CniPins]
    builds: Mapping[str, WindowsBuild]
    boxes: Mapping[str, str]
    windows_least: Mapping[str, int]
    windows_comfortable_mib: int
    control_plane: Mapping[str, int]
    flags: Mapping[str, Mapping[str, Span]]
    gates: Mapping[str, Span]
    kube_proxy_modes: Mapping[str, Span]
    historic: tuple[Historic, ...]
    downloads: Mapping[str, Download]
    apt: Mapping[str, str]
    images: Mapping[str, str]

    def minor(self, version: str) -> Minor:
        """Return what is known of a version's minor; of the nearest known one below if it is not."""
        wanted = minor_of(version) or minor_of(self.defaults["kubernetes"])
        by_age = sorted(self.minors, key=version_key)
        older = [minor for minor in by_age if version_key(minor) <= version_key(wanted)]
        return self.minors[older[-1] if older else by_age[0]]

    def pinned(self, text: str) -> str:
        """Return the exact version of a label without a network. Raises VersionError if there is none."""
        label = parse_label(text)
        pin = self.minors[label.minor].pin if label.minor in self.minors and not label.is_ci else ""
        if not (label.exact or pin):
            raise VersionError(f"{text!r} can only be resolved over the network")
        return exact_text(label.is_ci, label.exact or pin)


def load_versions(text: str) -> Versions:
    """Parse kit/versions.yaml. Raises VersionsError naming what is missing or unknown."""
    try:
        return _versions(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise VersionsError(f"versions.yaml is not YAML: {error}") from error
    except KeyError as error:
        raise VersionsError(f"versions.yaml: key {error} is missing") from error
    except (TypeError, AttributeError) as error:
        raise VersionsError(f"versions.yaml: {error}") from error


def _versions(data: dict[str, Any]) -> Versions:  # Any: the YAML edge
    """Sort the file's sections into fields; each value keeps the file's own names."""
    kubernetes, containerd, windows = data["kubernetes"], data["containerd"], data["windows"]
    return Versions(
        defaults=data["defaults"],
        oldest=kubernetes["oldest"],
        newest_known=kubernetes["newest_known"],
        tested=tuple(kubernetes["tested"]),
        minors=_each(Minor, kubernetes["minors"]),
        kubelet_older=kubernetes["skew"]["kubelet_older"],
        kubeadm_older=kubernetes["skew"]["kubeadm_older"],
        containerd_config=containerd["config_version"],
        containerd_supported=tuple(containerd["supported"]),
        containerd_newest=containerd["newest"],
        pause=data["pause"],
        cni=_each(CniPins, data["cni"]),
        builds=_each(WindowsBuild, windows["builds"]),
        boxes=windows["boxes"],
        windows_least={"memory_mib": windows["memory_mib"]["least"], "cpus": windows["cpus"]["least"]},
        windows_comfortable_mib=windows["memory_mib"]["comfortable"],
        control_plane=data["control_plane"],
        flags={program: _each(Span, spans) for program, spans in data["flags"].items()},
        gates=_each(Span, data["gates"]),
        kube_proxy_modes=_each(Span, data["kube_proxy_modes"]),
        historic=tuple(Historic(**item) for item in data["historic"]),
        downloads=_each(Download, data["downloads"]),
        apt=data["apt"],
        images=data["images"],
    )


def _each(kind: Callable[..., T], items: dict[str, dict[str, Any]]) -> dict[str, T]:  # Any: the YAML edge
    """Make one value of `kind` from each mapping; lists become tuples."""
    return {
        name: kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in item.items()})
        for name, item in items.items()
    }
