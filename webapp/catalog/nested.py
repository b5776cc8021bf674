"""Our own generation of variables.yaml: nested keys → LabSpec. Explained in docs/definitions.md."""

from dataclasses import replace

from webapp.catalog import keys
from webapp.catalog.keys import Shape
from webapp.catalog.problems import Findings
from webapp.catalog.section import Section, fits
from webapp.catalog.spec import (
    DEFAULT_CNI_VERSION,
    DEFAULT_CONTAINERD,
    DEFAULT_KUBERNETES,
    CniName,
    CniSpec,
    ContainerdSpec,
    KubernetesSpec,
    LabSpec,
    MachineSpec,
    NetworkSpec,
    Os,
    Override,
    ProviderSpec,
    RehearsalSpec,
    Role,
    default_machine,
    default_machines,
)
from webapp.catalog.versions import plain
from webapp.catalog.yaml_tree import Mapping, Scalar

MAX_MACHINES = 10  # of one kind: 9 workers, and the control plane
HIGHEST_CPUS = 64
HIGHEST_MIB = 262_144


def read_nested(root: Mapping, findings: Findings) -> LabSpec:
    """Read all settings; mistakes are in `findings`, and defaults stand in their place."""
    top = Section(root, findings, keys.OURS)
    network = top.section("network", keys.NETWORK)
    return LabSpec(
        scope=top.choice("scope", "cluster", keys.SCOPES),
        kubernetes=read_kubernetes(top),
        overrides=read_overrides(top),
        build_ref=optional(top.section("build", keys.BUILD), "ref", keys.GIT_REF),
        build_repository=optional(top.section("build", keys.BUILD), "repository", keys.REPOSITORY),
        cni=read_cni(top),
        containerd=ContainerdSpec(
            plain(
                text(
                    top.section("versions", keys.VERSIONS),
                    "containerd",
                    DEFAULT_CONTAINERD,
                    keys.COMPONENT_VERSION,
                )
            )
        ),
        machines=with_addresses(read_machines(top), network),
        network=read_network(network),
        provider=read_provider(top),
        rehearsal=read_rehearsal(top),
    )


def text(section: Section, key: str, default: str, shape: Shape) -> str:
    return section.text(key, default, shape.pattern, shape.allowed)


def optional(section: Section, key: str, shape: Shape) -> str:
    """Read text that may be the quoted empty text, which says "nothing"."""
    return section.text(key, "", f"({shape.pattern})?", shape.allowed)


def read_kubernetes(top: Section) -> KubernetesSpec:
    section = top.section("kubernetes", keys.KUBERNETES)
    return KubernetesSpec(
        version=plain(text(section, "version", DEFAULT_KUBERNETES, keys.KUBERNETES_VERSION)),
        control_plane_version=plain(optional(section, "control_plane_version", keys.KUBERNETES_VERSION)),
        image_repository=optional(section, "image_repository", keys.REGISTRY),
        linux_package_version=optional(
            top.section("linux", keys.LINUX), "package_version", keys.PACKAGE_VERSION
        ),
    )


def read_overrides(top: Section) -> tuple[Override, ...]:
    """Read overrides.{windows,linux}.BINARY: {source, path, ref, repository}, in the order of our table."""
    section = top.section("overrides", tuple(keys.BINARIES))
    found = []
    for os, binaries in keys.BINARIES.items():
        group = section.section(os, binaries)
        found += [read_override(group, os, binary) for binary in binaries if binary in group]
    return tuple(found)


def read_override(group: Section, os: Os, binary: str) -> Override:
    section = group.section(binary, keys.OVERRIDE)
    if "source" not in section:
        section.refuse("source", "This key is missing.", ", ".join(keys.SOURCES))
    source = section.choice("source", "build", keys.SOURCES)
    path = optional(section, "path", keys.FILE_PATH)
    if source == "file" and not path:
        section.refuse("path", "The source file needs a path.", keys.FILE_PATH.allowed)
    ref = optional(section, "ref", keys.GIT_REF)
    repository = optional(section, "repository", keys.REPOSITORY)
    for key in ("ref", "repository"):
        if source != "build" and key in section and not section.is_empty(key):
            section.refuse(key, f"The source {source} has no {key}; only a build has.")
    return Override(os, binary, source, path, ref, repository)


def read_cni(top: Section) -> CniSpec:
    """Read `cni: NAME` or the mapping with how it runs on Windows."""
    versions = top.section("versions", keys.VERSIONS)
    if isinstance(top.node.entries.get("cni"), Mapping):
        section = top.section("cni", keys.CNI)
        name = section.choice("name", "calico", keys.CNIS)
        windows = section.choice("windows", "host-process", keys.CNI_WINDOWS)
        proxy = section.choice("kube_proxy", "auto", keys.KUBE_PROXIES)
        return CniSpec(name, read_cni_version(versions, name), windows, proxy)
    name = top.choice("cni", "calico", keys.CNIS)
    return CniSpec(name, read_cni_version(versions, name))


def read_cni_version(versions: Section, name: CniName) -> str:
    found: dict[str, str] = {}
    for other in ("calico", "antrea"):
        found[other] = plain(text(versions, other, DEFAULT_CNI_VERSION[other], keys.COMPONENT_VERSION))
        if other in versions and other != name:
            versions.note(other, f"This version is not used: the CNI is {name}.")
    return found.get(name, "")


