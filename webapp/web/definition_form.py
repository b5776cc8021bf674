"""The fields of the definition form with their labels, values and problems. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from webapp.catalog import keys
from webapp.catalog.problems import Problem
from webapp.web.definition_fields import (
    MACHINE_KEYS,
    Data,
    Field,
    FormView,
    MachineRow,
    machine_indexes,
    options_of,
)

# name, label, help, what stands in the empty field
TEXTS: Mapping[str, tuple[str, str, str]] = {
    "kubernetes.version": ("Kubernetes", "1.36, 1.36.1, stable-1.36, ci/latest-1.38", ""),
    "kubernetes.control_plane_version": ("Control plane", "Only where it differs.", "as above"),
    "kubernetes.image_repository": ("Image registry", "For the control plane's images.", "kubeadm decides"),
    "linux.package_version": ("Linux packages", "The deb's version.", "as above"),
    "build.ref": ("Build from", "Branch, tag, commit or pull/NUMBER.", "the version's own"),
    "build.repository": ("Repository", "Of the binaries whose origin is a build.", "the component's own"),
    "cni.version": ("CNI version", "", "the kit's"),
    "versions.containerd": ("containerd", "", "the kit's"),
    "network.subnet": ("Machines", "Leave it out and each lab gets its own.", "the lab's own"),
    "network.pod_cidr": ("Pods", "", ""),
    "network.service_cidr": ("Services", "", ""),
    "rehearsal.speed": ("Speed", "Times real time.", "the site's"),
    "rehearsal.mishaps": ("Mishaps", "One a line, such as winw1:boot-timeout.", ""),
}
CHOICES: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "scope": ("What it is", keys.SCOPES, "machines: without Kubernetes"),
    "cni.name": ("CNI", keys.CNIS, ""),
    "cni.windows": ("CNI on Windows", keys.CNI_WINDOWS, "services: as in 2021"),
    "cni.kube_proxy": ("kube-proxy", keys.KUBE_PROXIES, ""),
    "provider.name": ("Provider", keys.PROVIDERS, "auto: the host's first"),
}
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Kubernetes": (
        "scope",
        "kubernetes.version",
        "kubernetes.control_plane_version",
        "linux.package_version",
        "kubernetes.image_repository",
        "versions.containerd",
    ),
    "Network plugin": ("cni.name", "cni.version", "cni.windows", "cni.kube_proxy"),
    "Address ranges": ("network.subnet", "network.pod_cidr", "network.service_cidr"),
    "Provider": ("provider.name",),
    "Rehearsal": ("rehearsal.speed", "rehearsal.mishaps"),
}
MACHINE_LABELS = {
    "name": "Name",
    "role": "Role",
    "cpus": "CPUs",
    "memory_mib": "Memory (MiB)",
    "ip": "Address",
    "box": "Box",
    "box_version": "Box version",
    "box_url": "Box URL",
}
UNFOLDED = 2
MACHINE_PLACEHOLDERS = {"ip": "given at launch", "box_version": "newest", "box_url": "the catalog's"}


def form_view(data: Data, problems: Sequence[Problem] = ()) -> FormView:
    """Lay the fields out; each problem goes to the field of its key."""
    told = problems_by_field(problems, data)
    options = tuple(option_field(name, shape, data, told) for name, shape in provider_options(data))
    groups = tuple(
        (
            title,
            tuple(make_field(name, data, told) for name in names) + (options if title == "Provider" else ()),
        )
        for title, names in GROUPS.items()
    )
    indexes = machine_indexes(data)
    machines = tuple(machine_row(index, data, told, is_last=index == indexes[-1]) for index in indexes)
    overrides = tuple(override_fields(data, told))
    build = tuple(make_field(f"build.{key}", data, told) for key in keys.BUILD)
    return FormView(
        groups=(*groups, ("Build", build)),
        machines=machines,
        overrides=overrides,
        overrides_used=any(field.value or field.problems for _, pair in overrides for field in pair),
        everything=(
            *(field for _, fields in groups for field in fields),
            *build,
            *(field for row in machines for field in row.fields),
            *(field for _, pair in overrides for field in pair),
        ),
    )


def problems_by_field(problems: Iterable[Problem], data: Data) -> dict[str, tuple[str, ...]]:
    """Sort problems by the field they belong to; the CNI's version has one field for all."""
    renamed = {
        f"versions.{data.get('cni.name', '')}": "cni.version",
        "cni": "cni.name",
        "provider": "provider.name",
    }
    told: dict[str, tuple[str, ...]] = {}
    for problem in problems:
        name = renamed.get(problem.key, problem.key)
        sentence = f"{problem.what} Allowed: {problem.allowed}." if problem.allowed else problem.what
        told[name] = (*told.get(name, ()), sentence)
    return told


