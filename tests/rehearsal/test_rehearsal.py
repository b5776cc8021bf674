"""The rehearsal as a lab: what it admits, how long it takes, what its guests answer."""

import json
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests.rehearsal.stage import LINUX_STEPS, VAGRANT, WINDOWS_STEPS, RehearsedLab
from webapp.vagrant.machine_readable import to_lines

KIT = VAGRANT.parents[1] / "kit"


@pytest.fixture
def joined(running: RehearsedLab) -> RehearsedLab:
    """A lab whose cluster is complete."""
    assert running.provision("controlplane", *LINUX_STEPS[:4]).returncode == 0
    assert running.provision("winw1", *WINDOWS_STEPS).returncode == 0
    assert running.provision("controlplane", *LINUX_STEPS[4:]).returncode == 0
    return running


@pytest.mark.parametrize(
    "args",
    [
        ("up", "controlplane"),
        ("provision", "controlplane", "--provision-with", "linux-prepare"),
        ("status",),
        ("halt", "controlplane"),
        ("destroy", "-f", "controlplane"),
    ],
    ids=lambda args: args[0],
)
def test_every_command_admits_once_what_it_is(lab: RehearsedLab, args: tuple[str, ...]) -> None:
    done = lab.vagrant(*args)

    assert done.returncode == 0
    assert (done.stdout + done.stderr).count(b"This is a rehearsal") == 1


def test_every_step_of_the_kit_has_a_play_of_its_own() -> None:
    steps = {step["name"] for step in yaml.safe_load((KIT / "steps.yaml").read_text())}
    plays = json.loads((VAGRANT.parent / "stage" / "plays.json").read_text())

    assert steps <= set(plays)
    assert len({"\n".join(play) for play in plays.values()}) == len(plays)


@pytest.mark.parametrize("step", LINUX_STEPS + WINDOWS_STEPS)
def test_no_mark_of_a_play_is_left_unfilled(running: RehearsedLab, step: str) -> None:
    machine = "winw1" if step in WINDOWS_STEPS else "controlplane"

    said = running.provision(machine, step).stdout.decode()

    texts = [text for _, _, text in to_lines(said.split("\n"))]
    assert len(texts) > 4
    assert not [
        text
        for text in texts
        if "{" in text and "}" in text and '"' not in text and "{Containers}" not in text
    ]


def test_speed_divides_the_usual_time(running: RehearsedLab) -> None:
    running.env["REHEARSAL_SPEED"] = "20"
    began = time.monotonic()

    running.provision("controlplane", "linux-prepare")

    assert 1.0 <= time.monotonic() - began < 30  # 40 where nothing is divided


def test_a_step_that_is_done_again_succeeds(running: RehearsedLab) -> None:
    assert [running.provision("winw1", "windows-features").returncode for _ in range(2)] == [0, 0]


def test_nodes_are_ready_when_the_cluster_is_complete(joined: RehearsedLab) -> None:
    done = joined.vagrant("ssh", "controlplane", "-c", "sudo kubectl get nodes -o json")

    nodes = {node["metadata"]["name"]: node for node in json.loads(done.stdout)["items"]}
    ready = {name: condition(node, "Ready")["status"] for name, node in nodes.items()}
    assert ready == {"controlplane": "True", "winw1": "True"}
    assert nodes["winw1"]["metadata"]["labels"]["kubernetes.io/os"] == "windows"
    assert nodes["winw1"]["status"]["addresses"][0]["address"] == "192.168.56.11"


def condition(node: dict[str, dict[str, list[dict[str, str]]]], name: str) -> dict[str, str]:
    return next(found for found in node["status"]["conditions"] if found["type"] == name)


def test_a_node_is_unknown_when_its_machine_is_off(joined: RehearsedLab) -> None:
    joined.vagrant("halt", "winw1")

    done = joined.vagrant("ssh", "controlplane", "-c", "kubectl get node winw1 -o json")

    assert condition(json.loads(done.stdout), "Ready")["reason"] == "NodeStatusUnknown"


def test_a_node_is_not_ready_before_its_cni(running: RehearsedLab) -> None:
    running.provision("controlplane", "control-plane-init")

    done = running.vagrant("ssh", "controlplane", "-c", "kubectl get nodes -o json")

    assert "cni plugin not initialized" in condition(json.loads(done.stdout)["items"][0], "Ready")["message"]


def test_several_kinds_come_in_one_list(joined: RehearsedLab) -> None:
    done = joined.vagrant("ssh", "controlplane", "-c", "kubectl get nodes,csr,pods,events -A -o json")

    kinds = {item["kind"] for item in json.loads(done.stdout)["items"]}
    assert kinds == {"Node", "CertificateSigningRequest", "Pod", "Event"}


def test_the_api_refuses_before_it_is_there(running: RehearsedLab) -> None:
    done = running.vagrant("ssh", "controlplane", "-c", "kubectl get nodes")

    assert done.returncode == 1
    assert b"was refused" in done.stderr


