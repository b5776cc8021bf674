"""Commands to reach machines: right for the role, safe to paste."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from webapp.labs.connect import Way, ways


@dataclass
class Seen:
    name: str
    role: str
    ip: str | None


MACHINES = [Seen("controlplane", "control-plane", "192.168.56.10"), Seen("winw1", "windows", "192.168.56.11")]


def found(machines: list[Seen], folder: str = "/srv/labs/x") -> list[Way]:
    return ways(machines, folder=Path(folder), vagrant_home=Path("/srv/v"), host="big-1")


def test_each_role_has_its_ways() -> None:
    assert [(way.machine, way.title) for way in found(MACHINES)] == [
        ("controlplane", "SSH"),
        ("winw1", "WinRM"),
        ("winw1", "PowerShell"),
        ("winw1", "RDP"),
        ("controlplane", "kubeconfig"),
    ]


def test_machine_without_an_address_is_reached_through_vagrant_only() -> None:
    assert [way.title for way in found([Seen("winw1", "windows", None)])] == ["WinRM"]


def test_folder_with_spaces_stays_one_word() -> None:
    command = found(MACHINES, "/srv/my labs/x")[0].command

    assert shlex.split(command)[:2] == ["cd", "/srv/my labs/x"]
