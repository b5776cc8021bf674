"""The driver and the kit's first step against real Vagrant on plain QEMU."""

import json

import pytest

from tests.real.fixtures import RealLab
from tests.real.life import Life, live

pytestmark = [pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def life(real_lab: RealLab) -> Life:
    return live(real_lab)


@pytest.mark.parametrize(
    ("moment", "state"),
    [
        ("before", "not_created"),
        ("up", "running"),
        ("ticking", "running"),
        ("suspend", "paused"),
        ("resume", "running"),
        ("restore", "running"),
        ("halt", "shutoff"),
        ("up again", "running"),
        ("destroy", "not_created"),
    ],
)
def test_state_after_each_verb(life: Life, moment: str, state: str) -> None:
    assert life.states[moment] == state


@pytest.mark.parametrize(
    "moment",
    [
        "up",
        "prepare",
        "suspend",
        "resume",
        "save",
        "restore",
        "delete",
        "halt",
        "up again",
        "post-boot",
        "post-boot again",
        "destroy",
    ],
)
def test_verb_succeeds(life: Life, moment: str) -> None:
    assert life.seen[moment].exit.is_ok, life.seen[moment].text


def test_provision_does_nothing_when_the_machine_is_not_created(life: Life) -> None:
    assert life.seen["too early"].exit.is_ok
    assert "linux-prepare" not in life.seen["too early"].text


def test_machine_has_its_name_and_its_address_on_the_second_card(life: Life) -> None:
    assert life.facts["hostname"].strip() == "controlplane"
    assert "eth1    inet 192.168.213.10/24" in life.facts["addresses"]


def test_second_run_of_a_step_changes_nothing(life: Life) -> None:
    first, second = (json.loads(life.facts[name]) for name in ("first state", "second state"))

    assert first["ok"] and first["changes"] > 0
    assert second["ok"] and second["changes"] == 0


def test_second_check_after_a_boot_changes_nothing(life: Life) -> None:
    second = json.loads(life.facts["second post-boot"])

    assert json.loads(life.facts["first post-boot"])["ok"]
    assert second["ok"] and second["changes"] == 0


def test_inputs_are_gone_after_the_step(life: Life) -> None:
    assert life.facts["left"].strip() == ""


def test_kit_in_the_guest_is_for_root_only(life: Life) -> None:
    assert life.facts["inputs' mode"].split() == ["700", "root", "600", "root"]


def test_second_command_finds_the_machine_locked(life: Life) -> None:
    assert life.seen["locked"].exit.code == 1
    assert "MachineActionLockedError" in life.seen["locked"].text


def test_interrupted_step_ends_within_the_ladder(life: Life) -> None:
    assert life.seen["ticking"].exit.stopped
    assert "tick 2" in life.seen["ticking"].text
    assert life.seen["ticking"].seconds < 90


def test_interrupted_step_leaves_nothing_running_in_the_guest(life: Life) -> None:
    assert life.facts["still ticking"] == "0"


def test_snapshot_is_listed(life: Life) -> None:
    assert life.facts["snapshots"] == "clean"
