"""A bisect's turns, from its rows alone: verdicts, lost checks, machines that cannot be asked, readiness."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from webapp.accounts.models import User
from webapp.bisects.checks import SKIP_LINE, UNREACHED, Check, verdict_of
from webapp.bisects.models import Bisect, Trial
from webapp.bisects.walk import carry_on_bisects
from webapp.cluster.models import Errand
from webapp.executions.models import Status
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
