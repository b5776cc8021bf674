"""A lab's need against a host's facts: each finding says what, why and the remedy."""

from dataclasses import replace
from pathlib import Path

import pytest

from webapp.hosts import system
from webapp.hosts.boxes import box_state
from webapp.hosts.inspection import Facts, Finding
from webapp.hosts.preflight import Box, Need, judge_host, judge_lab, version_of

HOST = Facts(
    system="Linux 6",
    cpus=8,
    memory_gib=32,
    free_memory_gib=24,
    free_disk_gib=200,
    vagrant="Vagrant 2.4.9",
    plugins=("vagrant-libvirt",),
    virtualbox="7.2.4r1",
    libvirt="ok",
    has_winrm=True,
    has_virtualisation=True,
    addresses=(("eth0", "10.0.0.7/24"),),
)
NEED = Need("virtualbox", "192.168.56.0/24", 10240, 4, 2, windows_count=1, linux_count=1)


def errors(facts: Facts, need: Need) -> list[Finding]:
    return [finding for finding in judge_lab(facts, need) if finding.level == "error"]


def test_a_roomy_host_has_no_error():
    assert errors(HOST, NEED) == []


@pytest.mark.parametrize(
    ("facts", "need", "key"),
    [
        ({"virtualbox": ""}, {}, "provider"),
        ({"plugins": ()}, {"provider": "libvirt"}, "provider"),
        ({"has_winrm": False}, {}, "winrm"),
        ({}, {"subnet": "10.20.30.0/24"}, "virtualbox-ranges"),
        ({"addresses": (("br0", "192.168.0.4/16"),)}, {}, "subnet"),
        ({"addresses": (("eth0", "192.168.56.9/24"),)}, {"is_made": True}, "subnet"),
        ({"ports": tuple(range(2200, 2249))}, {}, "ports"),
        ({"free_memory_gib": 8}, {}, "memory"),
        ({"free_disk_gib": 20}, {}, "disk"),
        ({"cpus": 1}, {}, "cpus"),
        ({}, {"boxes": (Box("a/b", "1.0", "It answers 404."),)}, "box"),
        ({}, {"missing_files": ("overrides.windows.kubelet: put it there.",)}, "file"),
        ({"vagrant": "Vagrant 2.4.1"}, {}, "vagrant-version"),
        ({"vagrant": "Vagrant 2.2.19", "virtualbox": "6.1.50"}, {}, "vagrant-version"),
        ({"has_virtualisation": False}, {}, "virtualisation"),
        ({"system": "Windows 11", "is_elevated": False}, {"provider": "hyperv"}, "elevation"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_missing_is_an_error_with_a_remedy(facts: dict, need: dict, key: str):
    found = errors(replace(HOST, **facts), replace(NEED, **need))

    assert [finding.key for finding in found] == [key]
    assert found[0].title
    assert found[0].detail
    assert found[0].remedy


@pytest.mark.parametrize(
    ("facts", "need"),
    [
        ({"virtualbox_ranges": ("10.0.0.0/8",)}, {"subnet": "10.20.30.0/24"}),
        ({"system": "Windows 11"}, {"subnet": "10.20.30.0/24"}),
        ({"addresses": (("vboxnet0", "192.168.56.1/24"),)}, {"is_made": True}),
        ({"addresses": (("vboxnet0", "192.168.56.1/24"),)}, {}),
        ({"free_memory_gib": 1, "free_disk_gib": 5}, {"is_made": True}),
        ({"has_virtualisation": False, "has_kvm": False}, {"provider": "libvirt", "is_emulated": True}),
        ({"has_virtualisation": None}, {}),
        ({"has_winrm": False}, {"windows_count": 0}),
        ({"has_winrm": False}, {"windows_over": "winssh"}),
        ({"ports": tuple(range(2200, 2249))}, {"provider": "libvirt"}),
        ({}, {"boxes": (Box("a/b", "", "present"), Box("c/d", "1", "downloadable"))}),
    ],
    ids=[
        "allowed by the administrator",
        "any range on Windows",
        "its own network",
        "a network that was left",
        "its machines are made",
        "emulated on purpose",
        "not known",
        "no Windows machine",
        "Windows over SSH",
        "nothing forwarded",
        "boxes can be had",
    ],
)
def test_what_is_fine_is_no_error(facts: dict, need: dict):
    assert errors(replace(HOST, **facts), replace(NEED, **need)) == []


def test_errors_come_first():
    levels = [finding.level for finding in judge_lab(replace(HOST, free_disk_gib=1), NEED)]

    assert levels == sorted(levels, key=("error", "warning", "ok").index)
    assert levels[0] == "error"


def test_the_hosts_page_hears_of_ranges_and_pairs_before_there_is_a_lab():
    found = judge_host(replace(HOST, vagrant="Vagrant 2.4.1", plugins=()), "10.0.0.0/16")

    assert {finding.key for finding in found} == {"vagrant-version", "virtualbox-ranges"}


@pytest.mark.parametrize("text", ["Vagrant 2.4.9", "2.4.9\n", "v2.4.9-dev"])
def test_a_version_is_read_from_what_a_program_says(text: str):
    assert version_of(text) == (2, 4, 9)


def test_this_computer_answers():
    assert any(text.startswith("127.") for _, text in system.addresses())
    assert system.has_virtualisation() in {True, False, None}
    assert isinstance(system.listening_ports(), tuple)


@pytest.mark.parametrize("folders", ["1.0/libvirt", "1.0/amd64/libvirt"], ids=["Vagrant 2.3", "Vagrant 2.4"])
def test_a_box_on_this_host_is_found(tmp_path: Path, folders: str):
    (tmp_path / "boxes" / "acme-VAGRANTSLASH-linux" / folders).mkdir(parents=True)

    assert box_state("acme/linux", "1.0", "", provider="libvirt", vagrant_home=tmp_path) == "present"
    assert box_state("acme/linux", "", "", provider="libvirt", vagrant_home=tmp_path) == "present"


@pytest.mark.parametrize("url", ["file:///nowhere/a.box", "http://127.0.0.1:1/a.box", "gopher://x/"])
def test_a_box_that_cannot_be_had_says_why(tmp_path: Path, url: str):
    state = box_state("acme/linux", "1.0", url, provider="libvirt", vagrant_home=tmp_path)

    assert state not in {"present", "downloadable"}
    assert state.endswith(".")
