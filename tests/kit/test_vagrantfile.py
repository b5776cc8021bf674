"""The kit's Vagrantfile, evaluated by real Vagrant for each provider, against what was wanted."""

import base64
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.kit.labs import lab_of, make_folder
from tests.real.fixtures import skip_or_fail

HARNESS = Path(__file__).with_name("dump_config.rb")
TWO_WORKERS = """
scope: cluster
cni: calico
machines:
  - {name: controlplane, role: control-plane, cpus: 4, memory_mib: 4096}
  - {name: winw1, role: windows, cpus: 2, memory_mib: 6144}
  - {name: linw1, role: linux, cpus: 2, memory_mib: 2048, box: bento/ubuntu-24.04, box_version: 202508.03.0}
"""
Dump = dict[str, Any]  # Any: whatever Vagrant's configuration holds
Evaluate = Callable[..., Dump]


@pytest.fixture(scope="session")
def ruby() -> str:
    """A Ruby that has Vagrant's library: the distribution's, or the one that HashiCorp's package carries."""
    for name in ("/opt/vagrant/embedded/bin/ruby", "ruby"):
        path = shutil.which(name)
        if (
            path
            and subprocess.run([path, "-e", 'require "vagrant"'], capture_output=True, check=False).returncode
            == 0
        ):
            return path
    skip_or_fail("The Vagrantfile is not evaluated: no Ruby here knows Vagrant; apt-get install vagrant")
    raise AssertionError


def dump(ruby: str, folder: Path, home: Path) -> Dump:
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "VAGRANT_HOME": str(home), "LANG": "C.UTF-8"}
    done = subprocess.run(
        [ruby, HARNESS, folder], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result: Dump = json.loads(done.stdout)
    return result


@pytest.fixture(scope="session")
def evaluate(ruby: str, tmp_path_factory: pytest.TempPathFactory) -> Evaluate:
    """evaluate(provider, option=value, …): what Vagrant makes of TWO_WORKERS; each is asked for once."""

    @cache
    def evaluate(provider: str, **options: str) -> Dump:
        lab = {**lab_of(TWO_WORKERS, provider=provider), "provider_options": options}
        folder = tmp_path_factory.mktemp("evaluated")
        machines: Dump = dump(ruby, make_folder(folder / "lab", lab), folder / "home")["machines"]
        return machines

    return evaluate


SIZES: dict[str, dict[str, object]] = {
    "virtualbox": {
        "name": "talk-1-winw1",
        "linked_clone": True,
        "gui": False,
        "check_guest_additions": False,
    },
    "hyperv": {
        "vmname": "talk-1-winw1",
        "cpus": 2,
        "memory": 6144,
        "linked_clone": True,
        "enable_checkpoints": False,
    },
    "vmware_desktop": {"linked_clone": True, "gui": False},
    "libvirt": {"default_prefix": "talk-1-", "cpus": 2, "memory": 6144},
}


@pytest.mark.parametrize("provider", SIZES)
def test_provider_is_told_name_and_size(evaluate: Evaluate, provider: str) -> None:
    got = evaluate(provider)["winw1"]["provider"]

    assert {key: got[key] for key in SIZES[provider]} == SIZES[provider]


def test_virtualbox_sizes_go_to_vboxmanage(evaluate: Evaluate) -> None:
    got = evaluate("virtualbox", nested="on")["winw1"]["provider"]["customizations"]

    commands = [command[2:] for _, command in got]
    assert commands == [["--cpus", 2], ["--memory", "6144"], ["--nested-hw-virt", "on"]]


def test_vmware_takes_sizes_as_vmx_texts(evaluate: Evaluate) -> None:
    got = evaluate("vmware_desktop")["winw1"]["provider"]

    assert got["vmx"] == {"displayName": "talk-1-winw1", "numvcpus": "2", "memsize": "6144"}


@pytest.mark.parametrize("provider", ["virtualbox", "vmware_desktop", "libvirt"])
def test_second_card_has_the_machine_s_address(evaluate: Evaluate, provider: str) -> None:
    machines = evaluate(provider)

    cards = {
        name: [(kind, card["ip"]) for kind, card in found["networks"]] for name, found in machines.items()
    }

    assert cards["controlplane"] == [("private_network", "192.168.56.10")]
    assert cards["winw1"] == [("private_network", "192.168.56.11")]


def test_hyperv_is_never_asked_for_a_switch(evaluate: Evaluate) -> None:
    machine = evaluate("hyperv", switch="Lan")["winw1"]

    assert [(kind, card["bridge"]) for kind, card in machine["networks"]] == [("public_network", "Lan")]
    assert machine["triggers"] == ["lab network"]


def test_libvirt_takes_the_listed_options_only(evaluate: Evaluate) -> None:
    got = evaluate("libvirt", driver="qemu", cpu_mode="custom", cpu_model="qemu64", title="not listed")[
        "winw1"
    ]

    settings = got["provider"]
    assert (settings["driver"], settings["cpu_mode"], settings["cpu_model"]) == ("qemu", "custom", "qemu64")
    assert settings["title"] != "not listed"


def test_windows_is_given_time(evaluate: Evaluate) -> None:
    machine = evaluate("virtualbox")["winw1"]

    assert machine["guest"] == "windows"
    assert machine["communicator"] == "winrm"
    assert machine["boot_timeout"] >= 1200
    assert machine["winrm"] == {"timeout": 1800, "execution_time_limit": "PT4H"}


def test_windows_over_ssh_is_spoken_to_in_powershell(ruby: str, tmp_path: Path) -> None:
    lab = lab_of(TWO_WORKERS, provider="libvirt")
    lab["machines"][1]["communicator"] = "winssh"

    machine = dump(ruby, make_folder(tmp_path / "lab", lab), tmp_path / "home")["machines"]["winw1"]

    assert (machine["communicator"], machine["guest"]) == ("winssh", "windows")
    assert machine["winssh"] == {"shell": "powershell", "upload_directory": "C:/labkit"}


def test_boxes_are_the_definition_s(evaluate: Evaluate) -> None:
    machines = evaluate("libvirt")

    assert (machines["linw1"]["box"], machines["linw1"]["box_version"]) == (
        "bento/ubuntu-24.04",
        "202508.03.0",
    )
    assert machines["winw1"]["box"] == "gusztavvargadr/windows-server-2022-standard-core"


@pytest.mark.parametrize("provider", SIZES)
def test_no_folder_is_synced_and_no_provisioner_runs_by_itself(evaluate: Evaluate, provider: str) -> None:
    machines = evaluate(provider).values()

    assert {name for machine in machines for name in machine["synced_folders"]} == set()
    assert {step["run"] for machine in machines for step in machine["provisioners"]} == {"never"}


def test_every_step_of_lab_json_is_a_provisioner(evaluate: Evaluate) -> None:
    wanted = {
        m["name"]: [s["name"] for s in m["steps"]]
        for m in lab_of(TWO_WORKERS, provider="libvirt")["machines"]
    }

    machines = evaluate("libvirt")

    assert {name: [s["name"] for s in found["provisioners"]] for name, found in machines.items()} == wanted


def test_only_the_features_step_reboots(evaluate: Evaluate) -> None:
    steps = evaluate("libvirt")["winw1"]["provisioners"]

    assert [step["name"] for step in steps if step["reboot"]] == ["windows-features"]


def unpack(inline: str, mark: str) -> dict[str, bytes]:
    """Return the files of the archive that stands below `mark`, as a guest would see them."""
    text = inline.split(mark, 1)[1].split("\n", 1)[1].split("\n" + mark.strip("<'"), 1)[0]
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(text.replace("\n", ""), validate=True))) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]  # files only


