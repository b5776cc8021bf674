"""What an attached cluster's API refuses: nothing half done, who may not do what, what to ask for."""

import copy
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from tests.cluster.api_server import Api
from webapp.accounts.models import User
from webapp.cluster import matrix_run
from webapp.cluster.actions import attach_cluster
from webapp.cluster.errands import carry_out_errand, request_errand
from webapp.cluster.models import Cluster, Errand, Sighting, Workload
from webapp.cluster.nodelogs import open_log, read_log, source_from
from webapp.cluster.observe import look_at
from webapp.cluster.reach import PartlyError, ReachError, reach_of
from webapp.cluster.workloads import apply_own, namespace_of, remove_workload
from webapp.tasks import ERRANDS

SignIn = Callable[[User], Client]
TWO = """
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: two}
spec: {}
"""


@pytest.fixture
def cluster(api: Api, owner: User) -> Cluster:
    cluster = attach_cluster("of a colleague", api.kubeconfig, owner)
    look_at(Sighting.objects.select_related("cluster__lab").get(cluster=cluster, machine=""))
    api.asked.clear()
    return cluster


def carried_out(errand: Errand) -> Errand:
    carry_out_errand(errand.pk, ERRANDS)
    return errand.refreshed()


def applied(cluster: Cluster, by: User) -> Errand:
    return carried_out(apply_own(cluster, "mine", TWO, by)[0])


def removed(by: User) -> Errand:
    return carried_out(remove_workload(Workload.objects.select_related("cluster__lab").get(), by)[0])


def names(api: Api, *kinds: str) -> list[str]:
    return [item["metadata"]["name"] for kind in kinds for item in api.objects.get(kind, [])]


# -- several objects ------------------------------------------------------------------


def test_objects_are_applied_in_a_new_namespace_and_removed(cluster: Cluster, api: Api, owner: User) -> None:
    assert applied(cluster, owner).status == "succeeded"
    assert names(api, "namespaces", "configmaps", "deployments") == [namespace_of(cluster), "one", "two"]

    assert removed(owner).status == "succeeded"
    assert names(api, "configmaps", "deployments") == []


def test_nothing_is_applied_when_one_object_would_be_refused(cluster: Cluster, api: Api, owner: User) -> None:
    api.forbidden = {("patch", "deployments")}

    errand = applied(cluster, owner)

    assert errand.status == "failed"
    assert "Nothing was applied: 1 of 3 objects would be refused. deployment/two: 403" in errand.sentence
    assert "jane may not patch deployments.apps in the namespace labkit-" in errand.sentence
    assert names(api, "namespaces", "configmaps", "deployments") == []


def test_what_is_invalid_is_found_before_its_namespace_is_made(
    cluster: Cluster, api: Api, owner: User
) -> None:
    api.refuses = {"two-labkit-try": (422, "spec.selector: Required value")}

    errand = applied(cluster, owner)

    assert "Nothing was applied: 1 of 3 objects would be refused. deployment/two: 422" in errand.sentence
    assert names(api, "namespaces", "configmaps", "deployments") == []


def test_right_to_create_is_asked_for_before_the_namespace_is_made(
    cluster: Cluster, api: Api, owner: User
) -> None:
    api.forbidden = {("create", "deployments")}

    errand = applied(cluster, owner)

    assert "may not create deployments.apps in the namespace labkit-" in errand.sentence
    assert names(api, "namespaces", "configmaps", "deployments") == []


def test_what_only_the_namespace_default_refuses_stops_nothing(
    cluster: Cluster, api: Api, owner: User
) -> None:
    api.refuses = {"two-labkit-try": (403, "violates PodSecurity")}

    assert applied(cluster, owner).status == "succeeded"


@pytest.mark.parametrize(
    ("status", "words"), [(422, "spec.selector: Required value"), (403, "exceeded quota")]
)
def test_refusal_half_way_is_told_object_by_object(
    cluster: Cluster, api: Api, owner: User, status: int, words: str
) -> None:
    api.refuses, api.refuses_only_real = {"one": (status, words)}, {"one"}

    errand = applied(cluster, owner)

    assert errand.status == "failed"
    assert "Only 2 of 3 objects were applied. configmap/one: " in errand.sentence
    states = {one["object"].partition("/")[2]: one["state"] for one in errand.result["objects"]}
    assert (states["one"], states["two"]) == ("refused", "done")
    assert names(api, "deployments") == ["two"]


def test_webhook_that_takes_no_dry_run_stops_nothing(cluster: Cluster, api: Api, owner: User) -> None:
    api.refuses = {"one": (400, 'admission webhook "x" does not support dry run')}
    api.refuses_only_dry = {"one"}

    assert applied(cluster, owner).status == "succeeded"


def test_workload_that_was_refused_is_taken_off_the_list(cluster: Cluster, api: Api, owner: User) -> None:
    api.forbidden = {("patch", "deployments"), ("delete", "deployments")}
    applied(cluster, owner)

    errand = removed(owner)

    assert (errand.status, errand.sentence) == ("succeeded", "mine: nothing of it was there.")
    assert not Workload.objects.filter(removed_at=None).exists()


def test_nothing_is_removed_when_one_object_would_be_refused(cluster: Cluster, api: Api, owner: User) -> None:
    applied(cluster, owner)
    api.forbidden = {("delete", "configmaps")}

    errand = removed(owner)

    assert "Nothing was removed: 1 of 2 objects would be refused" in errand.sentence
    assert 'verb "delete" on configmaps' in errand.sentence
    assert names(api, "configmaps", "deployments") == ["one", "two"]
    assert Workload.objects.filter(removed_at=None).exists()


