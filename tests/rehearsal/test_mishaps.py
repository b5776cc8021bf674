"""Each mishap strikes where it should and says what the real tools say."""

import json
import signal
import time

import pytest

from tests.rehearsal.stage import VAGRANT, RehearsedLab
from webapp.vagrant.machine_readable import find_error, to_lines

# The ten of the lab kit's issue: where each strikes, and a text by which a rule can know it.
KNOWN = [
    (
        "token-expired",
        "winw1",
        "windows-join",
        "could not find a JWS signature in the cluster-info ConfigMap for token ID",
    ),
    ("cni-not-initialised", "controlplane", "wait-ready", "cni plugin not initialized"),
    ("kubelet-flag-unknown", "winw1", "windows-join", "failed to parse kubelet flag: unknown flag:"),
    ("licence-expired", "winw1", "windows-preflight", "License Status: Notification"),
    ("reboot-refused", "winw1", "windows-features", "other users logged on to the computer"),
    ("wrong-nic", "controlplane", "wait-ready", "10.0.2.15"),
    ("disk-full", "controlplane", "smoke", "There is not enough space on the disk"),
    ("checksum-wrong", "controlplane", "linux-containerd", "checksum mismatch"),
    ("winrm-lost", "winw1", "windows-containerd", "An error occurred executing a remote WinRM command."),
    ("clock-skew", "winw1", "windows-join", "x509: certificate has expired or is not yet valid"),
    ("provisioner-failure", "winw1", "windows-binaries", "failed on purpose"),
]


def shown(output: bytes) -> str:
    return "\n".join(text for _, _, text in to_lines(output.decode(errors="replace").split("\n")))


@pytest.mark.parametrize(("kind", "machine", "step", "text"), KNOWN, ids=[known[0] for known in KNOWN])
def test_a_mishap_fails_its_step_with_the_true_text(
    running: RehearsedLab, kind: str, machine: str, step: str, text: str
) -> None:
    running.write(kind)

    done = running.provision(machine, step)

    assert done.returncode == 1
    assert text in shown(done.stdout)
    assert find_error(done.stdout.decode().splitlines()) is not None


def test_a_step_without_its_mishap_succeeds(running: RehearsedLab) -> None:
    running.write("winw1 windows-join:provisioner-failure")

    assert running.provision("winw1", "windows-network").returncode == 0
    assert running.provision("winw1", "windows-join").returncode == 1


def test_once_strikes_the_first_time_only(running: RehearsedLab) -> None:
    running.write("once:winw1 windows-join:token-expired")

    ends = [running.provision("winw1", "windows-join").returncode for _ in range(3)]

    assert ends == [1, 0, 0]


def test_a_boot_timeout_keeps_the_machine_when_told_so(lab: RehearsedLab) -> None:
    lab.write("winw1:boot-timeout")

    done = lab.vagrant("up", "winw1", "--no-provision", "--no-destroy-on-error", "--machine-readable")

    error = find_error(done.stdout.decode().splitlines())
    assert (done.returncode, error and error.error_class) == (1, "Vagrant::Errors::VMBootTimeout")
    assert b"winw1,state,running" in lab.vagrant("status", "winw1", "--machine-readable").stdout


def test_a_first_boot_that_times_out_destroys_the_machine_by_default(lab: RehearsedLab) -> None:
    lab.write("winw1:boot-timeout")

    lab.vagrant("up", "winw1")

    assert b"winw1,state,not_created" in lab.vagrant("status", "winw1", "--machine-readable").stdout


def test_lock_says_that_another_process_is_at_work(running: RehearsedLab) -> None:
    running.write("once:lock")

    first, second = (running.provision("winw1", "windows-join") for _ in range(2))

    assert b"MachineActionLockedError" in first.stdout
    assert (first.returncode, second.returncode) == (1, 0)


def test_garbage_is_garbage_and_the_step_succeeds(running: RehearsedLab) -> None:
    running.write("garbage")

    done = running.provision("winw1", "windows-join")

    assert done.returncode == 0
    assert max(map(len, done.stdout.split(b"\n"))) > 10_000_000
    assert all(
        piece in done.stdout for piece in (b"\xff\xfe", b"#< CLIXML", b"\x1b[", b"\x00", b"\rExtracting")
    )


def test_a_crash_ends_by_a_signal(running: RehearsedLab) -> None:
    running.write("winw1 windows-join:crash")

    done = running.provision("winw1", "windows-join")

    assert done.returncode == -signal.SIGABRT
    assert b"Segmentation fault" in done.stdout


@pytest.mark.parametrize("kind", ["hang", "never-ending"])
def test_what_never_ends_is_ended_by_sigterm(running: RehearsedLab, kind: str) -> None:
    running.write(kind)
    process = running.start("provision", "winw1", "--provision-with", "windows-join")
    assert process.stdout is not None

    with process:
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        code = process.wait(10)

    assert code == -signal.SIGTERM


def test_an_unknown_mishap_is_refused_by_name(lab: RehearsedLab) -> None:
    lab.write("winw1:earthquake")

    done = lab.vagrant("up", "winw1")

    assert done.returncode == 1
    assert b"no mishap 'earthquake'" in done.stderr
    assert b"boot-timeout" in done.stderr


def test_an_interrupted_step_ends_within_its_time_for_cleanup(running: RehearsedLab) -> None:
    running.write(speed=0.01)
    process = running.start("provision", "winw1", "--provision-with", "windows-join", "--machine-readable")
    assert process.stdout is not None

    with process:
        while b"Running provisioner" not in process.stdout.readline():
            pass
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read().decode()

    assert process.returncode == 1
    assert time.monotonic() - began < 60  # left alone the step takes hours
    assert "Waiting for cleanup before exiting..." in rest
    error = find_error(rest.splitlines())
    assert error is not None
    assert error.error_class == "Vagrant::Errors::VagrantInterrupt"


def test_a_second_interrupt_ends_it_at_once(running: RehearsedLab) -> None:
    running.write("hang")
    process = running.start("provision", "winw1", "--provision-with", "windows-join")
    assert process.stdout is not None

    with process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        while b"Waiting for cleanup" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        code = process.wait(10)

    assert code == 1


def test_every_mishap_is_played_by_a_known_end() -> None:
    mishaps = json.loads((VAGRANT.parent / "stage" / "mishaps.json").read_text())
    survived = {"is-garbage", "goes-on", "breaks-ways"}
    ends = {"fails", "hangs", "crashes", "never-ends", "is-locked", "loses-winrm", "boots-not"} | survived

    assert {mishap["ends"] for mishap in mishaps.values()} == ends
    assert all(mishap["on"] for mishap in mishaps.values())