def test_a_join_command_is_made_on_the_control_plane(joined: RehearsedLab) -> None:
    done = joined.vagrant(
        "ssh", "controlplane", "-c", "sudo kubeadm token create --ttl 2h --print-join-command"
    )

    assert done.stdout.startswith(b"kubeadm join 192.168.56.10:6443 --token ")


def test_windows_services_are_json_when_asked_so(joined: RehearsedLab) -> None:
    done = joined.vagrant(
        "winrm", "winw1", "-c", "Get-Service kubelet,hns | Select Name,Status | ConvertTo-Json"
    )

    assert {row["Name"]: row["Status"] for row in json.loads(done.stdout)} == {
        "kubelet": "Running",
        "hns": "Running",
    }


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("exit 0", 0, b""),
        ("exit 5", 1, b""),
        ("hostname", 0, b"winw1\r\n"),
        ("ver", 0, b"\r\nMicrosoft Windows [Version 10.0.20348.4648]\r\n"),
        ("Frobnicate", 1, b""),
    ],
)
def test_a_command_over_winrm(running: RehearsedLab, command: str, code: int, said: bytes) -> None:
    done = running.vagrant("winrm", "winw1", "-c", command)

    assert (done.returncode, done.stdout) == (code, said)


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("true", 0, b""),
        ("exit 7", 7, b""),
        ("hostname; exit 3", 3, b"controlplane\n"),
        ("false && echo never", 1, b""),
        ("systemctl is-active kubelet", 3, b"inactive\n"),
        ("frobnicate", 127, b""),
        ("echo 'unbalanced", 127, b""),
    ],
)
def test_a_command_over_ssh(running: RehearsedLab, command: str, code: int, said: bytes) -> None:
    done = running.vagrant("ssh", "controlplane", "-c", command)

    assert (done.returncode, done.stdout) == (code, said)


def test_a_snapshot_brings_back_what_was_done(running: RehearsedLab) -> None:
    running.vagrant("snapshot", "save", "winw1", "clean")
    running.provision("winw1", "windows-features")
    running.vagrant("snapshot", "restore", "winw1", "clean")

    done = running.vagrant(
        "winrm", "winw1", "-c", "Get-Service hns -ErrorAction SilentlyContinue | ConvertTo-Json"
    )

    assert json.loads(done.stdout) == []
    assert running.vagrant("snapshot", "list", "winw1").stdout.endswith(b"clean\n")


def test_a_snapshot_that_is_not_there_is_refused(running: RehearsedLab) -> None:
    done = running.vagrant("snapshot", "restore", "winw1", "nothing", "--machine-readable")

    assert done.returncode == 1
    assert b"Vagrant::Errors::SnapshotNotFound" in done.stdout


def test_two_commands_on_one_machine_do_not_meet(running: RehearsedLab) -> None:
    running.write("controlplane:never-ending")
    first = running.start("provision", "controlplane", "--provision-with", "linux-prepare")
    assert first.stdout is not None
    first.stdout.readline()

    second = running.provision("controlplane", "linux-prepare")
    other = running.provision("winw1", "windows-network")
    first.terminate()
    first.communicate(timeout=10)

    assert (second.returncode, other.returncode) == (1, 0)
    assert b"MachineActionLockedError" in second.stdout


def test_the_flood_has_its_lines_numbers_and_stamps(running: RehearsedLab) -> None:
    running.env["REHEARSAL_FLOOD"] = "lines=5000,rate=0"

    said = running.provision("controlplane", "linux-prepare").stdout.decode()

    lines = [text.split(" ") for _, _, text in to_lines(said.split("\n")) if text[:10].isdigit()]
    assert [int(line[1]) for line in lines] == list(range(5000))
    assert abs(float(lines[-1][0]) - time.time()) < 60
    assert 110 <= len(said.split("\n")[100]) <= 130


def test_the_flood_keeps_its_rate(running: RehearsedLab) -> None:
    running.env["REHEARSAL_FLOOD"] = "lines=200,rate=200"
    began = time.monotonic()

    running.provision("controlplane", "linux-prepare")

    assert time.monotonic() - began >= 0.9


def test_without_a_lab_it_says_what_vagrant_says(tmp_path: Path) -> None:
    done = RehearsedLab(tmp_path).vagrant("status", "--machine-readable")

    assert done.returncode == 1
    assert b"Vagrant::Errors::NoEnvironmentError" in done.stdout


def test_a_lab_json_that_cannot_be_read_is_an_error_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "lab.json").write_text("{")

    done = RehearsedLab(tmp_path).vagrant("status")

    assert done.returncode == 1
    assert b"There was an error loading lab.json" in done.stderr


def test_the_executable_needs_nothing_but_the_standard_library(lab: RehearsedLab) -> None:
    done = subprocess.run(
        ["python3", "-I", "-S", VAGRANT, "--version"], cwd=lab.folder, capture_output=True, check=True
    )

    assert done.stdout == b"Vagrant 2.4.9 (rehearsal)\n"