def read_network(section: Section) -> NetworkSpec:
    defaults = NetworkSpec()
    return NetworkSpec(
        subnet=section.network("subnet", ""),
        pod_cidr=section.network("pod_cidr", defaults.pod_cidr),
        service_cidr=section.network("service_cidr", defaults.service_cidr),
    )


def read_machines(top: Section) -> tuple[MachineSpec, ...]:
    """Read `machines` (each by itself) or `vm` (by kind); neither means the default two."""
    if "machines" in top and "vm" in top:
        top.refuse("vm", "Machines are listed under machines already.", "machines or vm")
    if "machines" in top:
        sections = top.sections("machines", keys.MACHINE)
        roles = [section.choice("role", "windows", keys.ROLES) for section in sections]
        numbers = [roles[: index + 1].count(role) for index, role in enumerate(roles)]
        return tuple(map(read_machine, sections, roles, numbers))
    if "vm" in top:
        return read_groups(top.section("vm", keys.VM))
    return default_machines()


def read_machine(section: Section, role: Role, number: int) -> MachineSpec:
    if "role" not in section:
        section.refuse("role", "This key is missing.", ", ".join(keys.ROLES))
    defaults = default_machine(role, number)
    name = text(section, "name", defaults.name, keys.MACHINE_NAME)
    return read_sizes(section, replace(defaults, name=name, ip=section.address("ip")))


def read_sizes(section: Section, machine: MachineSpec) -> MachineSpec:
    """Read the keys that `machines` and `vm` share. Another box has no known version."""
    box = text(section, "box", machine.box, keys.BOX)
    version = optional(section, "box_version", keys.BOX_VERSION)
    if "box_version" not in section and box == machine.box:
        version = machine.box_version
    return replace(
        machine,
        box=box,
        box_version=version,
        box_url=optional(section, "box_url", keys.BOX_URL),
        cpus=section.number("cpus", machine.cpus, 1, HIGHEST_CPUS),
        memory_mib=section.number("memory_mib", machine.memory_mib, 256, HIGHEST_MIB),
    )


def read_groups(vm: Section) -> tuple[MachineSpec, ...]:
    """Read vm.linux (the control plane is its first) and vm.windows."""
    linux, windows = (vm.section(kind, keys.VM_GROUP) for kind in ("linux", "windows"))
    workers = linux.number("count", 1, 1, MAX_MACHINES) - 1
    machines = [read_sizes(linux, default_machine("control-plane"))]
    machines += [
        read_sizes(windows, default_machine("windows", number + 1))
        for number in range(windows.number("count", 1, 0, MAX_MACHINES - 1))
    ]
    machines += [read_sizes(linux, default_machine("linux", number + 1)) for number in range(workers)]
    for index, machine in enumerate(machines):
        group = windows if machine.role == "windows" else linux
        group.stand_for(f"machines[{index}]", keys.SIZES)
    return tuple(machines)


def with_addresses(machines: tuple[MachineSpec, ...], network: Section) -> tuple[MachineSpec, ...]:
    """Give network.control_plane_ip and windows_ips to machines without an own one."""
    windows_ips = network.addresses("windows_ips")
    room = sum(machine.role == "windows" for machine in machines)
    if len(windows_ips) > room:
        network.refuse("windows_ips", f"There are {len(windows_ips)} addresses for {room} Windows machines.")
    addresses = {
        "control-plane": [("control_plane_ip", network.address("control_plane_ip"))],
        "windows": [("windows_ips", ip) for ip in windows_ips],
        "linux": [],
    }
    placed = []
    for index, machine in enumerate(machines):
        key, ip = addresses[machine.role].pop(0) if addresses[machine.role] else ("", "")
        is_given = ip != "" and machine.ip == ""
        if is_given:
            network.findings.places[f"machines[{index}].ip"] = (network.path_of(key), network.line(key))
        placed.append(replace(machine, ip=ip) if is_given else machine)
    return tuple(placed)


def read_provider(top: Section) -> ProviderSpec:
    """Read `provider: NAME` or the mapping {name, that provider's options}."""
    node = top.node.entries.get("provider")
    if not isinstance(node, Mapping):
        return ProviderSpec(top.choice("provider", "auto", keys.PROVIDERS))
    name_node = node.entries.get("name")
    known = next(
        (name for name in keys.PROVIDERS if isinstance(name_node, Scalar) and name == name_node.text), None
    )
    shapes = keys.PROVIDER_OPTIONS[known or "auto"]
    every = {key: None for options in keys.PROVIDER_OPTIONS.values() for key in options}
    section = top.section("provider", ("name", *(shapes if known else every)))
    name = section.choice("name", "auto", keys.PROVIDERS)
    options: dict[str, str | bool] = {}
    for key, shape in shapes.items():
        if key in section:
            options[key] = section.flag(key, False) if keys.is_flag(shape) else text(section, key, "", shape)
    return ProviderSpec(name, options)


def read_rehearsal(top: Section) -> RehearsalSpec:
    section = top.section("rehearsal", keys.REHEARSAL)
    pattern, allowed, _ = keys.MISHAP
    return RehearsalSpec(
        speed=section.decimal("speed", None, 0.1, 10_000),
        mishaps=section.words("mishaps", lambda mishap: fits(mishap, pattern), f"a list of {allowed}"),
    )
