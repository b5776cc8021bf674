"""A bisect's turns, from its rows alone: verdicts, lost checks, machines that cannot be asked, readiness,
injections that say nothing, and what ends a search in the middle."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from tests.builds.repository import Repository
from tests.factories import LabFactory, RunFactory, StepFactory
from webapp.accounts.models import Role, User
from webapp.bisects.actions import go_on_soon
from webapp.bisects.checks import SKIP_LINE, UNREACHED, Check, verdict_of
from webapp.bisects.models import Bisect, Trial
from webapp.bisects.walk import carry_on_bisects
from webapp.builds.git import Mirror
from webapp.builds.sources import Source
from webapp.cluster.models import Errand
from webapp.executions.models import Status
from webapp.inject.models import Injection
from webapp.labs.models import Lab

pytestmark = pytest.mark.django_db
CHECK = Check("winw1", "exit 0", expect="v1\\.36", limit_s=60)


@pytest.fixture
def bisect(lab: Lab, owner: User, settings, tmp_path: Path) -> Bisect:
    settings.BUILD_HOME = tmp_path
    return Bisect.objects.create(
        lab=lab, machine="winw1", component="kubelet", target="windows/amd64", url="https://github.com/me/k",
        good_ref="v1", bad_ref="main", good_commit="a" * 40, bad_commit="c" * 40, tries_ends=False,
        commits=[{"commit": digit * 40, "subject": digit} for digit in "abc"], asked_by=owner,
        trial_check=CHECK.to_json(),
    )  # fmt: skip


@pytest.fixture
def trial(bisect: Bisect) -> Trial:
    return Trial.objects.create(bisect=bisect, number=1, position=1, stage="checking")


@pytest.mark.parametrize(
    ("code", "output", "verdict"),
    [
        (0, "Kubernetes v1.36.1", "good"),
        (0, "Kubernetes v1.35.1", "bad"),
        (1, "Kubernetes v1.36.1", "bad"),
        (125, "", "skipped"),
        (1, f"so\n{SKIP_LINE}\n", "skipped"),
        (None, "", "bad"),
    ],
    ids=["holds", "holds not", "failed", "125", "said", "too long"],
)
def test_check_is_judged_as_git_bisect_does(code: int | None, output: str, verdict: str) -> None:
    assert verdict_of(CHECK, code, output)[0] == verdict


def test_what_the_check_found_ends_the_search(bisect: Bisect, trial: Trial) -> None:
    Trial.objects.filter(pk=trial.pk).update(exit_code=1, finished_at=timezone.now(), output="boom")

    carry_on_bisects(timezone.now())

    bisect.refresh_from_db()
    assert (bisect.state, bisect.first_bad) == ("found", "b" * 40)


def test_lost_check_is_asked_again_and_then_given_up(bisect: Bisect, trial: Trial) -> None:
    now = timezone.now()
    for turn in range(3):
        carry_on_bisects(now + timedelta(minutes=5 * turn))
        trial.refresh_from_db()
        assert trial.attempts == turn + 1
        carry_on_bisects(now + timedelta(minutes=5 * turn, seconds=30))  # not before its time
    carry_on_bisects(now + timedelta(minutes=20))

    bisect.refresh_from_db()
    assert (bisect.state, "lost" in bisect.sentence) == ("failed", True)


def test_machine_that_cannot_be_asked_says_nothing_about_the_commit(bisect: Bisect, trial: Trial) -> None:
    gone = {"exit_code": UNREACHED, "finished_at": timezone.now(), "output": "WinRM is silent"}
    for _ in range(4):
        carry_on_bisects(timezone.now())  # asks
        Trial.objects.filter(pk=trial.pk).update(**gone)
        carry_on_bisects(timezone.now())  # hears

    bisect.refresh_from_db()
    trial.refresh_from_db()
    assert (bisect.state, trial.verdict) == ("failed", "")
    assert "could not be asked: WinRM is silent" in bisect.sentence


@pytest.mark.parametrize(
    "case",
    [
        (Status.SUCCEEDED, {"pods start": "passed"}, "found", "good"),
        (Status.SUCCEEDED, {"pods start": "passed", "dns": "failed"}, "found", "bad"),
        (Status.FAILED, {}, "failed", ""),
    ],
    ids=["passed", "failed", "not run"],
)
def test_readiness_category_is_a_check(
    bisect: Bisect, trial: Trial, settings, case: tuple[str, dict[str, str], str, str]
) -> None:
    status, outcomes, state, verdict = case
    settings.READINESS_DIR = "/opt/readiness"
    Lab.objects.filter(pk=bisect.lab_id).update(provider="libvirt")
    check = Check("winw1", "Core.Network", kind="readiness").to_json()
    Bisect.objects.filter(pk=bisect.pk).update(trial_check=check)
    carry_on_bisects(timezone.now())
    assert Errand.objects.get().argument == "Core.Network"

    Errand.objects.update(status=status, result={"outcomes": outcomes}, sentence="It ended.")
    carry_on_bisects(timezone.now())

    bisect.refresh_from_db()
    trial.refresh_from_db()
    assert (bisect.state, trial.verdict) == (state, verdict)


def test_readiness_that_was_lost_with_its_worker_is_asked_for_again(
    bisect: Bisect, trial: Trial, settings
) -> None:
    settings.READINESS_DIR = "/opt/readiness"
    Lab.objects.filter(pk=bisect.lab_id).update(provider="libvirt")
    check = Check("winw1", "Core.Network", kind="readiness").to_json()
    Bisect.objects.filter(pk=bisect.pk).update(trial_check=check)
    for lost in range(3):
        carry_on_bisects(timezone.now())
        assert Errand.objects.count() == lost + 1
        Errand.objects.update(status=Status.INTERRUPTED)
    carry_on_bisects(timezone.now())

    bisect.refresh_from_db()
    assert (bisect.state, "lost with its worker 3 times" in bisect.sentence) == ("failed", True)


@pytest.mark.parametrize(
    ("failed", "state", "verdict"),
    [
        ("windows-inject-start", "back", "bad"),
        ("windows-inject-start", "broken", ""),
        ("windows-inject-prepare", "asked", ""),
        ("windows-inject-replace", "back", ""),
    ],
    ids=["crashes", "nor does the old one", "not brought", "in use"],
)
def test_only_a_binary_that_does_not_come_up_is_bad(
    bisect: Bisect, trial: Trial, failed: str, state: str, verdict: str
) -> None:
    row = Injection.objects.create(
        lab=bisect.lab,
        machine="winw1",
        component="kubelet",
        state=state,
        path="x",
        runner={},
        sha256="0" * 64,
    )
    run = RunFactory(lab=bisect.lab, verb="inject", status="failed", plan={"steps": [{"about": row.pk}]})
    StepFactory(run=run, kind="inject", key=f"winw1 kubelet {failed}", status="failed")
    Trial.objects.filter(pk=trial.pk).update(stage="injecting", run=run)

    carry_on_bisects(timezone.now())

    bisect.refresh_from_db()
    trial.refresh_from_db()
    assert (trial.verdict, bisect.state) == (verdict, "found" if verdict else "failed")


LOST_RIGHTS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "disabled": ({"is_active": False}, {}, "may not ask for builds"),
    "viewer": ({"role": Role.VIEWER}, {}, "may not ask for builds"),
    "destroyed": ({}, {"destroyed_at": timezone.now()}, "has been destroyed"),
}


@pytest.mark.parametrize("case", LOST_RIGHTS.values(), ids=LOST_RIGHTS)
def test_search_ends_when_who_asked_may_no_more_or_the_lab_is_gone(
    bisect: Bisect, trial: Trial, case: tuple[dict[str, Any], dict[str, Any], str]
) -> None:
    person, lab, sentence = case
    User.objects.filter(pk=bisect.asked_by_id).update(**person)
    Lab.objects.filter(pk=bisect.lab_id).update(**lab)

    carry_on_bisects(timezone.now())

    bisect.refresh_from_db()
    trial.refresh_from_db()
    assert (bisect.state, trial.check_asked_at) == ("failed", None)
    assert sentence in bisect.sentence


def test_refused_request_ends_the_search_and_skips_nothing(bisect: Bisect, trial: Trial, settings) -> None:
    settings.BUILD_HOSTS = []
    Trial.objects.filter(pk=trial.pk).update(stage="building")

    carry_on_bisects(timezone.now())

    bisect.refresh_from_db()
    trial.refresh_from_db()
    assert (bisect.state, trial.verdict) == ("failed", "")
    assert "not on the administrator's list" in bisect.sentence


def test_fault_in_one_search_keeps_no_other_waiting(bisect: Bisect, trial: Trial, owner: User) -> None:
    Trial.objects.filter(pk=trial.pk).update(exit_code=1, finished_at=timezone.now())
    torn = Bisect.objects.get(pk=bisect.pk)
    torn.pk, torn.lab, torn.trial_check = None, LabFactory(owner=owner), {"nonsense": 1}
    torn.save(force_insert=True)
    Trial.objects.create(bisect=torn, number=1, position=1, stage="checking")

    carry_on_bisects(timezone.now())

    bisect.refresh_from_db()
    assert (Bisect.objects.first(), bisect.state) == (torn, "found")


def test_commits_are_listed_when_no_build_changes_the_mirror(
    bisect: Bisect, repository: Repository, settings
) -> None:
    ends = {"good_commit": repository.commits["v1.36.1"], "bad_commit": repository.commits["six"]}
    Bisect.objects.update(url=str(repository.path), commits=[], **ends)
    bisect.refresh_from_db()
    with Mirror(settings.BUILD_HOME, Source(bisect.url, is_local=True)).held(lambda: None):
        carry_on_bisects(timezone.now())
        bisect.refresh_from_db()
        assert (bisect.commits, bisect.is_open) == ([], True)

    carry_on_bisects(timezone.now())

    bisect.refresh_from_db()
    subjects = ["first", "one", "two", "three", "four", "five", "six"]
    assert [one["subject"] for one in bisect.commits] == subjects


def test_turn_is_asked_for_at_once_only_while_there_is_a_search(
    bisect: Bisect, django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks() as sent:
        go_on_soon()
    Bisect.objects.update(state=Bisect.State.FOUND)
    with django_capture_on_commit_callbacks() as unsent:
        go_on_soon()

    assert (len(sent), len(unsent)) == (1, 0)
