"""Looks between runs: what was done by hand is seen, no lab is asked too often, no run contradicted."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from tests.factories import RunFactory
from webapp.labs.actions import lab_folder
from webapp.labs.folder import prepare_folder
from webapp.labs.models import Lab
from webapp.runs.looks import Looks, look_between_runs

StoredLab = Callable[..., Lab]


@pytest.fixture
def lab(stored_lab: StoredLab, settings) -> Iterator[Lab]:
    """A lab that was last seen, running, an hour ago; Vagrant says that nothing is created."""
    lab = stored_lab()
    prepare_folder(lab, lab_folder(lab), Path(settings.ENVIRONMENTS_DIR))
    lab.machines.update(state="running", seen_at=timezone.now() - timedelta(hours=1))
    yield lab
    Looks.tried.clear()


def states(lab: Lab) -> set[str]:
    return set(lab.machines.values_list("state", flat=True))


@pytest.mark.parametrize("hours", [-1, 1], ids=["long-ago", "by-a-clock-set-back-since"])
def test_what_happened_by_hand_is_seen(lab: Lab, hours: int):
    lab.machines.update(seen_at=timezone.now() + timedelta(hours=hours))

    looked = look_between_runs(lab.host, timezone.now())

    assert (looked, states(lab)) == (lab, {"not_created"})
    assert look_between_runs(lab.host, timezone.now()) is None


@pytest.mark.parametrize("status", ["pending", "running"])
def test_a_lab_with_an_open_run_is_left_to_it(lab: Lab, status: str):
    RunFactory(lab=lab, status=status)

    assert look_between_runs(lab.host, timezone.now()) is None
    assert states(lab) == {"running"}


def test_a_look_that_fails_changes_nothing_and_waits_its_turn(lab: Lab, settings):
    Lab.objects.update(provider="libvirt")
    settings.LAB_VAGRANT = "/nowhere/vagrant"
    now = timezone.now()

    looks = [look_between_runs(lab.host, now + timedelta(seconds=s)) for s in (0, 5, 3600)]

    assert looks == [lab, None, lab]
    assert states(lab) == {"running"}


def test_a_destroyed_lab_and_machines_never_seen_are_not_looked_at(lab: Lab):
    lab.machines.update(seen_at=None)
    assert look_between_runs(lab.host, timezone.now()) is None

    lab.machines.update(seen_at=timezone.now() - timedelta(hours=1))
    Lab.objects.update(destroyed_at=timezone.now())
    assert look_between_runs(lab.host, timezone.now()) is None


def test_a_run_that_ended_during_the_look_knows_better(lab: Lab):
    RunFactory(lab=lab, status="succeeded", finished_at=timezone.now() + timedelta(minutes=1))

    assert look_between_runs(lab.host, timezone.now()) == lab

    assert states(lab) == {"running"}
