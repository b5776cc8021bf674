"""Attached clusters: the list, attaching and detaching, who acts with whose kubeconfig."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.cluster.api_server import TOKEN, Api, filled_api_server
from tests.factories import UserFactory
from webapp.accounts.models import AuditEntry, User
from webapp.cluster.actions import attach_cluster
from webapp.cluster.attached_look import take_turn
from webapp.cluster.models import Cluster, Fix, NamedMachine, Sighting
from webapp.cluster.observe import look_at

SignIn = Callable[[User], Client]
PAGES = ["ladder", "ladder-grid", "services", "service-tables", "network", "network-facts"]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with filled_api_server(tmp_path) as api:
        yield api


@pytest.fixture
def cluster(api: Api, owner: User) -> Cluster:
    """A cluster that `owner` attached, looked at once."""
    cluster = attach_cluster("of a colleague", api.kubeconfig, owner)
    look_at(Sighting.objects.select_related("cluster__lab").get(cluster=cluster, machine=""))
    return cluster


@pytest.mark.parametrize("name", PAGES)
def test_a_viewer_sees(name: str, cluster: Cluster, stranger: User, sign_in: SignIn) -> None:
    answer = sign_in(stranger).get(reverse(f"attached-{name}", args=[cluster.pk]))

    assert answer.status_code == 200
    assert TOKEN not in answer.content.decode()


@pytest.mark.parametrize("name", [*PAGES, "fix"])
def test_anonymous_is_sent_to_sign_in_from(name: str, cluster: Cluster, client: Client) -> None:
    answer = client.get(reverse(f"attached-{name}", args=[cluster.pk]))

    assert answer["Location"].startswith(reverse("sign-in"))


def test_a_labs_cluster_is_no_attached_one(lab: Any, owner: User, sign_in: SignIn) -> None:
    own = Cluster.objects.create(lab=lab)

    assert sign_in(owner).get(reverse("attached-ladder", args=[own.pk])).status_code == 404


def test_list_says_how_each_stands(cluster: Cluster, stranger: User, sign_in: SignIn) -> None:
    page = sign_in(stranger).get(reverse("attached-clusters")).content.decode()

    assert "of a colleague" in page
    assert "of 1 ready" in page


@pytest.mark.parametrize("count", [1, 6])
def test_list_costs_the_same_queries_for_any_number(
    count: int, owner: User, sign_in: SignIn, django_assert_num_queries: Any
) -> None:
    for number in range(count):
        made = Cluster.objects.create(name=f"c{number}", owner=owner)
        Sighting.objects.create(cluster=made, next_look_at=timezone.now())
    client = sign_in(owner)

    with django_assert_num_queries(5):
        client.get(reverse("attached-clusters"))


@pytest.mark.parametrize("is_file", [True, False])
def test_attaching_by_file_or_text(is_file: bool, api: Api, member: User, sign_in: SignIn) -> None:
    given = SimpleUploadedFile("config", api.kubeconfig.encode()) if is_file else api.kubeconfig

    answer = sign_in(member).post(
        reverse("attach-cluster"), {"name": "mine", "file" if is_file else "text": given}
    )

    cluster = Cluster.objects.get(owner=member)
    assert answer["Location"] == reverse("attached-ladder", args=[cluster.pk])
    assert AuditEntry.objects.get(action="attached cluster").actor == member


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "", "text": "a"}, "required"),
        ({"name": "a"}, "Choose a kubeconfig file"),
        ({"name": "a", "text": "a: [b"}, "banner-failed"),
        ({"name": "a", "text": "x" * 300_000}, "at most"),
    ],
    ids=["no name", "nothing", "no YAML", "too long"],
)
def test_attaching_says_what_is_wrong(
    given: dict[str, str], words: str, member: User, sign_in: SignIn
) -> None:
    answer = sign_in(member).post(reverse("attach-cluster"), given)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Cluster.objects.exists()


def test_attaching_is_for_members(stranger: User, sign_in: SignIn) -> None:
    client = sign_in(stranger)

    assert client.get(reverse("attach-cluster")).status_code == 403
    assert client.post(reverse("attach-cluster"), {"name": "a", "text": "b"}).status_code == 403


@pytest.mark.parametrize("person", ["member", "stranger"])
def test_nobody_acts_with_the_kubeconfig_of_another(
    person: str, cluster: Cluster, sign_in: SignIn, request: pytest.FixtureRequest
) -> None:
    client = sign_in(request.getfixturevalue(person))
    fix = {"kind": "approve-request", "machine": "winw1", "argument": "csr-winw1"}

    assert client.post(reverse("attached-fix", args=[cluster.pk]), fix).status_code == 403
    assert client.get(reverse("detach-cluster", args=[cluster.pk])).status_code == 403
    answer = client.post(reverse("detach-cluster", args=[cluster.pk]), {"confirm": cluster.name})
    assert answer.status_code == 403
    assert Cluster.objects.filter(pk=cluster.pk).exists()
    assert not Fix.objects.exists()


def test_its_owner_approves_a_request(cluster: Cluster, owner: User, sign_in: SignIn) -> None:
    fix = {"kind": "approve-request", "machine": "winw1", "argument": "csr-winw1"}

    sign_in(owner).post(reverse("attached-fix", args=[cluster.pk]), fix)

    assert Fix.objects.get().argument == "csr-winw1"


@pytest.mark.parametrize(("typed", "status"), [("of a colleague", 302), ("of a", 422), ("", 422)])
def test_detaching_wants_the_name(
    typed: str, status: int, cluster: Cluster, owner: User, sign_in: SignIn
) -> None:
    answer = sign_in(owner).post(reverse("detach-cluster", args=[cluster.pk]), {"confirm": typed})

    assert answer.status_code == status
    assert Cluster.objects.exists() is (status == 422)


def test_administrator_detaches_what_somebody_left(
    cluster: Cluster, administrator: User, sign_in: SignIn
) -> None:
    sign_in(administrator).post(reverse("detach-cluster", args=[cluster.pk]), {"confirm": cluster.name})

    assert not Cluster.objects.exists()


def test_hostile_names_are_only_text(owner: User, api: Api, sign_in: SignIn) -> None:
    api.objects["nodes"][0]["metadata"]["name"] = '"><script>alert(1)</script>'
    cluster = attach_cluster("<b>bold</b>", api.kubeconfig, UserFactory())
    look_at(Sighting.objects.select_related("cluster__lab").get(cluster=cluster, machine=""))

    page = sign_in(owner).get(reverse("attached-ladder", args=[cluster.pk])).content.decode()

    assert "<script>alert" not in page
    assert "<b>bold" not in page


def seen_anew(cluster: Cluster) -> None:
    look_at(Sighting.objects.select_related("cluster__lab").get(cluster=cluster, machine=""))


def test_repair_of_a_machine_out_of_reach_says_what_to_do(
    cluster: Cluster, api: Api, owner: User, sign_in: SignIn
) -> None:
    api.objects["nodes"][0]["status"]["conditions"][0]["status"] = "Unknown"
    api.objects["certificatesigningrequests"] = []
    (proxy,) = api.objects["pods"]  # all is well but the kubelet's word
    proxy["metadata"]["labels"]["k8s-app"] = "kube-proxy-windows"
    proxy["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    seen_anew(cluster)

    url = reverse("attached-ladder", args=[cluster.pk])
    page = sign_in(owner).get(f"{url}?machine=winw1&rung=ready").content.decode()

    assert "name the machine under Machines" in page
    assert 'id="fix-offer"' not in page


def test_services_of_a_named_machine_may_be_controlled(
    cluster: Cluster, owner: User, stranger: User, sign_in: SignIn
) -> None:
    NamedMachine.objects.create(
        cluster=cluster, name="winw1", role="windows", way="ssh", address="a", port=22, user="u", secret=b""
    )
    facts = {"services": [{"name": "kubelet", "state": "Running"}]}
    now = timezone.now()
    Sighting.objects.create(cluster=cluster, machine="winw1", facts=facts, seen_at=now, next_look_at=now)
    url = reverse("attached-services", args=[cluster.pk])

    assert 'id="restart-service-winw1-kubelet"' in sign_in(owner).get(url).content.decode()
    assert 'id="restart-service-winw1-kubelet"' not in sign_in(stranger).get(url).content.decode()


@pytest.mark.parametrize(
    ("forbidden", "said"),
    [(("watch", "pods"), "jane may not watch pods"), (("list", "events"), "jane may not list events")],
    ids=["watch", "events"],
)
def test_ladder_says_who_may_not_do_what(
    cluster: Cluster, api: Api, owner: User, sign_in: SignIn, forbidden: tuple[str, str], said: str
) -> None:
    api.forbidden = {forbidden, ("watch", "nodes"), ("watch", "certificatesigningrequests")}
    client, url = sign_in(owner), reverse("attached-ladder", args=[cluster.pk])
    client.get(url)  # somebody has the page open
    api.mood = {"watch *": "429"} if forbidden[0] == "list" else {}
    take_turn(Sighting.objects.get(cluster=cluster, machine="").pk)

    assert said in client.get(url).content.decode()
