"""The definition form as data: `LabSpec` ↔ what stands in the fields ↔ YAML. Pure.

A field's name is the setting's own path ("machines[0].cpus"), so that a problem
of `catalog.variables` finds its field by itself. The form holds no rule: what was
typed becomes YAML, and the YAML is parsed like anybody's.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from webapp.catalog import keys
from webapp.catalog.export import decimal_text
from webapp.catalog.spec import DEFAULT_CNI_VERSION, LabSpec, MachineSpec, Role, default_machine

Data = dict[str, str]
MACHINE_KEYS = ("name", "role", "cpus", "memory_mib", "ip", "box", "box_version", "box_url")
_MACHINE = re.compile(r"machines\[([0-9]{1,3})\]\.([a-z_]+)")


@dataclass(frozen=True)
class Field:
    """One input. `choices` empty means text; `problems` are sentences for below it."""

    name: str
    label: str
    value: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    help: str = ""
    placeholder: str = ""
    problems: tuple[str, ...] = ()
    is_list: bool = False

    @property
    def id(self) -> str:
        return "f-" + re.sub(r"[^a-z0-9]+", "-", self.name).strip("-")


@dataclass(frozen=True)
class MachineRow:
    """The fields of one machine."""

    index: int
    fields: tuple[Field, ...]
    may_go: bool
    is_open: bool


@dataclass(frozen=True)
class FormView:
    """Everything that the form's template shows."""

    groups: tuple[tuple[str, tuple[Field, ...]], ...]
    machines: tuple[MachineRow, ...]
    overrides: tuple[tuple[str, tuple[Field, ...]], ...]
    overrides_used: bool
    everything: tuple[Field, ...] = field(default=())


def data_of(spec: LabSpec) -> Data:
    """Return what the fields show for a spec."""
    kubernetes, network = spec.kubernetes, spec.network
    data = {
        "scope": spec.scope,
        "kubernetes.version": kubernetes.version,
        "kubernetes.control_plane_version": kubernetes.control_plane_version,
        "kubernetes.image_repository": kubernetes.image_repository,
        "linux.package_version": kubernetes.linux_package_version,
        "build.ref": spec.build_ref,
        "build.repository": spec.build_repository,
        "cni.name": spec.cni.name,
        "cni.version": spec.cni.version,
        "cni.windows": spec.cni.windows,
        "cni.kube_proxy": spec.cni.kube_proxy,
        "versions.containerd": spec.containerd.version,
        "network.subnet": network.subnet,
        "network.pod_cidr": network.pod_cidr,
        "network.service_cidr": network.service_cidr,
        "provider.name": spec.provider.name,
        "rehearsal.speed": "" if spec.rehearsal.speed is None else decimal_text(spec.rehearsal.speed),
        "rehearsal.mishaps": "\n".join(spec.rehearsal.mishaps),
    }
    for key, value in spec.provider.options.items():
        data[f"provider.{key}"] = str(value).lower() if isinstance(value, bool) else value
    for override in spec.overrides:
        path = f"overrides.{override.os}.{override.binary}"
        data |= {f"{path}.{key}": getattr(override, key) for key in keys.OVERRIDE}
    for index, machine in enumerate(spec.machines):
        data |= machine_data(index, machine)
    return data


def machine_data(index: int, machine: MachineSpec) -> Data:
    return {f"machines[{index}].{key}": str(getattr(machine, key)) for key in MACHINE_KEYS}


def data_from(posted: Mapping[str, str]) -> Data:
    """Take the form's own fields out of a request, other names and long texts left aside."""
    known = set(field_names(posted.get("provider.name", "")))
    return {
        name: posted[name].replace("\r\n", "\n")[:2000]
        for name in posted
        if name in known or (_MACHINE.fullmatch(name) and name.rpartition(".")[2] in MACHINE_KEYS)
    }


def field_names(provider: str) -> Iterator[str]:
    yield from data_of(LabSpec(overrides=()))
    yield from (f"provider.{key}" for key in options_of(provider))
    for os, binaries in keys.BINARIES.items():
        for binary in binaries:
            yield from (f"overrides.{os}.{binary}.{key}" for key in keys.OVERRIDE)


def options_of(provider: str) -> Mapping[str, keys.Shape]:
    return next((shapes for name, shapes in keys.PROVIDER_OPTIONS.items() if name == provider), {})


