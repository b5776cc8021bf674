"""A cluster's pages: who sees them, what they cost, what they say, and repairs asked for through them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from tests.factories import MachineFactory, RunFactory
from webapp.accounts.models import AuditEntry, User
from webapp.cluster.actions import cluster_of
from webapp.cluster.models import Change, Cluster, Fix, Sighting
from webapp.executions.models import Status
from webapp.labs.models import Lab

SignIn = Callable[[User], Client]
PAGES = ["ladder", "ladder-grid", "services", "service-tables", "network", "network-facts"]
# Session, person; lab, machines, members; cluster, touched; sightings, changes, usual times, history, fixes.
QUERIES = {
    "ladder": 12,
    "ladder-grid": 12,
    "services": 11,
    "service-tables": 11,
    "network": 10,
    "network-facts": 10,
}


def address(lab: Lab, name: str, query: str = "") -> str:
    return reverse(f"cluster-{name}", args=[lab.slug]) + query


def stand(lab: Lab, key: str = "cni", state: str = "failed", minutes: int = 4) -> Cluster:
    """Let winw1 stand at a rung since some minutes."""
    cluster = cluster_of(lab)
    at = timezone.now() - timedelta(minutes=minutes)
    Change.objects.create(cluster=cluster, machine="winw1", kind="rung", key=key, state=state, at=at)
    return cluster


@pytest.mark.parametrize("name", [*PAGES])
def test_a_viewer_sees(name: str, lab: Lab, stranger: User, sign_in: SignIn) -> None:
    assert sign_in(stranger).get(address(lab, name)).status_code == 200


@pytest.mark.parametrize("name", [*PAGES, "fix"])
def test_anonymous_is_sent_to_sign_in_from(name: str, lab: Lab, client: Client) -> None:
    answer = client.get(address(lab, name))

    assert answer["Location"].startswith(reverse("sign-in"))


@pytest.mark.parametrize("name", PAGES)
def test_is_only_read(name: str, lab: Lab, owner: User, sign_in: SignIn) -> None:
    assert sign_in(owner).post(address(lab, name)).status_code == 405


@pytest.mark.parametrize("name", PAGES)
def test_of_a_lab_that_is_not_there(name: str, lab: Lab, owner: User, sign_in: SignIn) -> None:
    assert sign_in(owner).get(reverse(f"cluster-{name}", args=["no-such-lab"])).status_code == 404


@pytest.mark.parametrize("more", [0, 5])
@pytest.mark.parametrize("name", QUERIES)
def test_costs_the_same_queries_however_many_machines(
    name: str, more: int, lab: Lab, owner: User, sign_in: SignIn, django_assert_num_queries: Any
) -> None:
    for number in range(more):
        MachineFactory(lab=lab, name=f"more{number}")
    client = sign_in(owner)
    client.get(address(lab, name))  # the first one notes that somebody watches

    with django_assert_num_queries(QUERIES[name]):
        client.get(address(lab, name))


def test_opening_the_page_makes_the_watching_fast(lab: Lab, owner: User, sign_in: SignIn) -> None:
    sign_in(owner).get(address(lab, "ladder-grid"))

    watched_at = Cluster.objects.get(lab=lab).watched_at
    assert watched_at is not None
    assert timezone.now() - watched_at < timedelta(seconds=20)


def test_a_destroyed_lab_is_not_watched_and_says_so(lab: Lab, owner: User, sign_in: SignIn) -> None:
    Lab.objects.update(destroyed_at=timezone.now())

    page = sign_in(owner).get(address(lab, "ladder")).content.decode()

    assert "has been destroyed" in page
    assert not Cluster.objects.exists()


def test_labs_page_says_where_a_lab_is_stuck(lab: Lab, owner: User, sign_in: SignIn) -> None:
    stand(lab)

    page = sign_in(owner).get(reverse("labs")).content.decode()

    assert "winw1 stuck at CNI for 4 min" in page
    assert address(lab, "ladder") in page


def test_labs_page_calls_no_lab_stuck_that_a_run_is_at_work_on(
    lab: Lab, owner: User, sign_in: SignIn
) -> None:
    stand(lab)
    RunFactory(lab=lab, status=Status.RUNNING)

    page = sign_in(owner).get(reverse("labs")).content.decode()

    assert "stuck at" not in page


def test_unknown_is_shown_as_unknown(lab: Lab, owner: User, sign_in: SignIn) -> None:
    page = strip_tags(sign_in(owner).get(address(lab, "ladder")).content.decode())

    assert "winw1, Operating system is ready: unknown" in page
    assert "the API was never seen" in page
    assert "winw1, CNI: failed" not in page


def test_why_the_api_is_silent_is_said(lab: Lab, owner: User, sign_in: SignIn) -> None:
    now = timezone.now()
    Sighting.objects.create(
        cluster=cluster_of(lab), problem="The API refused.", failures=3, tried_at=now, next_look_at=now
    )

    page = sign_in(owner).get(address(lab, "ladder-grid")).content.decode()

    assert "The API does not answer: The API refused." in page
    assert "Nothing of this cluster answered" in page


# -- repairs ----------------------------------------------------------------------
CLOCK = {"kind": "resync-clock", "machine": "winw1"}


def test_repair_is_asked_before_it_is_done(lab: Lab, owner: User, sign_in: SignIn) -> None:
    page = sign_in(owner).get(address(lab, "fix", "?kind=resync-clock&machine=winw1")).content.decode()

    assert "Set the clock of winw1 by its time server?" in page
    assert not Fix.objects.exists()


def test_repair_is_begun_once_and_audited(lab: Lab, guest: User, sign_in: SignIn) -> None:
    client = sign_in(guest)

    for _ in range(2):
        assert client.post(address(lab, "fix"), CLOCK)["Location"] == address(lab, "ladder")

    fix = Fix.objects.get()
    assert (fix.kind, fix.machine, fix.status, fix.requested_by) == (
        "resync-clock",
        "winw1",
        "pending",
        guest,
    )
    assert AuditEntry.objects.get(action="asked resync-clock").actor == guest


@pytest.mark.parametrize("given", [CLOCK, {**CLOCK, "machine": "nobody"}])
def test_viewer_may_not_repair(given: dict[str, str], lab: Lab, stranger: User, sign_in: SignIn) -> None:
    answer = sign_in(stranger).post(address(lab, "fix"), given)

    assert answer.status_code == 403
    assert not Fix.objects.exists()


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"kind": "format"}, 404),
        ({"kind": "rejoin", "machine": "controlplane"}, 302),
        ({"kind": "stop-service", "machine": "winw1", "argument": "winrm; rm -rf /"}, 302),
        ({"kind": "approve-request", "machine": "winw1", "argument": "$(reboot)"}, 302),
    ],
)
def test_repair_that_makes_no_sense_is_refused(
    given: dict[str, str], status: int, lab: Lab, owner: User, sign_in: SignIn
) -> None:
    assert sign_in(owner).post(address(lab, "fix"), given).status_code == status
    assert not Fix.objects.exists()


def test_repairs_are_listed_with_what_came_of_them(lab: Lab, owner: User, sign_in: SignIn) -> None:
    Fix.objects.create(
        cluster=cluster_of(lab), kind="resync-clock", machine="winw1", requested_by=owner,
        status=Status.SUCCEEDED, sentence="The clock was set.", output="<b>done</b>",
    )  # fmt: skip

    page = sign_in(owner).get(address(lab, "ladder-grid")).content.decode()

    assert "The clock was set." in page
    assert "&lt;b&gt;done" in page
