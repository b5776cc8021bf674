"""Which builds a lab needs: overrides with the source build, grouped by repository and ref. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from webapp.catalog.components import Component
from webapp.catalog.downloads import exact_version
from webapp.catalog.kit_versions import Versions
from webapp.catalog.spec import LabSpec, Override

ARCH = "amd64"
# What a definition calls a binary → the component that makes it, where they differ.
COMPONENTS: Mapping[str, str] = {"shim": "containerd-shim-runhcs-v1"}


class SupplyError(Exception):
    """A binary cannot be had; a sentence for the run's log."""


@dataclass(frozen=True)
class WantedBuild:
    """One request for the builds' room; `overrides` are what its artifacts become."""

    url: str
    ref: str
    target: str
    names: tuple[str, ...]
    overrides: tuple[Override, ...]


def wanted_builds(
    spec: LabSpec, components: Mapping[str, Component], versions: Versions
) -> tuple[WantedBuild, ...]:
    """Return one build for each repository, ref and operating system. Raises SupplyError."""
    groups: dict[tuple[str, str, str], list[Override]] = {}
    for override in spec.built:
        key = (url_of(override, spec, components), ref_of(override, spec, versions), f"{override.os}/{ARCH}")
        groups.setdefault(key, []).append(override)
    return tuple(
        WantedBuild(url, ref, target, names_of(found), tuple(found))
        for (url, ref, target), found in groups.items()
    )


def names_of(overrides: Iterable[Override]) -> tuple[str, ...]:
    return tuple(component_name(override) for override in overrides)


def component_name(override: Override) -> str:
    return COMPONENTS.get(override.binary, override.binary)


def url_of(override: Override, spec: LabSpec, components: Mapping[str, Component]) -> str:
    component = components.get(component_name(override))
    if component is None:
        raise SupplyError(
            f"overrides.{override.os}.{override.binary}: nobody knows how it is built; "
            f"add {component_name(override)} on the page Components."
        )
    return override.repository or spec.build_repository or component.repository


def ref_of(override: Override, spec: LabSpec, versions: Versions) -> str:
    """Return the ref as it is asked for; of Kubernetes the version's own tag where none is named."""
    if override.ref or spec.build_ref:
        return override.ref or spec.build_ref
    if override.binary in ("containerd", "shim"):
        return "HEAD"
    version, is_ci = exact_version(spec.kubernetes.version, versions)
    if is_ci:
        raise SupplyError(
            f"overrides.{override.os}.{override.binary}: a CI build has no tag; say which ref is built."
        )
    return f"v{version.removeprefix('v')}"
