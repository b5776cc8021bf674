"""The driver's contract (docs/driver.md), the same cases for the rehearsal and for real Vagrant.

A machine that boots in QEMU's emulation costs a minute, so it lives once per target: the fixtures
`before`, `running`, `halted` and `gone` follow one another, and each test asserts one thing of them.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contracts.targets import NAME, Said, Target, read_until
from webapp.vagrant.driver import (
    MachineLocked,
    MachineNotCreated,
    MachineNotFound,
    MachineNotReady,
    MachineStatus,
    VagrantError,
)
from webapp.vagrant.machine_readable import Action, Other, Ui, says_not_created
from webapp.vagrant.states import NOT_CREATED, RUNNING, is_on


@dataclass(frozen=True)
class Before:
    """Seen while the machine is not created."""

    status: dict[str, MachineStatus]
    provision: Said
    unknown: Said
    refusals: dict[str, VagrantError]


@dataclass(frozen=True)
class Running:
    """Seen while the machine runs."""

    up: Said
    status: MachineStatus
    provision: Said
    bad_step: Said
    said: dict[str, tuple[int | None, str]]
    ssh_config: str


@dataclass(frozen=True)
class Interrupted:
    """Seen around a step that was stopped half way, and a second command that came in between."""

    locked: Said
    stopped: Said
    state: str


@dataclass(frozen=True)
class Halted:
    halt: Said
    status: MachineStatus
    refusal: VagrantError


@dataclass(frozen=True)
class Gone:
    destroy: Said
    status: MachineStatus
    again: Said


@pytest.fixture(scope="module")
def before(target: Target) -> Before:
    driver = target.driver
    asks = {
        "run": lambda: driver.run(NAME, "true"),
        "ssh-config": lambda: driver.ssh_config(NAME),
        "unknown": lambda: driver.run("nobody", "true"),
    }
    refusals = {name: refusal_of(ask) for name, ask in asks.items()}
    return Before(driver.status(), target.provision(), target.provision(machine="nobody"), refusals)


def refusal_of(ask) -> VagrantError:  # type: ignore[no-untyped-def]  # any question of the driver
    with pytest.raises(VagrantError) as caught:
        ask()
    return caught.value


@pytest.fixture(scope="module")
def running(target: Target, before: Before) -> Running:
    commands = {"true": "true", "fails": "exit 7", "says": "echo out; echo err >&2"}
    up = target.up()
    assert up.ended.is_ok, up.text
    status = target.driver.status()[NAME]
    provision, bad_step = target.provision(), target.provision("no-such-step")
    done = {name: target.driver.run(NAME, command) for name, command in commands.items()}
    said = {name: (completed.code, completed.output) for name, completed in done.items()}
    return Running(up, status, provision, bad_step, said, target.driver.ssh_config(NAME))


@pytest.fixture(scope="module")
def interrupted(target: Target, running: Running) -> Interrupted:
    with target.driver.provision(NAME, "ticking", spool=target.spool()) as child:
        said = read_until(child, lambda text: text.count("ui,detail") > 4, target.limit_s)
        locked = target.provision()
        child.stop()
        stopped = target.finish(child, said)
    return Interrupted(locked, stopped, target.state())


@pytest.fixture(scope="module")
def halted(target: Target, interrupted: Interrupted) -> Halted:
    halt = target.do(lambda spool: target.driver.halt(NAME, spool=spool))
    return Halted(halt, target.driver.status()[NAME], refusal_of(lambda: target.driver.run(NAME, "true")))


@pytest.fixture(scope="module")
def gone(target: Target, halted: Halted) -> Gone:
    def destroy(spool: Path):  # type: ignore[no-untyped-def]  # a Child
        return target.driver.destroy(NAME, spool=spool)

    return Gone(target.do(destroy), target.driver.status()[NAME], target.do(destroy))


def test_status_knows_every_machine_before_any_is_created(before: Before, target: Target) -> None:
    assert list(before.status) == [NAME]
    assert before.status[NAME].state == NOT_CREATED
    assert before.status[NAME].provider == target.provider
    assert before.status[NAME].short == "not created"


def test_provision_ends_with_0_and_says_so_when_the_machine_is_not_created(before: Before) -> None:
    assert before.provision.ended.code == 0
    assert any(says_not_created(event.text) for event in before.provision.events if isinstance(event, Ui))


def test_an_unknown_machine_is_an_error_of_its_own(before: Before) -> None:
    assert before.unknown.ended.code == 1
    assert isinstance(before.unknown.error, MachineNotFound)
    assert isinstance(before.refusals["unknown"], MachineNotFound)


def test_a_command_in_a_machine_that_is_not_created_is_refused(before: Before) -> None:
    assert isinstance(before.refusals["run"], MachineNotCreated)
    assert isinstance(before.refusals["ssh-config"], MachineNotReady)


def test_version_is_a_number(target: Target) -> None:
    assert target.driver.version()[0].isdigit()


def test_up_ends_with_0_and_leaves_the_machine_running(running: Running) -> None:
    assert running.up.ended.code == 0
    assert running.status.state == RUNNING


def test_every_record_of_up_has_its_machine_and_its_phase(running: Running) -> None:
    actions = [event for event in running.up.events if isinstance(event, Action) and event.name == "up"]

    assert [(event.machine, event.phase) for event in actions] == [(NAME, "start"), (NAME, "end")]
    assert any(isinstance(event, Other) and event.type == "metadata" for event in running.up.events)


def test_messages_for_people_are_prefixed_with_their_machine(running: Running) -> None:
    texts = [event.text for event in running.up.events if isinstance(event, Ui) and event.machine == NAME]

    assert texts
    assert all(
        line[:4] in ("==> ", "    ") and line[4:].startswith(f"{NAME}:")
        for line in "\n".join(texts).split("\n")
    )


def test_provision_ends_with_0_and_shows_what_the_guest_said(running: Running) -> None:
    details = [
        event for event in running.provision.events if isinstance(event, Ui) and event.level == "detail"
    ]

    assert running.provision.ended.code == 0
    assert any("Running provisioner: linux-prepare" in line for line in running.provision.lines)
    assert len(details) > 1


def test_a_provisioner_that_does_not_exist_is_passed_over_in_silence(running: Running) -> None:
    assert running.bad_step.ended.code == 0
    assert "Running provisioner" not in running.bad_step.text
    assert "Running provisioner" in running.provision.text


@pytest.mark.parametrize(
    ("name", "answer"),
    [("true", (0, "")), ("fails", (7, "")), ("says", (0, "out\n"))],
    ids=str,
)
def test_run_returns_the_commands_own_code_and_output(
    running: Running, name: str, answer: tuple[int, str]
) -> None:
    if name == "says":
        assert running.said[name][1].startswith("out\n")
    else:
        assert running.said[name] == answer


def test_ssh_config_is_openssh_s(running: Running) -> None:
    assert f"Host {NAME}\n" in running.ssh_config
    assert "  HostName " in running.ssh_config


def test_a_second_command_on_the_machine_finds_it_locked(interrupted: Interrupted) -> None:
    assert interrupted.locked.ended.code == 1
    assert isinstance(interrupted.locked.error, MachineLocked)


def test_an_interrupted_step_ends_and_leaves_the_machine_running(interrupted: Interrupted) -> None:
    assert interrupted.stopped.ended.stopped
    assert not interrupted.stopped.ended.is_ok
    assert "Waiting for cleanup before exiting..." in interrupted.stopped.text
    assert interrupted.state == RUNNING


def test_halt_ends_with_0_and_leaves_the_machine_off(halted: Halted) -> None:
    assert halted.halt.ended.code == 0
    assert is_on(halted.status.state) is False
    assert halted.status.state != NOT_CREATED


def test_a_command_in_a_machine_that_is_off_is_refused(halted: Halted) -> None:
    assert isinstance(halted.refusal, MachineNotReady)


def test_destroy_ends_with_0_and_leaves_nothing(gone: Gone) -> None:
    assert gone.destroy.ended.code == 0
    assert gone.status.state == NOT_CREATED


def test_destroying_what_is_gone_ends_with_0(gone: Gone) -> None:
    assert gone.again.ended.code == 0