def machine_indexes(data: Mapping[str, str]) -> list[int]:
    return sorted({int(found[1]) for name in data if (found := _MACHINE.fullmatch(name))})


def settled(data: Data) -> Data:
    """Return data whose CNI version belongs to its CNI: the other's default is replaced."""
    name, version = data.get("cni.name", ""), data.get("cni.version", "")
    others = {text for other, text in DEFAULT_CNI_VERSION.items() if other != name}
    if version in others:
        version = next((text for other, text in DEFAULT_CNI_VERSION.items() if other == name), "")
    return {**data, "cni.version": version}


def with_machine(data: Data, role: Role) -> Data:
    """Add a worker with the next free name of its kind."""
    names = {data.get(f"machines[{index}].name", "") for index in machine_indexes(data)}
    candidates = (default_machine(role, number) for number in range(1, len(names) + 2))
    machine = next(one for one in candidates if one.name not in names)
    return {**data, **machine_data(max(machine_indexes(data), default=-1) + 1, machine)}


def without_machine(data: Data, index: int) -> Data:
    """Take a machine out; those behind it move up."""
    kept = {name: value for name, value in data.items() if not _MACHINE.fullmatch(name)}
    left = [number for number in machine_indexes(data) if number != index]
    for position, number in enumerate(left):
        for key in MACHINE_KEYS:
            kept[f"machines[{position}].{key}"] = data.get(f"machines[{number}].{key}", "")
    return kept


# -- fields → YAML -----------------------------------------------------------------


def text_of(data: Data) -> str:
    """Write what was typed as YAML in our own generation, right or wrong; all values quoted."""
    lines = [f"scope: {quoted(data.get('scope', ''))}"]
    lines += section(data, "kubernetes", ("version", "control_plane_version", "image_repository"))
    lines += section(data, "linux", ("package_version",))
    lines += section(data, "build", keys.BUILD)
    lines += override_lines(data)
    lines += section(data, "cni", ("name", "windows", "kube_proxy"))
    lines += version_lines(data)
    lines += machine_lines(data)
    lines += section(data, "network", ("subnet", "pod_cidr", "service_cidr"))
    lines += section(data, "provider", ("name", *options_of(data.get("provider.name", ""))))
    lines += section(data, "rehearsal", ("speed",))
    mishaps = data.get("rehearsal.mishaps", "").splitlines()
    if any(line.strip() for line in mishaps):
        head = [] if data.get("rehearsal.speed") else ["rehearsal:"]
        lines += [*head, "  mishaps:", *(f"    - {quoted(line)}" for line in mishaps if line.strip())]
    return "\n".join(lines) + "\n"


def quoted(value: str) -> str:
    return json.dumps(value.strip(), ensure_ascii=False)


def section(data: Data, name: str, names: Iterable[str]) -> list[str]:
    """Write the section's fields that say something; none, no section."""
    lines = [
        f"  {key}: {quoted(value)}" for key in names if (value := data.get(f"{name}.{key}", "").strip()) != ""
    ]
    return [f"{name}:", *lines] if lines else []


def override_lines(data: Data) -> list[str]:
    lines: list[str] = []
    for os, binaries in keys.BINARIES.items():
        group: list[str] = []
        for binary in binaries:
            body = section(data, f"overrides.{os}.{binary}", keys.OVERRIDE)[1:]
            group += [f"    {binary}:", *(f"    {line}" for line in body)] if body else []
        lines += [f"  {os}:", *group] if group else []
    return ["overrides:", *lines] if lines else []


def version_lines(data: Data) -> list[str]:
    cni, version = data.get("cni.name", ""), data.get("cni.version", "").strip()
    named = {
        "versions.containerd": data.get("versions.containerd", ""),
        "versions.calico": "",
        "versions.antrea": "",
    }
    if version and cni in DEFAULT_CNI_VERSION and cni != "none":
        named[f"versions.{cni}"] = version
    return section(named, "versions", ("containerd", "calico", "antrea"))


def machine_lines(data: Data) -> list[str]:
    lines: list[str] = []
    for index in machine_indexes(data):
        values = {key: data.get(f"machines[{index}].{key}", "").strip() for key in MACHINE_KEYS}
        lines.append(f"  - name: {quoted(values.pop('name'))}")
        version = values.pop("box_version")
        lines += [f"    {key}: {quoted(value)}" for key, value in values.items() if value]
        lines.append(f"    box_version: {quoted(version)}")
    return ["machines:", *lines] if lines else []
