"""Repairs change the rehearsed state, are audited, and end in a run where they should."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.cluster.conftest import Rehearsed
from webapp.accounts.models import AuditEntry, User
from webapp.cluster import record
from webapp.cluster.actions import FixError, cluster_of, request_fix
from webapp.cluster.fixes import CannotFix, carry_out, check_request, reap_fixes
from webapp.cluster.models import Change, Fix
from webapp.executions.lost import Clock
from webapp.executions.models import Status
from webapp.kube.facts import RequestFacts
from webapp.runs.models import Run
from webapp.tasks import join_again


def do_fix(rehearsed: Rehearsed, kind: str, by: User, argument: str = "") -> Fix:
    fix, _ = request_fix(cluster_of(rehearsed.lab), kind, by, machine="winw1", argument=argument)
    carry_out(fix.pk, join_again)
    rehearsed.look()
    return fix.refreshed()


def test_approved_request_lets_the_machine_join(rehearsed: Rehearsed, owner: User) -> None:
    rehearsed.launch("winw1:csr-pending")
    rehearsed.look()
    stuck = rehearsed.ladder().stuck
    assert stuck is not None
    assert stuck.fix is not None

    fix = do_fix(rehearsed, stuck.fix.kind, owner, stuck.fix.argument)

    assert fix.status == Status.SUCCEEDED, fix.sentence
    node = rehearsed.ladder().rung("node")
    assert node is not None
    assert node.state == "done"


def test_clock_is_set_when_asked(rehearsed: Rehearsed, owner: User) -> None:
    rehearsed.launch("winw1:clock-skew")
    rehearsed.look()

    fix = do_fix(rehearsed, "resync-clock", owner)

    assert fix.status == Status.SUCCEEDED, fix.sentence
    stuck = rehearsed.ladder().stuck
    assert stuck is not None
    assert (stuck.key, stuck.fix and stuck.fix.kind) == ("api", "rejoin")


@pytest.mark.parametrize("kind", ["rejoin", "reset-and-rejoin"])
def test_rejoin_asks_for_a_run_of_the_join_step(rehearsed: Rehearsed, owner: User, kind: str) -> None:
    rehearsed.launch("winw1:token-expired")
    rehearsed.look()

    fix = do_fix(rehearsed, kind, owner)

    assert fix.status == Status.SUCCEEDED, fix.sentence
    run = Run.objects.get(lab=rehearsed.lab)
    assert (run.verb, run.machine) == ("provision", "winw1")
    assert "winw1 windows-join" in set(run.steps.values_list("key", flat=True))


def test_stopped_service_is_started_again_in_order(rehearsed: Rehearsed, owner: User) -> None:
    rehearsed.launch()
    rehearsed.look()
    do_fix(rehearsed, "stop-service", owner, "kubelet")
    stuck = rehearsed.ladder().stuck
    assert stuck is not None
    assert (stuck.key, stuck.state) == ("kubelet", "failed")

    fix = do_fix(rehearsed, "restart-in-order", owner)

    assert fix.status == Status.SUCCEEDED, fix.sentence
    assert rehearsed.ladder().stuck is None


def test_fix_says_why_it_failed(rehearsed: Rehearsed, owner: User) -> None:
    rehearsed.launch()
    rehearsed.look()

    fix = do_fix(rehearsed, "start-service", owner, "CalicoNode")

    assert fix.status == Status.FAILED
    assert "CalicoNode" in fix.sentence


def test_fix_is_audited_and_only_one_is_open(rehearsed: Rehearsed, owner: User) -> None:
    cluster = cluster_of(rehearsed.lab)

    first, is_new = request_fix(cluster, "resync-clock", owner, machine="winw1")
    second, is_second_new = request_fix(cluster, "restart-in-order", owner, machine="winw1")

    assert (is_new, is_second_new, second.pk) == (True, False, first.pk)
    entry = AuditEntry.objects.get(action="asked resync-clock")
    assert (entry.actor, entry.lab_id) == (owner, rehearsed.lab.pk)


@pytest.mark.parametrize(
    ("kind", "machine", "argument"),
    [
        ("format", "winw1", ""),
        ("rejoin", "nobody", ""),
        ("rejoin", "controlplane", ""),
        ("stop-service", "winw1", "winrm"),
        ("approve-request", "winw1", "a; reboot"),
    ],
)
def test_fix_that_makes_no_sense_is_refused(
    rehearsed: Rehearsed, owner: User, kind: str, machine: str, argument: str
) -> None:
    with pytest.raises(FixError):
        request_fix(cluster_of(rehearsed.lab), kind, owner, machine=machine, argument=argument)

    assert not Fix.objects.exists()


KUBELET = RequestFacts(
    "csr-a", "kubernetes.io/kube-apiserver-client-kubelet", "system:bootstrap:abcdef", "winw1", "pending"
)
OTHERS = {
    "gone": (),
    "issued": (RequestFacts(**{**KUBELET.__dict__, "state": "issued"}),),
    "another signer": (
        RequestFacts(**{**KUBELET.__dict__, "signer": "kubernetes.io/kube-apiserver-client"}),
    ),
    "not a bootstrap token": (RequestFacts(**{**KUBELET.__dict__, "username": "mallory"}),),
    "another node": (RequestFacts(**{**KUBELET.__dict__, "node": "controlplane"}),),
    "nobody": (RequestFacts(**{**KUBELET.__dict__, "node": ""}),),
}


@pytest.mark.parametrize("requests", OTHERS.values(), ids=OTHERS)
def test_request_is_not_approved_when_it_is(requests: tuple[RequestFacts, ...]) -> None:
    check_request((KUBELET,), "csr-a", "winw1")

    with pytest.raises(CannotFix):
        check_request(requests, "csr-a", "winw1")


def test_fix_of_a_silent_machine_fails_with_a_sentence(rehearsed: Rehearsed, owner: User) -> None:
    fix, _ = request_fix(cluster_of(rehearsed.lab), "resync-clock", owner, machine="winw1")

    carry_out(fix.pk, join_again)

    assert fix.refreshed().status == Status.FAILED
    assert fix.finished_at is not None
    assert fix.finished_at <= timezone.now()
    assert "no folder" in fix.sentence


def test_fix_that_no_worker_took_or_ended_is_closed(rehearsed: Rehearsed, owner: User) -> None:
    cluster, now = cluster_of(rehearsed.lab), timezone.now()
    pending, _ = request_fix(cluster, "rejoin", owner, machine="winw1")
    running, _ = request_fix(cluster, "resync-clock", owner, machine="controlplane")
    running.start("worker", now)

    assert reap_fixes(now, 600) == 0
    assert reap_fixes(now + timedelta(seconds=601), 600) == 1

    assert (pending.refreshed().status, running.refreshed().status) == (Status.CANCELED, Status.INTERRUPTED)


def test_clock_that_was_set_forward_loses_no_fix(rehearsed: Rehearsed, owner: User) -> None:
    cluster, now, wall = cluster_of(rehearsed.lab), timezone.now(), [0.0]
    fix, _ = request_fix(cluster, "resync-clock", owner, machine="winw1")
    fix.start("worker", now)
    clock = Clock(wall_s=lambda: wall[0], steady_s=lambda: 0.0)
    wall[0] += 3600

    assert reap_fixes(now + timedelta(hours=1), 600, clock) == 0
    assert fix.refreshed().status == Status.RUNNING


def test_history_stays_small_and_keeps_how_things_are(
    rehearsed: Rehearsed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "MOST_CHANGES", 10)
    cluster, now = cluster_of(rehearsed.lab), timezone.now()
    states = [("os", "done"), *(("cni", f"s{number}") for number in range(30))]
    Change.objects.bulk_create(
        Change(cluster=cluster, machine="winw1", kind="rung", key=key, state=state, at=now)
        for key, state in states
    )

    record.prune(cluster)

    left = list(Change.objects.order_by("id").values_list("key", flat=True))
    assert len(left) <= 10
    assert left[0] == "os"
