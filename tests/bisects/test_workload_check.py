"""A workload as a bisect's check, on a rehearsed lab: applied anew, judged by its pods, over lost workers."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from tests.cluster.conftest import Rehearsed
from tests.stack import wait_until
from webapp.accounts.models import User
from webapp.bisects.actions import BisectError, Wish, request_bisect
from webapp.bisects.checks import Check
from webapp.bisects.models import Bisect, Trial
from webapp.bisects.walk import carry_on_bisects
from webapp.bisects.workload_check import workload_names
from webapp.cluster.actions import cluster_of
from webapp.cluster.errands import carry_out_errand
from webapp.cluster.models import Errand
from webapp.cluster.queries import cluster_page
from webapp.cluster.workloads import apply_own, apply_recipe
from webapp.executions.models import Status
from webapp.tasks import ERRANDS

pytestmark = pytest.mark.django_db
POD = """
apiVersion: v1
kind: Pod
metadata: {name: mine}
spec:
  nodeSelector: {kubernetes.io/os: windows}
  containers: [{name: a, image: pause}]
"""


@pytest.fixture
def trial(launched: Rehearsed, owner: User, settings, tmp_path: Path) -> Trial:
    """A trial whose check begins: whoami, 60 s."""
    settings.BUILD_HOME = tmp_path
    launched.look()
    bisect = Bisect.objects.create(
        lab=launched.lab, machine="winw1", component="kubelet", target="windows/amd64",
        url="https://github.com/me/k", good_ref="v1", bad_ref="main", good_commit="a" * 40,
        bad_commit="c" * 40, tries_ends=False, asked_by=owner,
        commits=[{"commit": digit * 40, "subject": digit} for digit in "abc"],
        trial_check=Check("winw1", "whoami", limit_s=60, kind="workload").to_json(),
    )  # fmt: skip
    return Trial.objects.create(bisect=bisect, number=1, position=1, stage="checking")


def turn(trial: Trial, later_s: float = 0.0) -> Trial:
    """Let the walk and the lab host's worker have their turns; return the trial as it is then."""
    carry_on_bisects(timezone.now() + timedelta(seconds=later_s))
    for errand in Errand.objects.filter(status=Status.PENDING):
        carry_out_errand(errand.pk, ERRANDS)
    trial.refresh_from_db()
    trial.bisect.refresh_from_db()
    return trial


def errands() -> list[str]:
    return [str(errand.kind) for errand in Errand.objects.order_by("id")]


def ends(launched: Rehearsed, trial: Trial) -> bool:
    launched.look()
    return bool(turn(trial).verdict)


def test_commit_is_good_when_all_pods_are_ready(launched: Rehearsed, trial: Trial) -> None:
    wait_until(lambda: ends(launched, trial), 60, "the verdict")

    assert (trial.verdict, trial.sentence) == ("good", "whoami on both systems: 2 of 2 pods ready.")
    assert "pod whoami-windows" in trial.output and "on winw1: Running, ready" in trial.output
    assert (errands(), trial.bisect.state) == (["apply"], "found")


def test_commit_is_bad_when_a_pod_is_not_ready_in_its_time(launched: Rehearsed, trial: Trial) -> None:
    launched.vagrant("halt", "winw1")
    turn(trial)
    launched.look()
    assert turn(trial).verdict == "" and "0 nodes are available" in trial.sentence

    turn(trial, later_s=61)

    assert (trial.verdict, trial.bisect.first_bad) == ("bad", "b" * 40)
    assert "was not ready within 60 s" in trial.sentence
    assert "FailedScheduling" in trial.output


def test_what_an_earlier_trial_left_is_taken_away_first(
    launched: Rehearsed, trial: Trial, owner: User
) -> None:
    apply_recipe(cluster_of(launched.lab), "whoami", cluster_page(launched.lab).kube, owner)
    carry_out_errand(Errand.objects.get().pk, ERRANDS)
    launched.look()

    turn(trial)
    assert turn(trial).verdict == ""  # no look has shown yet that it is gone
    wait_until(lambda: ends(launched, trial), 60, "the verdict")

    assert (errands(), trial.verdict) == (["apply", "remove", "apply"], "good")


def test_lost_worker_costs_one_try(launched: Rehearsed, trial: Trial) -> None:
    carry_on_bisects(timezone.now())
    Errand.objects.update(status=Status.INTERRUPTED, finished_at=timezone.now())

    wait_until(lambda: ends(launched, trial), 60, "the verdict")

    assert (errands(), trial.verdict) == (["apply", "apply"], "good")


def test_workload_that_cannot_be_applied_says_nothing_about_the_commit(
    launched: Rehearsed, trial: Trial
) -> None:
    launched.vagrant("halt", "controlplane")
    turn(trial)

    assert (turn(trial).verdict, trial.bisect.state) == ("", "failed")
    assert "could not be tried: VM must be running" in trial.bisect.sentence


def test_cluster_that_nobody_sees_any_more_ends_the_search(launched: Rehearsed, trial: Trial) -> None:
    turn(trial)

    assert turn(trial, later_s=110).bisect.is_open
    assert "answered no look" in turn(trial, later_s=130).bisect.sentence


def test_own_manifest_is_a_check_as_well(launched: Rehearsed, trial: Trial, owner: User) -> None:
    apply_own(cluster_of(launched.lab), "mine", POD, owner)
    carry_out_errand(Errand.objects.get().pk, ERRANDS)
    assert ("mine", "mine (of this lab)") in workload_names(launched.lab)
    check = Check("winw1", "mine", limit_s=60, kind="workload").to_json()
    Bisect.objects.update(trial_check=check)

    wait_until(lambda: ends(launched, trial), 60, "the verdict")

    assert (errands(), trial.verdict) == (["apply", "remove", "apply"], "good")


@pytest.mark.parametrize(
    ("name", "sentence"), [("nothing", "no workload 'nothing'"), ("whoami", "no windows node")]
)
def test_workload_that_cannot_run_here_is_refused_before_anything_is_built(
    lab, owner: User, name: str, sentence: str
) -> None:
    check = Check("winw1", name, kind="workload")
    wish = Wish("winw1", "kubelet", "https://github.com/me/k", "v1", "main", check)

    with pytest.raises(BisectError, match=sentence):
        request_bisect(lab, wish, owner)
    assert not Bisect.objects.exists()
