"""Facts of a host to findings; the facts of this very computer are gathered once."""

from dataclasses import replace
from pathlib import Path

import pytest

from webapp.hosts.inspection import Facts, Finding, gather, judge, plugins_of

BIG = Facts(system="Linux 6", cpus=16, memory_gib=64, free_memory_gib=40, free_disk_gib=500)
VBOX = replace(
    BIG, vagrant="Vagrant 2.4.9", plugins=("winrm",), virtualbox="7.2", has_winrm=True, has_kvm=True
)


def by_key(facts: Facts) -> dict[str, Finding]:
    return {finding.key: finding for finding in judge(facts).findings}


def test_without_vagrant_there_is_only_the_rehearsal():
    inspection = judge(BIG)

    assert inspection.providers == ()
    assert by_key(BIG)["vagrant"].level == "warning"
    assert "Install Vagrant" in by_key(BIG)["vagrant"].remedy


@pytest.mark.parametrize(
    ("facts", "providers"),
    [
        (VBOX, ("virtualbox",)),
        (replace(VBOX, virtualbox="", libvirt="ok"), ()),
        (replace(VBOX, libvirt="ok", plugins=("vagrant-libvirt",)), ("virtualbox", "libvirt")),
        (replace(VBOX, virtualbox="", plugins=("vagrant-vmware-desktop",)), ()),
        (
            replace(VBOX, virtualbox="", plugins=("vagrant-vmware-desktop",), vmware_utility=True),
            ("vmware_desktop",),
        ),
    ],
    ids=["virtualbox", "libvirt without plugin", "both", "vmware without utility", "vmware"],
)
def test_providers_are_what_vagrant_can_drive(facts: Facts, providers: tuple[str, ...]):
    assert judge(facts).providers == providers


def test_missing_winrm_comes_with_the_command_to_copy():
    finding = by_key(replace(VBOX, has_winrm=False))["winrm"]

    assert finding.remedy == "vagrant plugin install winrm winrm-fs winrm-elevated"


@pytest.mark.parametrize(
    ("free_gib", "level"), [(5, "error"), (50, "warning"), (500, "ok")], ids=["full", "tight", "roomy"]
)
def test_the_disk_is_graded(free_gib: float, level: str):
    assert by_key(replace(BIG, free_disk_gib=free_gib))["disk"].level == level


def test_every_finding_that_is_not_fine_has_a_remedy():
    poor = Facts(system="Linux 6", cpus=1, memory_gib=2, free_memory_gib=1, free_disk_gib=1)

    assert all(finding.remedy for finding in judge(poor).findings if finding.level != "ok")


def test_this_computer_can_be_looked_at(tmp_path: Path):
    facts = gather(tmp_path, None)

    assert facts.cpus >= 1
    assert facts.free_disk_gib > 0
    assert facts.vagrant == ""


def test_plugins_get_nothing_of_the_dashboards_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET_KEY", "leaked")
    vagrant = tmp_path / "vagrant"
    vagrant.write_text('#!/bin/sh\necho "vagrant-libvirt (0.12, global)"\necho "$SECRET_KEY (x)"\n')
    vagrant.chmod(0o700)

    assert "leaked" not in plugins_of(vagrant, tmp_path / "home")
