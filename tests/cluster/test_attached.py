"""An attached cluster against a real HTTPS server that answers well, badly, or not at all."""

from pathlib import Path

import pytest
from django.utils import timezone

from tests.cluster.api_server import TOKEN, Api, api_server, kubeconfig
from tests.kube import shapes
from webapp.accounts.models import AuditEntry, User
from webapp.cluster import api_request
from webapp.cluster.actions import AttachError, attach_cluster, detach_cluster, request_fix
from webapp.cluster.attached_list import attached_list
from webapp.cluster.bundle_text import headline
from webapp.cluster.fixes import carry_out
from webapp.cluster.models import Cluster, Sighting
from webapp.cluster.observe import look_at, observe_attached
from webapp.cluster.queries import attached_page
from webapp.cluster.secrets import CannotDecrypt, decrypt, encrypt
from webapp.kube.kubeconfig import KubeconfigError, check_kubeconfig


@pytest.fixture
def cluster(api: Api, owner: User) -> Cluster:
    return attach_cluster("of a colleague", api.kubeconfig, owner)


def look(cluster: Cluster) -> Sighting:
    row = Sighting.objects.select_related("cluster__lab").get(cluster=cluster, machine="")
    look_at(row)
    return Sighting.objects.get(pk=row.pk)


def test_attached_cluster_shows_its_nodes_ladders(cluster: Cluster) -> None:
    assert observe_attached(timezone.now(), start=lambda work, pk: None) == 1
    look(cluster)

    page = attached_page(cluster)

    (found,) = page.ladders
    states = {rung.key: rung.state for rung in found.rungs}
    assert (found.machine, found.role) == ("winw1", "windows")
    assert (states["machine"], states["node"], states["request"]) == ("not-applicable", "done", "now")
    assert page.problem == ""


def test_kubeconfig_is_stored_encrypted_and_audited(cluster: Cluster, owner: User) -> None:
    stored = bytes(Cluster.objects.get(pk=cluster.pk).kubeconfig)

    assert TOKEN.encode() not in stored
    assert AuditEntry.objects.get(action="attached cluster").actor == owner
    detach_cluster(cluster, owner)
    assert not Cluster.objects.exists()


@pytest.mark.parametrize("mood", ["403", "429", "503", "cut"])
def test_kind_that_is_refused_stays_unknown(cluster: Cluster, api: Api, mood: str) -> None:
    api.mood = {"events": mood}

    look(cluster)

    kube = attached_page(cluster).kube
    assert [node.name for node in kube.nodes] == ["winw1"]
    assert "events" in kube.missing


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        ("403", "jane may not list nodes"),
        ("429", "too many"),
        ("503", "etcd is down"),
        ("slow", "answer"),
        ("cut", "cut"),
    ],
)
def test_page_says_what_an_api_that_answers_nothing_did(
    cluster: Cluster, api: Api, mood: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_request, "READ_S", 0.4)
    look(cluster)
    api.mood = {"*": mood}

    row = look(cluster)

    assert said in row.problem
    assert attached_page(cluster).problem == row.problem
    assert (row.failures, row.facts != {}) == (1, True)


@pytest.mark.parametrize(
    ("bound", "value", "said"),
    [("ANSWER_BYTES", 5_000, "larger than"), ("ANSWER_S", 0.1, "did not end its answer")],
)
def test_answer_without_an_end_is_given_up(
    cluster: Cluster, api: Api, monkeypatch: pytest.MonkeyPatch, bound: str, value: float, said: str
) -> None:
    monkeypatch.setattr(api_request, bound, value)
    api.mood = {"*": "endless"}

    assert said in look(cluster).problem


def test_certificate_that_has_expired_is_told(tmp_path: Path, owner: User) -> None:
    with api_server(tmp_path, days=-1) as api, pytest.raises(AttachError, match="has expired"):
        attach_cluster("old", api.kubeconfig, owner)

    assert not Cluster.objects.exists()


def test_server_that_is_gone_is_told(tmp_path: Path, owner: User) -> None:
    with api_server(tmp_path) as api:
        gone = api.kubeconfig

    with pytest.raises(AttachError, match="refused the connection"):
        attach_cluster("gone", gone, owner)


def test_request_is_approved_through_the_api(cluster: Cluster, api: Api, owner: User) -> None:
    fix, _ = request_fix(cluster, "approve-request", owner, machine="winw1", argument="csr-a")

    carry_out(fix.pk, lambda fix: "")

    assert fix.refreshed().status == "succeeded", fix.refreshed().sentence
    (request,) = api.objects["certificatesigningrequests"]
    assert request["status"]["conditions"][0]["type"] == "Approved"


def test_join_that_waits_for_its_certificate_is_shown_before_there_is_a_node(
    cluster: Cluster, api: Api
) -> None:
    api.objects["nodes"] = []

    look(cluster)

    (found,) = attached_page(cluster).ladders
    assert (found.machine, found.role) == ("winw1", "node")
    offered = found.rung("request").fix
    assert offered is not None and (offered.kind, offered.argument) == ("approve-request", "csr-a")


def test_name_that_no_node_can_have_is_not_shown(cluster: Cluster, api: Api) -> None:
    api.objects["nodes"] = []
    api.objects["certificatesigningrequests"][0]["spec"]["request"] = shapes.request_of("No/Node")

    look(cluster)

    assert attached_page(cluster).ladders == ()


def test_cluster_without_a_node_is_not_called_ready(cluster: Cluster, api: Api) -> None:
    api.objects["nodes"] = []

    look(cluster)

    (row,) = attached_list()
    assert (row.kind, row.word, row.node_count) == ("attention", "has no node", 0)


def test_text_for_a_bug_report_does_not_call_whole_what_nobody_saw(cluster: Cluster, api: Api) -> None:
    api.objects["nodes"] = api.objects["certificatesigningrequests"] = []

    look(cluster)

    assert headline(attached_page(cluster)) == "Windows lab of a colleague: nothing known to be stuck"


ACTING = {
    "exec": {"exec": {"command": "sh"}},
    "auth-provider": {"auth-provider": {"name": "gcp"}},
    "tokenFile": {"tokenFile": "/etc/shadow"},
    "client-key": {"client-key": "/root/.ssh/id_ed25519"},
}


@pytest.mark.parametrize("user", ACTING.values(), ids=ACTING)
def test_kubeconfig_that_runs_or_reads_is_refused(user: dict[str, str]) -> None:
    with pytest.raises(KubeconfigError, match="does not do this"):
        check_kubeconfig(kubeconfig("https://127.0.0.1:6443", b"x", **user))


@pytest.mark.parametrize(
    "given", ["", "{", "a: b", "kind: Config", kubeconfig("http://127.0.0.1", b"x")], ids=range(5)
)
def test_kubeconfig_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(KubeconfigError):
        check_kubeconfig(given)


def test_secret_is_not_read_with_another_key() -> None:
    token = encrypt("secret", "a" * 50)

    assert decrypt(token, "a" * 50) == "secret"
    with pytest.raises(CannotDecrypt):
        decrypt(token, "b" * 50)