def test_workload_page_tells_of_each_object(cluster: Cluster, api: Api, owner: User, sign_in: SignIn) -> None:
    api.forbidden = {("patch", "deployments")}
    applied(cluster, owner)

    page = sign_in(owner).get(reverse("attached-workloads", args=[cluster.pk])).content.decode()

    assert "deployment/two" in page
    assert "jane may not patch deployments.apps" in page


def test_busy_api_is_asked_again_when_it_says(cluster: Cluster, api: Api, owner: User) -> None:
    api.retry_after, api.mood = 1, {"configmaps": "429 once"}

    assert applied(cluster, owner).status == "succeeded"


def test_kind_that_the_release_does_not_know_is_named(cluster: Cluster, api: Api) -> None:
    api.refuses = {"a": (404, "the server could not find the requested resource")}
    document = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"}}

    with pytest.raises(PartlyError, match="does not know autoscaling/v2 HorizontalPodAutoscaler"):
        reach_of(cluster).apply([document])


# -- logs, exec, requests -------------------------------------------------------------


def read(cluster: Cluster, by: User, **given: str) -> tuple[str, str]:
    source = source_from({"kind": "pod", "namespace": "d", "pod": "web", **given})
    row, _ = open_log(cluster, source, by, follows=False)
    read_log(row.pk)
    return row.refreshed().status, row.sentence


def test_logs_of_a_pod_are_read_current_and_previous(cluster: Cluster, api: Api, owner: User) -> None:
    api.logs = {("web", False): "2026-11-22T14:25:00Z now", ("web", True): "2026-11-22T14:20:00Z before"}

    assert [read(cluster, owner)[0], read(cluster, owner, previous="1")[0]] == ["succeeded"] * 2


@pytest.mark.parametrize("previous", ["", "1"], ids=["current", "previous"])
def test_log_that_may_not_be_read_says_what_to_ask_for(
    cluster: Cluster, api: Api, owner: User, previous: str
) -> None:
    api.forbidden = {("get", "pods/log")}

    status, sentence = read(cluster, owner, previous=previous)

    assert status == "failed"
    assert "jane may not get pods/log in the namespace d:" in sentence


def test_previous_log_that_is_not_there_is_told(cluster: Cluster, owner: User) -> None:
    assert "previous terminated container" in read(cluster, owner, previous="1")[1]


def test_refused_node_log_query_is_told_beside_the_missing_shell(
    cluster: Cluster, api: Api, owner: User
) -> None:
    api.forbidden = {("get", "nodes/proxy")}

    status, sentence = read(cluster, owner, kind="service", machine="winw1", unit="kubelet")

    assert status == "failed"
    assert "jane may not get nodes/proxy" in sentence
    assert "No way to winw1 is known" in sentence


LISTING = '<pre>\n<a href="containers/">containers/</a>\n</pre>\n'


@pytest.mark.parametrize("head", ["", '<!doctype html>\n<meta name="viewport">\n'], ids=["1.20", "newer Go"])
def test_kubelet_without_node_log_query_lists_files_and_is_not_taken_for_a_log(
    cluster: Cluster, api: Api, owner: User, head: str
) -> None:
    api.logs = {("winw1", False): head + LISTING}

    status, sentence = read(cluster, owner, kind="query", machine="winw1", unit="kubelet")

    assert (status, "lists its log folder instead" in sentence) == ("failed", True)


def test_command_runs_in_a_pod(cluster: Cluster, api: Api) -> None:
    api.said_in_pods = "tcp ok"

    done = reach_of(cluster).run_in_pods([("d", "web", ["true"])])

    assert done.output.splitlines() == ["labkit-hop 0", "tcp ok", "labkit-ok", "labkit-hop 1"]


ENDINGS = {
    "exit code": ({"status": "Failure", "message": "terminated with exit code 1"}, "exit code 1"),
    "cut": ({}, "ended before the command did"),
}


@pytest.mark.parametrize(("ending", "said"), ENDINGS.values(), ids=ENDINGS)
def test_command_that_does_not_end_well_says_how(
    cluster: Cluster, api: Api, ending: dict[str, str], said: str
) -> None:
    api.ending_of_exec = ending

    output = reach_of(cluster).run_in_pods([("d", "web", ["false"])]).output

    assert said in output
    assert "labkit-ok" not in output


def test_command_that_may_not_run_says_what_to_ask_for(cluster: Cluster, api: Api) -> None:
    api.forbidden = {("get", "pods/exec")}

    with pytest.raises(ReachError, match="jane may not get pods/exec in the namespace d"):
        reach_of(cluster).run_in_pods([("d", "web", ["true"])])


def matrix(cluster: Cluster, by: User) -> Errand:
    return carried_out(request_errand(cluster, Errand.Kind.MATRIX, by)[0])


@pytest.mark.parametrize("right", [("get", "pods/exec"), ("delete", "deployments"), ("list", "pods")])
def test_matrix_begins_nothing_that_it_may_not_end(
    cluster: Cluster, api: Api, owner: User, right: tuple[str, str]
) -> None:
    api.forbidden = {right}

    errand = matrix(cluster, owner)

    assert errand.status == "failed"
    assert f"Nothing was begun. This kubeconfig's user may not {right[0]} {right[1]}" in errand.sentence
    assert names(api, "namespaces", "deployments", "services") == []


def test_matrix_takes_its_probes_away_when_the_api_refuses_half_way(
    cluster: Cluster, api: Api, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_run, "WAIT_S", 0.0)
    pod = copy.deepcopy(api.objects["pods"][0])
    api.refuses, api.refuses_only_real = {"whoami-windows": (403, "exceeded quota")}, {"whoami-windows"}

    errand = matrix(cluster, owner)

    assert "exceeded quota" in errand.sentence
    assert names(api, "deployments", "services") == []
    assert api.objects["pods"] == [pod]
