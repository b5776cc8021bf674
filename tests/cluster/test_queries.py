"""Pages cost a fixed number of queries; the labs page's line is short and true."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.cluster.conftest import Rehearsed
from tests.factories import MachineFactory, RunFactory
from webapp.cluster.actions import cluster_of, note_watching
from webapp.cluster.models import Change, Cluster, Sighting
from webapp.cluster.observe import observe_host
from webapp.cluster.queries import cluster_page, ladder, services, stuck_line, stuck_lines
from webapp.cluster.record import FAST_S, SLOW_S, is_watched, record_silence
from webapp.labs.models import Lab
from webapp.tasks import look_after_run


@pytest.mark.parametrize("more", [0, 4])
def test_page_costs_the_same_queries_however_many_machines(
    lab: Lab, django_assert_num_queries: Any, more: int
) -> None:
    cluster_of(lab)
    for number in range(more):
        MachineFactory(lab=lab, name=f"more{number}")

    with django_assert_num_queries(6):
        page = cluster_page(lab)

    assert len(page.ladders) == 2 + more


def test_stuck_line_names_machine_rung_and_time(lab: Lab) -> None:
    now = timezone.now()
    cluster = cluster_of(lab)
    for key, state, age in (("cni", "waiting", 9), ("cni", "failed", 4), ("node", "done", 5)):
        at = now - timedelta(minutes=age)
        Change.objects.create(cluster=cluster, machine="winw1", kind="rung", key=key, state=state, at=at)

    assert stuck_line(lab, now) == "winw1 stuck at CNI for 4 min"


def test_stuck_lines_cost_the_same_however_many_labs(lab: Lab, django_assert_num_queries: Any) -> None:
    cluster_of(lab)

    with django_assert_num_queries(2):
        assert stuck_lines([lab]) == {}


def test_machine_that_nobody_looked_at_is_unknown(lab: Lab) -> None:
    states = {rung.state for rung in ladder(lab, "winw1").rungs}

    assert states <= {"unknown", "waiting"}
    assert stuck_line(lab) == ""
    with pytest.raises(KeyError):
        ladder(lab, "nobody")


def test_services_of_calico_are_as_expected_after_a_launch(rehearsed: Rehearsed) -> None:
    rehearsed.launch()
    rehearsed.look()

    rows = {row.name: row for row in services(rehearsed.lab, "winw1")}

    assert {name for name, row in rows.items() if row.is_as_expected is not True} == set()
    assert (rows["kube-proxy"].expected, rows["kube-proxy"].state) == ("pod", "absent")
    assert rows["antrea-agent"].expected == "absent"
    assert rows["kubelet"].restart_count == 0


def test_watched_cluster_is_looked_at_often_and_a_silent_one_seldom(lab: Lab) -> None:
    now = timezone.now()
    observe_host(lab.host, now, start=lambda work, pk: None)
    sighting = Sighting.objects.get(machine="winw1")

    waits = []
    for watched_at in (None, now):
        sighting.cluster.watched_at = watched_at
        sighting.failures = 0
        record_silence(sighting, "silent", now)
        waits.append((Sighting.objects.get(pk=sighting.pk).next_look_at - now).total_seconds())

    assert waits == [2 * SLOW_S, 2 * FAST_S]


@pytest.mark.django_db(transaction=True)
def test_machines_are_looked_at_when_a_run_ends_not_when_their_turn_comes(lab: Lab) -> None:
    later = timezone.now() + timedelta(minutes=10)
    sighting = Sighting.objects.create(cluster=cluster_of(lab), machine="winw1", next_look_at=later)

    look_after_run(RunFactory(lab=lab).pk)

    sighting.refresh_from_db()
    assert sighting.next_look_at <= timezone.now()


def test_look_is_started_once_however_many_workers_ask(lab: Lab) -> None:
    now = timezone.now()
    started: list[int] = []

    counts = [observe_host(lab.host, now, start=lambda work, pk: started.append(pk)) for _ in range(2)]

    assert counts == [2, 0]
    assert len(set(started)) == 2


def test_watching_writes_at_most_every_five_seconds(lab: Lab, django_assert_num_queries: Any) -> None:
    now = timezone.now()
    note_watching(lab, now)

    with django_assert_num_queries(1):
        note_watching(lab, now + timedelta(seconds=2))

    assert Cluster.objects.get(lab=lab).watched_at == now


def test_look_that_a_clock_set_back_put_far_off_is_due(lab: Lab) -> None:
    cluster, now = cluster_of(lab), timezone.now()
    hours, minutes = now + timedelta(hours=3), now + timedelta(minutes=4)
    for machine, due in (("", hours), ("controlplane", minutes), ("winw1", hours)):
        Sighting.objects.create(cluster=cluster, machine=machine, next_look_at=due)

    assert observe_host(lab.host, now, start=lambda work, pk: None) == 1


def test_page_that_was_open_before_the_clock_was_set_back_is_not_watched(lab: Lab) -> None:
    cluster, now = cluster_of(lab), timezone.now()
    Cluster.objects.filter(pk=cluster.pk).update(watched_at=now + timedelta(hours=1))
    cluster.refresh_from_db()

    assert not is_watched(cluster, now)
    note_watching(cluster, now)
    assert is_watched(Cluster.objects.get(pk=cluster.pk), now)
