"""variables.yaml in and out: three generations, every kind of mistake, the round trip."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from webapp.catalog import keys, library
from webapp.catalog.spec import Override
from webapp.catalog.variables import DefinitionError, Problem, export, parse, read

ROOT = Path(__file__).resolve().parents[2] / "environments"


def problems_of(text: str | bytes) -> tuple[Problem, ...]:
    with pytest.raises(DefinitionError) as caught:
        parse(text)
    return caught.value.problems


def test_parse_reads_upstreams_keys_of_2021(talk_2021: str) -> None:
    parsed = read(talk_2021)

    kubernetes = parsed.spec.kubernetes
    assert parsed.generation == "2021"
    assert (kubernetes.version, kubernetes.linux_package_version) == ("1.21.2", "1.21.0")
    assert kubernetes.control_plane_version == "ci/v1.22.0-alpha.3.31+a3abd06ad53b2f"
    assert kubernetes.image_repository == "gcr.io/k8s-staging-ci-images"
    assert parsed.spec.build_ref == "286709307da5adb62e78d989b7ed846355d5c88e"
    assert [(m.ip, m.cpus, m.memory_mib) for m in parsed.spec.machines] == [
        ("10.20.30.10", 4, 4096),
        ("10.20.30.11", 4, 6048),
    ]


def test_parse_reads_the_names_of_june_2021() -> None:
    commit = "cb303e613a121a29364f75cc67d3d580833a7479"

    spec = parse(
        f'kubernetes_version_linux: "1.21.0"\nkubernetes_version_windows: "1.21.1"\n'
        f'kubernetes_version_build: "{commit}"\noverwrite_windows_bins: true\n'
    )

    assert (spec.kubernetes.version, spec.kubernetes.linux_package_version) == ("1.21.1", "1.21.0")
    assert spec.build_ref == commit


def test_parse_reads_upstreams_keys_of_today(swdt_head: str) -> None:
    parsed = read(swdt_head)

    spec = parsed.spec
    assert (parsed.generation, spec.kubernetes.version, spec.cni.version) == ("2022", "1.26", "3.25.0")
    assert (spec.containerd.version, spec.network.pod_cidr) == ("1.6.15", "100.244.0.0/16")
    assert spec.network.subnet == "10.20.30.0/24"
    assert spec.overrides == ()


def test_parse_takes_false_as_false_and_says_that_upstream_did_not(talk_2021: str) -> None:
    parsed = read(talk_2021)

    said = {note.key: note.text for note in parsed.notes}
    assert parsed.spec.overrides == ()
    assert 'took the text "false" as true' in said["overwrite_windows_bins"]
    assert "6.1.28" in said["k8s_linux_kubelet_nodeip"]


def test_parse_makes_one_override_a_binary_when_2021_overwrites() -> None:
    spec = parse("overwrite_windows_bins: true\nkubelet_path: ./bin/kubelet.exe\noverwrite_linux_bins: yes\n")

    assert spec.overrides[:2] == (
        Override("windows", "kubelet", "build", "./bin/kubelet.exe"),
        Override("windows", "kube-proxy", "build"),
    )
    assert [override.binary for override in spec.overrides[2:]] == ["kubelet", "kubeadm", "kubectl"]


def test_parse_builds_all_binaries_when_2022_builds_from_source() -> None:
    spec = parse('kubernetes_version: "1.36"\nbuild_from_source: "true"\n')

    assert {(o.os, o.binary) for o in spec.overrides if o.source == "build"} == {
        *(("windows", binary) for binary in ("kubelet", "kube-proxy", "kubeadm")),
        *(("linux", binary) for binary in ("kubelet", "kubeadm", "kubectl")),
    }


def test_parse_keeps_a_version_that_looks_like_a_number() -> None:
    assert parse("kubernetes: {version: 1.30}").kubernetes.version == "1.30"


@pytest.mark.parametrize(
    ("version", "stored"),
    [
        ("1.36", "1.36"),
        ("v1.36.1", "1.36.1"),
        ("stable-1.36", "stable-1.36"),
        ("latest-1.37", "latest-1.37"),
        ("ci/latest-1.38", "ci/latest-1.38"),
        ("ci/v1.38.0-alpha.2.15+0123abc", "ci/v1.38.0-alpha.2.15+0123abc"),
    ],
)
def test_parse_takes_each_form_of_a_version(version: str, stored: str) -> None:
    assert parse(f"kubernetes: {{version: {version}}}").kubernetes.version == stored


def test_parse_counts_machines_by_kind() -> None:
    spec = parse("vm: {linux: {count: 2}, windows: {count: 3, cpus: 4, memory_mib: 8192}}")

    assert [machine.name for machine in spec.machines] == ["controlplane", "winw1", "winw2", "winw3", "linw1"]
    assert {machine.cpus for machine in spec.windows_machines} == {4}


def test_parse_gives_listed_addresses_to_machines() -> None:
    spec = parse("network: {control_plane_ip: 192.168.60.10, windows_ips: [192.168.60.50]}")

    assert [machine.ip for machine in spec.machines] == ["192.168.60.10", "192.168.60.50"]
    assert spec.network.subnet == "192.168.60.0/24"


# text, line, key, a part of the sentence
REFUSED: Mapping[str, tuple[str, int, str, str]] = {
    "unknown key": ("cnii: calico\n", 1, "cnii", "Did you mean cni?"),
    "unknown nested key": ("kubernetes:\n  verson: 1.36\n", 2, "kubernetes.verson", "Did you mean version?"),
    "wrong word": ("\ncni: flannel\n", 2, "cni", '"flannel" is not allowed'),
    "wrong type": ("kubernetes: [1]\n", 1, "kubernetes", "must be a mapping"),
    "no value": ("cni:\n", 1, "cni", "has no value"),
    "loose boolean": ("overwrite_linux_bins: 1\n", 1, "overwrite_linux_bins", '"1" is not allowed'),
    "on is no boolean": ("build_from_source: on\n", 1, "build_from_source", '"on" is not allowed'),
    "duplicate key": ("cni: calico\nscope: cluster\ncni: none\n", 3, "cni", "on line 1 already"),
    "tab": ("network:\n\tpod_cidr: 10.0.0.0/16\n", 2, "", "A tab"),
    "alias": ("scope: *x\n", 1, "", "alias"),
    "anchor": ("scope: &x cluster\n", 1, "", "anchor"),
    "tag": ("scope: !!python/object:os.system cluster\n", 1, "", "tag"),
    "two documents": ("cni: none\n---\ncni: none\n", 2, "", "second document"),
    "a list": ("- a\n", 0, "", "not a mapping"),
    "nothing": ("# only words\n", 0, "", "no setting"),
    "not YAML": ("cni: [calico\n", 2, "", "not YAML"),
    "deep": ("a: " + "[" * 2000, 1, "", "Nesting deeper than 8"),
    "a key that is a list": ("? [a]\n: b\n", 1, "", "A key must be one word"),
    "a bad escape": ('cni: "\\UFFFFFFFF"\n', 0, "", "not YAML"),
    "overlap": ("network:\n  pod_cidr: 10.96.0.0/16\n", 2, "network.pod_cidr", "overlaps 10.96.0.0/12"),
    "loose range": ("pod_cidr: 10.244.0.1/16\n", 1, "pod_cidr", "not allowed"),
    "small pod range": ("pod_cidr: 10.244.0.0/24\n", 1, "pod_cidr", "too small"),
    "reserved": ("pod_cidr: 240.0.0.0/16\n", 1, "pod_cidr", "cannot be used"),
    "loopback": ("pod_cidr: 127.0.0.0/16\n", 1, "pod_cidr", "cannot be used"),
    "few processors": ("linux_cpus: 1\n", 1, "linux_cpus", "too few"),
    "little memory": ("linux_ram: 1024\n", 1, "linux_ram", "too little"),
    "file without a path": (
        "overrides: {windows: {kubelet: {source: file}}}",
        1,
        "overrides.windows.kubelet.path",
        "needs a path",
    ),
    "a path out": ("kubelet_path: ../../etc/shadow\n", 1, "kubelet_path", "not allowed"),
    "an absolute path": ("kubelet_path: /etc/shadow\n", 1, "kubelet_path", "not allowed"),
    "a ref like an option": ("build: {ref: --upload-pack=x}", 1, "build.ref", "not allowed"),
    "another provider's option": (
        "provider: {name: virtualbox, driver: kvm}",
        1,
        "provider.driver",
        "not known",
    ),
    "machines twice": ("vm: {}\nmachines: [{role: control-plane}]\n", 1, "vm", "listed under machines"),
    "no control plane": ("machines: [{role: windows}]\n", 1, "machines", "0 control planes"),
    "Ruby": ("k8s_linux_registry: '#{`id`}'\n", 1, "k8s_linux_registry", "not allowed"),
}


@pytest.mark.parametrize(("text", "line", "key", "what"), REFUSED.values(), ids=REFUSED.keys())
def test_parse_refuses_with_line_and_key(text: str, line: int, key: str, what: str) -> None:
    problems = problems_of(text)

    assert any((p.line, p.key) == (line, key) and what in p.what for p in problems), problems


MACHINES = "machines:\n- {role: control-plane, name: controlplane, ip: 192.168.56.10}\n"


@pytest.mark.parametrize(
    ("machine", "key", "what"),
    [
        ("{role: windows, name: a-name-of-16-chr}", "machines[1].name", "not allowed"),
        ("{role: windows, name: WINW1}", "machines[1].name", "not allowed"),
        ("{role: windows, name: controlplane}", "machines[1].name", "Another machine"),
        ("{role: windows, ip: 192.168.56.10}", "machines[1].ip", "Another machine"),
        ("{role: windows, ip: 10.0.0.1}", "machines[1].ip", "outside"),
        ("{role: windows, ip: 192.168.56.255}", "machines[1].ip", "for broadcasts"),
        ("{role: windows, ip: 192.168.56.1}", "machines[1].ip", "the lab host's"),
        ("{role: windows, memory_mib: 1024}", "machines[1].memory_mib", "too little"),
        ("{role: windows, memory: 4096}", "machines[1].memory", "Did you mean memory_mib?"),
        ("{name: winw1}", "machines[1].role", "missing"),
    ],
)
def test_parse_refuses_a_machine(machine: str, key: str, what: str) -> None:
    problem = problems_of(f"{MACHINES}- {machine}\n")[0]

    assert (problem.line, problem.key) == (3, key)
    assert what in problem.what


def test_parse_refuses_ten_workers_of_a_kind() -> None:
    workers = "".join("- {role: windows}\n" for _ in range(10))

    assert "10 windows workers" in problems_of(MACHINES + workers)[0].what


def test_parse_tells_all_problems_in_line_order() -> None:
    text = "linux_cpus: 1\ncni: flannel\nwindows_node_ip: here\npod_cidr: 10.100.0.0/16\nmoon: full\n"

    assert [problem.line for problem in problems_of(text)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "data",
    [b"\x00\x01\x02", b"\xff\xfe", b"cni: \xff\n", b"a" * 2_000_000, bytes(range(256))],
    ids=["NUL", "UTF-16 mark", "Latin-1", "2 MB", "every byte"],
)
def test_parse_refuses_what_is_no_text(data: bytes) -> None:
    assert len(problems_of(data)) == 1


def test_parse_refuses_an_alias_bomb_at_once() -> None:
    bomb = "a: &a [x]\n" + "".join(f"{chr(98 + n)}: [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20))

    assert "anchor" in problems_of(bomb)[0].what


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("kubernetes_sha: abc\npod_cidr: 10.1.0.0/16\n", "kubernetes_sha"),
        ("scope: cluster\nlinux_ram: 4096\n", "linux_ram"),
        ("scope: cluster\nbuild_from_source: true\n", "build_from_source"),
    ],
)
def test_parse_refuses_a_mixture_of_generations(text: str, first: str) -> None:
    problem = problems_of(text)[0]

    assert problem.key == first and "two generations are mixed" in problem.what


def test_problem_names_file_line_key_and_what_is_allowed() -> None:
    with pytest.raises(DefinitionError) as caught:
        parse("cni: flannel\n", file="mine.yaml")

    assert str(caught.value) == 'mine.yaml:1: cni: "flannel" is not allowed. Allowed: calico, antrea, none.'


@pytest.mark.parametrize("preset", library.presets(ROOT), ids=lambda preset: preset.name)
def test_export_reads_back_equal_in_our_and_in_its_own_generation(preset: library.Preset) -> None:
    parsed = read(preset.text)

    assert parse(export(parsed.spec, "ours")) == parsed.spec
    assert parse(export(parsed.spec, parsed.generation)) == parsed.spec


def test_export_lists_what_old_keys_cannot_say() -> None:
    spec = parse("network: {service_cidr: 10.97.0.0/16}\ncni: antrea\n")

    text = export(spec, "2022")

    assert "#   network.service_cidr: 10.97.0.0/16 (read back: 10.96.0.0/12)" in text
    assert parse(text).cni.name == "antrea"


def test_export_quotes_versions_so_that_no_reader_takes_them_for_numbers() -> None:
    assert 'version: "1.30"' in export(parse("kubernetes: {version: 1.30}"), "ours")


def test_documentation_explains_every_key() -> None:
    page = (ROOT.parent / "docs" / "definitions.md").read_text()
    known = {*keys.ONLY_2021, *keys.ONLY_2022, *keys.SHARED_HISTORIC, *keys.OURS}
    known |= {*keys.KUBERNETES, *keys.NETWORK, *keys.MACHINE, *keys.VM_GROUP, *keys.CNI, *keys.OVERRIDE}
    known |= {
        *keys.REHEARSAL,
        *keys.VERSIONS,
        *(key for options in keys.PROVIDER_OPTIONS.values() for key in options),
    }

    assert [key for key in sorted(known) if f"`{key}`" not in page] == []


@pytest.mark.parametrize("speed", [0.1, 5, 1234.5678, 9999.999999])
def test_a_rehearsals_speed_is_exported_whole(speed: float) -> None:
    spec = parse(f"rehearsal: {{speed: {speed}}}\n")

    assert parse(export(spec, "ours")) == spec
