"""A pairing's life: one open a lab, machines held for a failure, an end that takes guests along."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories import LabFactory, RunFactory
from webapp.accounts.models import AuditEntry, User
from webapp.executions.models import Status
from webapp.labs.models import Lab
from webapp.pairing.actions import (
    end_pairing,
    end_unjoined,
    join_pairing,
    leave_pairing,
    open_pairing,
    plan_pairing,
    start_pairing,
)
from webapp.pairing.errors import PairingError
from webapp.pairing.models import Pairing
from webapp.runs.actions import RunError, check_verb
from webapp.runs.models import Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed(lab: Lab) -> Run:
    return RunFactory(lab=lab, number=1, status=Status.FAILED, sentence="winw1 did not join")


@pytest.fixture
def on_failure(failed: Run, owner: User) -> Pairing:
    return open_pairing(failed.lab, owner, title="Look at it", run=failed)[0]


def test_a_second_open_pairing_is_the_first(pairing: Pairing, member: User):
    again, is_new = open_pairing(pairing.lab, member, title="Another")

    assert (again, is_new) == (pairing, False)


def test_pairings_count_in_their_lab(pairing: Pairing, member: User):
    other, _ = open_pairing(LabFactory(), member, title="Elsewhere")

    end_pairing(pairing, member)

    assert [other.number, open_pairing(pairing.lab, member, title="Next")[0].number] == [1, 2]


def test_a_planned_one_begins_when_it_is_started(lab: Lab, owner: User):
    pairing = plan_pairing(lab, owner, title="Weekly", planned_at=timezone.now() + timedelta(days=1))

    assert [pairing.is_open, start_pairing(pairing, owner), start_pairing(pairing, owner)] == [
        False,
        True,
        False,
    ]


def test_a_planned_one_waits_for_the_open_one(pairing: Pairing, owner: User):
    planned = plan_pairing(pairing.lab, owner, title="Weekly", planned_at=timezone.now())

    with pytest.raises(PairingError, match="Another pairing is open"):
        start_pairing(planned, owner)


@pytest.mark.parametrize("title", ["", "   "])
def test_a_pairing_has_a_title(lab: Lab, owner: User, title: str):
    with pytest.raises(PairingError, match="title"):
        open_pairing(lab, owner, title=title)


def test_a_destroyed_lab_has_no_pairing(lab: Lab, owner: User):
    lab.destroyed_at = timezone.now()

    with pytest.raises(PairingError, match="destroyed"):
        open_pairing(lab, owner, title="Late")


def test_what_was_planned_on_a_lab_that_is_destroyed_does_not_begin(lab: Lab, owner: User):
    planned = plan_pairing(lab, owner, title="Weekly", planned_at=timezone.now())
    lab.destroyed_at = timezone.now()

    with pytest.raises(PairingError, match="destroyed"):
        start_pairing(planned, owner)
    assert end_pairing(planned, owner)


@pytest.mark.parametrize("verb", ["halt", "destroy", "reload", "suspend", "snapshot-restore"])
def test_a_failures_machines_stay_as_they_are(on_failure: Pairing, verb: str):
    lab = Lab.objects.get(pk=on_failure.lab_id)

    with pytest.raises(RunError, match="held for pairing #1"):
        check_verb(lab, verb, "joined")


def test_the_machines_are_let_go_at_the_end(on_failure: Pairing, owner: User):
    end_pairing(on_failure, owner)

    assert check_verb(Lab.objects.get(pk=on_failure.lab_id), "halt", "") == "halt"


def test_nobody_joins_and_it_ends_by_itself(on_failure: Pairing):
    late = timezone.now() + timedelta(minutes=11)

    assert [end_unjoined(timezone.now()), end_unjoined(late), end_unjoined(late)] == [0, 1, 0]
    assert Pairing.objects.get(pk=on_failure.pk).sentence == "Nobody joined in time."


def test_the_first_who_joins_keeps_it_alive(on_failure: Pairing, member: User):
    join_pairing(on_failure, member)

    assert end_unjoined(timezone.now() + timedelta(days=1)) == 0


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.RUNNING])
def test_only_a_failure_is_paired_on(lab: Lab, owner: User, status: str):
    run = RunFactory(lab=lab, number=1, status=status)

    with pytest.raises(PairingError, match="failed"):
        open_pairing(lab, owner, title="Why", run=run)


def test_another_labs_failure_is_not_paired_on(lab: Lab, owner: User):
    with pytest.raises(PairingError):
        open_pairing(lab, owner, title="Why", run=RunFactory(status=Status.FAILED))


def test_coming_and_going_are_audited(pairing: Pairing, member: User):
    assert [join_pairing(pairing, member), join_pairing(pairing, member)] == [True, False]
    assert [leave_pairing(pairing, member), leave_pairing(pairing, member)] == [True, False]
    end_pairing(pairing, member)

    actions = AuditEntry.objects.filter(actor=member).order_by("id").values_list("action", flat=True)
    assert list(actions) == ["joined pairing", "left pairing", "ended pairing"]


def test_an_ended_one_takes_nobody_in_and_ends_once(pairing: Pairing, owner: User, member: User):
    assert [end_pairing(pairing, owner), end_pairing(pairing, owner)] == [True, False]

    with pytest.raises(PairingError, match="ended"):
        join_pairing(pairing, member)
