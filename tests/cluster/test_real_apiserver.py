"""Attached clusters against a true kube-apiserver with RBAC, its etcd and its controllers.

Collected only where the environment names the binaries (docs/tested.md):
KUBE_APISERVER=…/kube-apiserver ETCD=…/etcd pytest tests/cluster/test_real_apiserver.py
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.real_kube import RealKube, binaries
from tests.stack import wait_until
from webapp.accounts.models import User
from webapp.cluster import api_request
from webapp.cluster.actions import AttachError, attach_cluster, request_fix
from webapp.cluster.attached import Listing, client_of, list_all
from webapp.cluster.errands import ErrandError, carry_out_errand
from webapp.cluster.fixes import carry_out
from webapp.cluster.models import Cluster, Errand, Sighting
from webapp.cluster.observe import look_at
from webapp.cluster.queries import attached_page
from webapp.cluster.reach import ReachError, reach_of
from webapp.cluster.watching import WatchEnd, watch
from webapp.cluster.workload_run import do_apply, do_remove
from webapp.cluster.workloads import apply_own, apply_recipe, namespace_of
from webapp.kube.refusals import Right

DOERS = {"apply": do_apply, "remove": do_remove}
OWN = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}, data: {a: b}}"
BROKEN = """
{apiVersion: v1, kind: ConfigMap, metadata: {name: whole}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: broken}, spec: {}}
"""
CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


def node_info(kube: RealKube, system: str) -> dict[str, str]:
    version = kube.get("/version")["gitVersion"]
    return {"operatingSystem": system, "kernelVersion": "10.0.20348.1006", "kubeletVersion": version}


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKube]:
    named = binaries()
    assert named is not None
    made = RealKube(tmp_path_factory.mktemp("kube"), *named)
    try:
        made.start()
        made.add_bootstrap_token()
        made.add_node(
            "winw1", "windows", node_info(made, "windows"), is_ready=False, why="cni plugin not initialized"
        )
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def people(kube: RealKube) -> dict[str, str]:
    return kube.kubeconfigs()


@pytest.fixture
def cluster(people: dict[str, str], owner: User) -> Cluster:
    return attach_cluster("true", people["admin"], owner)


def look(cluster: Cluster) -> Sighting:
    row = Sighting.objects.select_related("cluster__lab").get(cluster=cluster, machine="")
    look_at(row)
    return Sighting.objects.get(pk=row.pk)


def rungs(cluster: Cluster, machine: str = "winw1") -> dict[str, str]:
    found = next(one for one in attached_page(cluster).ladders if one.machine == machine)
    return {rung.key: rung.state for rung in found.rungs}


def done(asked: tuple[Errand, bool]) -> Errand:
    carry_out_errand(asked[0].pk, DOERS)
    return Errand.objects.get(pk=asked[0].pk)


@pytest.mark.parametrize("who", ["admin", "reader", "account"])
def test_every_kind_is_listed_for_who_may_read(
    kube: RealKube, people: dict[str, str], owner: User, who: str
) -> None:
    cluster = attach_cluster(who, people[who], owner)

    row = look(cluster)

    facts = attached_page(cluster).kube
    assert (row.problem, facts.missing, facts.problems) == ("", (), ())
    assert ("winw1", "windows", "20348") in [(node.name, node.os, node.build) for node in facts.nodes]
    assert [token.id for token in facts.tokens] == ["abcdef"]


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("nobody", "lab-nobody may not list nodes"),
        ("expired", "certificate.*expired"),
        ("wrong-authority", "another authority"),
    ],
)
def test_who_does_not_get_in_is_told_why(people: dict[str, str], owner: User, who: str, said: str) -> None:
    with pytest.raises(AttachError, match=said):
        attach_cluster(who, people[who], owner)


def test_request_is_approved_and_issued_by_the_controller(
    kube: RealKube, cluster: Cluster, owner: User
) -> None:
    kube.request_certificate("winw1", "csr-one")
    look(cluster)
    assert rungs(cluster)["request"] == "now"

    fix, _ = request_fix(cluster, "approve-request", owner, machine="winw1", argument="csr-one")
    carry_out(fix.pk, lambda fix: "")

    assert fix.refreshed().status == "succeeded", fix.refreshed().sentence
    wait_until(lambda: kube.get(f"{CSRS}/csr-one")["status"].get("certificate"), 60, "it is issued")


def test_join_without_a_node_is_shown_where_it_waits(kube: RealKube, cluster: Cluster) -> None:
    kube.request_certificate("winw9", "csr-nine")

    look(cluster)

    found = next(one for one in attached_page(cluster).ladders if one.machine == "winw9")
    assert (found.role, found.stuck and found.stuck.key) == ("node", "request")


def test_reader_cannot_approve_and_is_told(kube: RealKube, people: dict[str, str], owner: User) -> None:
    cluster = attach_cluster("reader", people["reader"], owner)
    kube.request_certificate("winw1", "csr-two")
    look(cluster)

    fix, _ = request_fix(cluster, "approve-request", owner, machine="winw1", argument="csr-two")
    carry_out(fix.pk, lambda fix: "")

    assert fix.refreshed().status == "failed"
    assert "lab-reader" in fix.refreshed().sentence
    assert "conditions" not in kube.get(f"{CSRS}/csr-two")["status"]


def test_own_yaml_is_applied_and_removed(kube: RealKube, cluster: Cluster, owner: User) -> None:
    applied = done(apply_own(cluster, "mine", OWN % "mine", owner))

    path = f"/api/v1/namespaces/{namespace_of(cluster)}/configmaps/mine"
    assert applied.status == "succeeded", applied.sentence
    assert kube.get(path)["metadata"]["labels"] == {"labkit/workload": "mine"}
    asked = Errand.objects.create(
        cluster=cluster, kind="remove", argument="mine", workload=applied.workload, requested_by=owner
    )
    assert done((asked, True)).status == "succeeded"
    assert kube.answer("GET", path)[0] == 404


def test_reader_applies_nothing_and_is_told(kube: RealKube, people: dict[str, str], owner: User) -> None:
    cluster = attach_cluster("reader", people["reader"], owner)

    errand = done(apply_own(cluster, "theirs", OWN % "theirs", owner))

    assert errand.status == "failed"
    assert "lab-reader" in errand.sentence
    path = f"/api/v1/namespaces/{namespace_of(cluster)}/configmaps/theirs"
    assert kube.answer("GET", path)[0] == 404


def test_ready_workload_is_made_for_the_nodes_build(kube: RealKube, cluster: Cluster, owner: User) -> None:
    look(cluster)

    errand = done(apply_recipe(cluster, "windows", attached_page(cluster).kube, owner))

    assert errand.status == "succeeded", errand.sentence
    path = f"/apis/apps/v1/namespaces/{namespace_of(cluster)}/deployments/windows"
    image = kube.get(path)["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image.endswith("nanoserver:ltsc2022")


def test_nothing_is_applied_when_one_object_is_invalid(kube: RealKube, cluster: Cluster, owner: User) -> None:
    errand = done(apply_own(cluster, "broken", BROKEN, owner))

    assert errand.status == "failed"
    assert "Nothing was applied: 1 of 3 objects would be refused. deployment/broken: 422" in errand.sentence
    assert "spec.selector: Required value" in errand.sentence
    path = f"/api/v1/namespaces/{namespace_of(cluster)}/configmaps/whole"
    assert kube.answer("GET", path)[0] == 404


def test_dry_round_changes_nothing_in_a_new_namespace(kube: RealKube, cluster: Cluster, owner: User) -> None:
    fresh = Cluster.objects.create(
        pk=cluster.pk + 1000, name="fresh", owner=owner, server=cluster.server, kubeconfig=cluster.kubeconfig
    )

    done(apply_own(fresh, "broken", BROKEN, owner))

    assert kube.answer("GET", f"/api/v1/namespaces/{namespace_of(fresh)}")[0] == 404


def test_each_refusal_names_who_lacks_what(people: dict[str, str], owner: User) -> None:
    reach = reach_of(attach_cluster("reader", people["reader"], owner))

    with pytest.raises(ReachError, match="lab-reader may not get pods/log in the namespace default"):
        reach.raw("/api/v1/namespaces/default/pods/web/log", {})
    with pytest.raises(ReachError, match=r"lab-reader may not (get|create) pods/exec in the namespace"):
        reach.run_in_pods([("default", "web", ["true"])])
    assert reach.lacking([Right("list", "pods"), Right("delete", "deployments", "apps", "default")]) == [
        "This kubeconfig's user may not delete deployments.apps in the namespace default: "
        'ask for the verb "delete" on deployments.apps there.'
    ]


def watched(cluster: Cluster, listing: Listing, seconds: float) -> WatchEnd:
    with client_of(cluster) as api:
        return watch(api, listing, seconds, lambda: True)


@pytest.mark.parametrize("who", ["admin", "reader", "account"])
def test_node_that_changes_is_news_to_who_watches(
    kube: RealKube, people: dict[str, str], owner: User, who: str
) -> None:
    cluster = attach_cluster(who, people[who], owner)
    listing = list_all(cluster)
    kube.change_node("winw1", {"nodeInfo": {**node_info(kube, "windows"), "osImage": f"Windows of {who}"}})

    assert watched(cluster, listing, 60) == WatchEnd(has_news=True)


def test_heartbeat_of_a_true_node_is_no_news(kube: RealKube, cluster: Cluster) -> None:
    kube.renew_lease("winw1")
    conditions = kube.get("/api/v1/nodes/winw1")["status"]["conditions"]
    ready = next(one for one in conditions if one["type"] == "Ready")
    listing = list_all(cluster)
    kube.change_node("winw1", {"conditions": [{**ready, "lastHeartbeatTime": "2026-11-22T15:00:00Z"}]})

    assert watched(cluster, listing, 2.5) == WatchEnd()


def test_pod_that_comes_is_news(kube: RealKube, cluster: Cluster) -> None:
    kube.make("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    listing = list_all(cluster)
    container = {"name": "pause", "image": "pause"}
    pod = {"metadata": {"name": "watched"}, "spec": {"containers": [container]}}
    kube.make("/api/v1/namespaces/default/pods", pod)

    assert watched(cluster, listing, 60).has_news


def test_kinds_that_may_only_be_listed_are_polled_and_named(
    people: dict[str, str], owner: User, kube: RealKube
) -> None:
    cluster = attach_cluster("lister", people["lister"], owner)

    end = watched(cluster, list_all(cluster), 60)

    assert not end.has_news
    assert sorted(end.refused) == ["nodes", "pods", "requests"]
    assert 'lab-lister may not watch nodes: ask for the verb "watch" on nodes' in end.refused["nodes"]


def test_version_that_a_true_api_has_forgotten_means_listing_anew(kube: RealKube, cluster: Cluster) -> None:
    kube.stop_part("kube-apiserver")
    kube.start_api()  # its cache of changes begins now
    listing = list_all(cluster)

    assert watched(cluster, replace(listing, versions={"nodes": "1"}), 60).has_news


def test_api_that_is_stopped_and_comes_back_is_told(kube: RealKube, cluster: Cluster) -> None:
    look(cluster)
    kube.stop_part("kube-apiserver")
    try:
        assert "refused the connection" in look(cluster).problem
    finally:
        kube.start_api()

    row = look(cluster)

    assert (row.problem, row.failures) == ("", 0)


def test_api_that_hangs_is_told(kube: RealKube, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_request, "READ_S", 0.5)
    monkeypatch.setattr(api_request, "CONNECT_S", 0.5)
    process = kube.parts["kube-apiserver"]
    os.kill(process.pid, signal.SIGSTOP)
    try:
        assert "did not answer within" in look(cluster).problem
    finally:
        os.kill(process.pid, signal.SIGCONT)


@contextmanager
def crowd(kube: RealKube) -> Iterator[None]:
    """Let eight others list without end: with one request in flight the rest is told to wait."""
    end = threading.Event()

    def ask() -> None:
        while not end.is_set():
            kube.answer("GET", "/api/v1/events?limit=500")

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    yield
    end.set()
    for thread in threads:
        thread.join()


def test_api_with_too_many_requests_is_told(
    kube: RealKube, people: dict[str, str], cluster: Cluster, owner: User
) -> None:
    reader = attach_cluster("reader", people["reader"], owner)
    kube.stop_part("kube-apiserver")
    kube.start_api("--max-requests-inflight=1", "--feature-gates=APIPriorityAndFairness=false")
    try:
        with crowd(kube):
            said = wait_until(lambda: refusal_in(look(reader)), 60, "a look is refused")
    finally:
        kube.stop_part("kube-apiserver")
        kube.start_api()
    assert "429" in said


def refusal_in(row: Sighting) -> str:
    return row.problem or " ".join(row.facts.get("problems", ()))


@pytest.mark.parametrize(("key", "minor"), [("whoami", 0), ("hostprocess", 23), ("pod-os", 24)])
def test_workload_is_applied_or_its_release_is_named(
    kube: RealKube, cluster: Cluster, owner: User, key: str, minor: int
) -> None:
    kube.add_node("linuxw1", "linux", node_info(kube, "linux"), is_ready=True)
    look(cluster)
    facts = attached_page(cluster).kube

    if int(kube.get("/version")["minor"].rstrip("+")) < minor:
        with pytest.raises(ErrandError, match=f"it needs Kubernetes 1.{minor}"):
            apply_recipe(cluster, key, facts, owner)
    else:
        errand = done(apply_recipe(cluster, key, facts, owner))
        assert errand.status == "succeeded", errand.sentence
