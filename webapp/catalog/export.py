"""LabSpec → variables.yaml of each generation, as text that people like to read.

What a generation cannot say stands as comments at the end of its text.
"""

import json
import re
from collections.abc import Iterable, Iterator

from webapp.catalog.historic import BUILT_LINUX, BUILT_WINDOWS, BUILT_WINDOWS_2022, WINDOWS_PATHS
from webapp.catalog.spec import LabSpec, MachineSpec, Override, default_machine

Line = str
# Text that no YAML reader takes for something else.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9/_-]*(\.[A-Za-z0-9_-]+)*(/[A-Za-z0-9_-]+)*")
_TAKEN = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})


def quoted(value: object) -> str:
    """Write a scalar so that YAML 1.1 and 1.2 read the same from it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return decimal_text(value) if isinstance(value, float) else str(value)
    text = str(value)
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _TAKEN
    return text if is_plain else json.dumps(text)


def decimal_text(value: float) -> str:
    """Write all six decimals that a definition may have, without an exponent."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def pairs(indent: str, values: Iterable[tuple[str, object]]) -> Iterator[Line]:
    """Yield `key: value` for each value that says something."""
    for key, value in values:
        if value is not None and value != "":
            yield f"{indent}{key}: {quoted(value)}"


def section(name: str, lines: Iterable[Line]) -> list[Line]:
    """Return the section's lines, none if it would be empty."""
    body = list(lines)
    return [f"{name}:", *body] if body else []


def ours(spec: LabSpec) -> str:
    """Write our own generation; it says everything."""
    kubernetes = spec.kubernetes
    lines = [
        f"scope: {spec.scope}",
        *section(
            "kubernetes",
            pairs(
                "  ",
                [
                    ("version", kubernetes.version),
                    ("control_plane_version", kubernetes.control_plane_version),
                    ("image_repository", kubernetes.image_repository),
                ],
            ),
        ),
        *section("linux", pairs("  ", [("package_version", kubernetes.linux_package_version)])),
        *section("build", pairs("  ", [("ref", spec.build_ref), ("repository", spec.build_repository)])),
        *section("overrides", overrides(spec.overrides)),
        *cni(spec),
        *section(
            "versions",
            pairs("  ", [("containerd", spec.containerd.version), (spec.cni.name, spec.cni.version)]),
        ),
        *section("machines", machines(spec.machines)),
        *section("network", pairs("  ", vars(spec.network).items())),
        *provider(spec),
        *rehearsal(spec),
    ]
    return "\n".join(lines) + "\n"


def overrides(found: tuple[Override, ...]) -> Iterator[Line]:
    for os in dict.fromkeys(override.os for override in found):
        yield f"  {os}:"
        for override in found:
            if override.os == os:
                said = ((key, getattr(override, key)) for key in ("path", "ref", "repository"))
                more = "".join(f", {key}: {quoted(value)}" for key, value in said if value)
                yield f"    {override.binary}: {{source: {override.source}{more}}}"


def cni(spec: LabSpec) -> list[Line]:
    if (spec.cni.windows, spec.cni.kube_proxy) == ("host-process", "auto"):
        return [f"cni: {quoted(spec.cni.name)}"]
    return [
        "cni:",
        f"  name: {spec.cni.name}",
        f"  windows: {spec.cni.windows}",
        f"  kube_proxy: {spec.cni.kube_proxy}",
    ]


def machines(found: tuple[MachineSpec, ...]) -> Iterator[Line]:
    for machine in found:
        yield f"  - name: {quoted(machine.name)}"
        yield from pairs(
            "    ",
            [
                ("role", machine.role),
                ("cpus", machine.cpus),
                ("memory_mib", machine.memory_mib),
                ("box", machine.box),
                ("box_version", machine.box_version),
            ],
        )
        if not machine.box_version and default_machine(machine.role).box_version:
            yield '    box_version: ""'
        yield from pairs("    ", [("box_url", machine.box_url), ("ip", machine.ip)])


def provider(spec: LabSpec) -> list[Line]:
    if not spec.provider.options:
        return [f"provider: {spec.provider.name}"]
    return ["provider:", *pairs("  ", [("name", spec.provider.name), *spec.provider.options.items()])]


def rehearsal(spec: LabSpec) -> list[Line]:
    lines = list(pairs("  ", [("speed", spec.rehearsal.speed)]))
    if spec.rehearsal.mishaps:
        lines += ["  mishaps:", *(f"    - {quoted(mishap)}" for mishap in spec.rehearsal.mishaps)]
    return section("rehearsal", lines)


def upstream_2021(spec: LabSpec) -> str:
    """Write the keys of 2021, in upstream's order."""
    windows = built(spec, "windows", BUILT_WINDOWS)
    paths = {override.binary: override.path for override in spec.overrides if override.os == "windows"}
    lines = pairs(
        "",
        [
            ("kubernetes_sha", spec.build_ref),
            ("kubernetes_compatibility", spec.kubernetes.version),
            ("overwrite_windows_bins", windows),
            ("overwrite_linux_bins", built(spec, "linux", BUILT_LINUX)),
            *((key, paths.get(binary, "")) for binary, key in WINDOWS_PATHS.items() if windows),
            ("k8s_linux_registry", spec.kubernetes.image_repository),
            ("k8s_linux_kubelet_deb", spec.kubernetes.linux_package_version),
            ("k8s_linux_apiserver", spec.kubernetes.control_plane_version),
            *historic_machines(spec),
        ],
    )
    return "\n".join(lines) + "\n"


def upstream_2022(spec: LabSpec) -> str:
    """Write the keys of 2022 to 2024, in upstream's order."""
    is_built = built(spec, "windows", BUILT_WINDOWS_2022) and built(spec, "linux", BUILT_LINUX)
    lines = pairs(
        "",
        [
            ("kubernetes_version", spec.kubernetes.version),
            ("build_from_source", is_built),
            ("pod_cidr", spec.network.pod_cidr),
            ("containerd_version", spec.containerd.version),
            ("calico_version", spec.cni.version if spec.cni.name == "calico" else ""),
            *historic_machines(spec),
        ],
    )
    return "\n".join(lines) + "\n"


def built(spec: LabSpec, os: str, binaries: tuple[str, ...]) -> bool:
    """Tell whether each of these binaries comes from a build."""
    found = {
        override.binary for override in spec.overrides if (override.os, override.source) == (os, "build")
    }
    return set(binaries) <= found


def historic_machines(spec: LabSpec) -> Iterator[tuple[str, object]]:
    """Yield the addresses, sizes and CNI that both generations have, for upstream's two machines."""
    linux = spec.control_plane
    yield "k8s_linux_kubelet_nodeip", linux.ip
    if spec.windows_machines:
        windows = spec.windows_machines[0]
        yield "windows_node_ip", windows.ip
        yield "windows_ram", windows.memory_mib
        yield "windows_cpus", windows.cpus
    yield "linux_ram", linux.memory_mib
    yield "linux_cpus", linux.cpus
    yield "cni", spec.cni.name