def test_guest_gets_its_own_system_s_files(evaluate: Evaluate) -> None:
    step = evaluate("libvirt")["controlplane"]["provisioners"][0]

    files = unpack(step["inline"], "<<'KIT'")

    assert {"lab.json", "lab.flat", "linux/lib.sh", "linux/prepare.sh"} <= set(files)
    assert not [name for name in files if name.startswith("windows/")]
    assert b"machines.winw1.ip=192.168.56.11\n" in files["lab.flat"]


HOSTILE = [
    "$(touch /tmp/pwned)",
    "'; reboot; '",
    "#{exit 1}",
    "KIT\nreboot\n",
    "a\nmachines.controlplane.ip=6.6.6.6",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_data(ruby: str, tmp_path: Path, text: str) -> None:
    lab = lab_of(TWO_WORKERS, provider="libvirt")
    lab["kubernetes"]["version"] = text

    machines = dump(ruby, make_folder(tmp_path / "lab", lab), tmp_path / "home")["machines"]

    inline = machines["controlplane"]["provisioners"][0]["inline"]
    assert text not in inline
    assert b"\nmachines.controlplane.ip=6.6.6.6" not in unpack(inline, "<<'KIT'")["lab.flat"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a b"),
        ("name", "../x"),
        ("ip", "1.2.3.4; reboot"),
        ("communicator", "none"),
        ("os", "windows; x"),
    ],
)
def test_machine_that_is_not_well_formed_is_refused(
    ruby: str, tmp_path: Path, field: str, value: str
) -> None:
    lab = lab_of(TWO_WORKERS, provider="libvirt")
    lab["machines"][0][field] = value
    folder = make_folder(tmp_path / "lab", lab)

    with pytest.raises(AssertionError, match=r"lab\.json"):
        dump(ruby, folder, tmp_path / "home")


def test_step_script_outside_the_kit_is_refused(ruby: str, tmp_path: Path) -> None:
    lab = lab_of(TWO_WORKERS, provider="libvirt")
    lab["machines"][0]["steps"][0]["script"] = "linux/../../etc/passwd.sh"
    folder = make_folder(tmp_path / "lab", lab)

    with pytest.raises(AssertionError, match="step script"):
        dump(ruby, folder, tmp_path / "home")


def test_inputs_reach_their_machine_only(ruby: str, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "lab", lab_of(TWO_WORKERS, provider="libvirt"))
    (folder / "inputs/linw1").mkdir(parents=True)
    (folder / "inputs/linw1/join-token.json").write_text('{"token": "abcdef.0123456789abcdef"}')

    machines = dump(ruby, folder, tmp_path / "home")["machines"]

    seen = {
        name: unpack(found["provisioners"][0]["inline"], "<<'INPUTS'")
        for name, found in machines.items()
        if name != "winw1"
    }
    assert seen["linw1"]["inputs/join-token.flat"] == b"token=abcdef.0123456789abcdef\n"
    assert seen["controlplane"] == {}
