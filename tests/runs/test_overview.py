"""Labs with what runs on them: judged alike on the list and on their own page."""

import pytest
from django.utils import timezone

from tests.factories import LabFactory, RevisionFactory, RunFactory, StepFactory
from webapp.accounts.models import User
from webapp.executions.models import Status
from webapp.labs.models import Lab
from webapp.labs.queries import find_labs
from webapp.runs.models import Step
from webapp.runs.overview import kinds_of, lab_view, newest_open_runs, overview, snapshots_of


def with_runs(lab: Lab, *runs: tuple[str, Status]) -> None:
    for number, (verb, status) in enumerate(runs, start=1):
        RunFactory(lab=lab, number=number, verb=verb, status=status)


@pytest.mark.parametrize(
    ("runs", "kind"),
    [
        ([("launch", Status.SUCCEEDED)], "ready"),
        ([("launch", Status.FAILED)], "failed"),
        ([("launch", Status.FAILED), ("up", Status.SUCCEEDED)], "attention"),
        ([("launch", Status.FAILED), ("launch", Status.SUCCEEDED)], "ready"),
        ([("launch", Status.SUCCEEDED), ("halt", Status.RUNNING)], "working"),
        ([("launch", Status.SUCCEEDED), ("halt", Status.INTERRUPTED)], "attention"),
    ],
    ids=lambda runs: str(len(runs)) if isinstance(runs, list) else runs,
)
@pytest.mark.django_db
def test_list_and_page_judge_alike(lab: Lab, runs: list[tuple[str, Status]], kind: str) -> None:
    lab.machines.update(state="running")
    with_runs(lab, *runs)

    assert kinds_of(Lab.objects.all()) == {lab.pk: kind}
    assert lab_view(lab.slug).state.kind == kind


@pytest.mark.django_db
def test_destroyed_labs_are_found_only_when_asked_for(lab: Lab, owner: User) -> None:
    Lab.objects.update(destroyed_at=timezone.now())

    assert not find_labs(owner).exists()
    assert kinds_of(find_labs(owner, is_destroyed=True)) == {lab.pk: "waiting"}


@pytest.mark.django_db
def test_step_at_work_shows_on_its_machine(lab: Lab) -> None:
    run = RunFactory(lab=lab, number=1, status=Status.RUNNING)
    StepFactory(run=run, machine="winw1", title="Join", status=Step.Status.RUNNING)
    view = lab_view(lab.slug)

    assert view.state.sentence == "winw1: Join"
    assert [(one.machine.name, one.step) for one in view.machines] == [
        ("controlplane", ""),
        ("winw1", "Join"),
    ]


@pytest.mark.django_db
def test_pages_hold_the_chosen_kind_only(owner: User) -> None:
    same = {"owner": owner, "revision": RevisionFactory(definition__owner=owner)}
    for number in range(30):
        RunFactory(lab=LabFactory(name=f"lab-{number}", **same), number=1, status=Status.FAILED)
    LabFactory(name="quiet", **same)
    found = overview(Lab.objects.all(), "failed", 2)

    assert (len(found.labs), found.counts, found.total) == (6, {"failed": 30, "unknown": 1}, 31)


@pytest.mark.django_db
def test_snapshots_are_those_saved_and_not_deleted(lab: Lab) -> None:
    steps = [("snapshot-save", "a", ""), ("snapshot-save", "b", ""), ("snapshot-delete", "a", ""),
             ("snapshot-delete", "b", "winw1"), ("snapshot-save", "c", "")]  # fmt: skip
    for number, (verb, name, machine) in enumerate(steps, start=1):
        RunFactory(lab=lab, number=number, verb=verb, snapshot=name, machine=machine, status=Status.SUCCEEDED)

    assert snapshots_of(lab) == ["c", "b"]


@pytest.mark.django_db
def test_open_runs_come_first(lab: Lab) -> None:
    with_runs(lab, ("launch", Status.RUNNING))
    with_runs(LabFactory(name="calico-2"), ("launch", Status.SUCCEEDED), ("halt", Status.SUCCEEDED))

    assert [str(run) for run in newest_open_runs("calico", 2)] == ["calico-1 #1 launch", "calico-2 #2 halt"]