Told = Mapping[str, tuple[str, ...]]


def make_field(name: str, data: Data, told: Told) -> Field:
    value, problems = data.get(name, ""), told.get(name, ())
    if name in CHOICES:
        label, words, help_text = CHOICES[name]
        return Field(name, label, value, choices_of(words, value), help_text, problems=problems)
    label, help_text, placeholder = TEXTS[name]
    is_list = name == "rehearsal.mishaps"
    return Field(name, label, value, (), help_text, placeholder, problems, is_list)


def choices_of(words: Iterable[str], value: str, empty: str = "") -> tuple[tuple[str, str], ...]:
    """Return the choices; a value that is none of them stays visible, so that nothing typed is lost."""
    listed = [*([("", empty)] if empty else []), *((word, word) for word in words)]
    if value not in dict(listed):
        listed.append((value, f"{value} (not allowed)" if value else "choose"))
    return tuple(listed)


def provider_options(data: Data) -> list[tuple[str, keys.Shape]]:
    return list(options_of(data.get("provider.name", "")).items())


def option_field(key: str, shape: keys.Shape, data: Data, told: Told) -> Field:
    """Return a provider option's field: a choice where its values are a closed set."""
    name, label = f"provider.{key}", key.replace("_", " ")
    value = data.get(name, "")
    words = ("true", "false") if keys.is_flag(shape) else shape.words
    choices = choices_of(words, value, "not set") if words else ()
    help_text = "" if words else f"{shape.allowed[0].upper()}{shape.allowed[1:]}."
    return Field(name, label, value, choices, help_text, "not set", told.get(name, ()))


def machine_row(index: int, data: Data, told: Told, *, is_last: bool) -> MachineRow:
    """Return a machine's fields; a machine of the first two, the newest and a wrong one are unfolded."""
    fields = []
    for key in MACHINE_KEYS:
        name = f"machines[{index}].{key}"
        value = data.get(name, "")
        choices = choices_of(keys.ROLES, value) if key == "role" else ()
        placeholder = MACHINE_PLACEHOLDERS.get(key, "")
        fields.append(Field(name, MACHINE_LABELS[key], value, choices, "", placeholder, told.get(name, ())))
    is_open = is_last or index < UNFOLDED or any(field.problems for field in fields)
    may_go = data.get(f"machines[{index}].role") != "control-plane"
    return MachineRow(index, tuple(fields), may_go=may_go, is_open=is_open)


def override_fields(data: Data, told: Told) -> Iterable[tuple[str, tuple[Field, ...]]]:
    """Yield each binary with its source, its path, and what it is built from."""
    for os, binaries in keys.BINARIES.items():
        for binary in binaries:
            path = f"overrides.{os}.{binary}"
            source = data.get(f"{path}.source", "")
            choices = choices_of(keys.SOURCES, source, "the cluster's release")
            yield (
                f"{os} {binary}",
                tuple(
                    Field(
                        f"{path}.{key}",
                        f"{binary} on {os}: {key}",
                        data.get(f"{path}.{key}", ""),
                        choices if key == "source" else (),
                        problems=told.get(f"{path}.{key}", ()),
                    )
                    for key in keys.OVERRIDE
                ),
            )
