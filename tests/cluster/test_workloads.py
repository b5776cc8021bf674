"""Workloads on a rehearsed lab: the catalogue, somebody's own YAML, what is refused, what is seen of them."""

from dataclasses import replace

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from tests.cluster.conftest import Rehearsed
from webapp.accounts.models import User
from webapp.cluster.actions import cluster_of
from webapp.cluster.errands import ErrandError, cancel_errand, carry_out_errand, reap_errands
from webapp.cluster.models import Errand, Workload
from webapp.cluster.objects import MOST_BYTES, check_own, path_of, with_protocols
from webapp.cluster.queries import cluster_page
from webapp.cluster.workloads import (
    WorkloadView,
    apply_own,
    apply_recipe,
    recipes,
    refusal,
    remove_workload,
    rendered,
    workload_views,
)
from webapp.kube.facts import KubeFacts, NodeFacts
from webapp.tasks import ERRANDS

POD = """
apiVersion: v1
kind: Pod
metadata: {name: mine}
spec:
  nodeSelector: {kubernetes.io/os: linux}
  containers: [{name: a, image: busybox}]
"""


def nodes(*builds: str) -> KubeFacts:
    windows = (NodeFacts(f"w{number}", os="windows", build=build) for number, build in enumerate(builds))
    return KubeFacts(nodes=(NodeFacts("head", os="linux"), *windows))


def seen(rehearsed: Rehearsed) -> dict[str, WorkloadView]:
    rehearsed.look()
    cluster = cluster_of(rehearsed.lab)
    return {view.workload.name: view for view in workload_views(cluster, cluster_page(rehearsed.lab).kube)}


def kube_of(rehearsed: Rehearsed) -> KubeFacts:
    rehearsed.look()
    return cluster_page(rehearsed.lab).kube


def done(errand: Errand) -> str:
    carry_out_errand(errand.pk, ERRANDS)
    return f"{errand.refreshed().status}: {errand.sentence}"


def test_recipe_is_applied_seen_and_removed(launched: Rehearsed, owner: User) -> None:
    cluster = cluster_of(launched.lab)
    errand, is_new = apply_recipe(cluster, "whoami", kube_of(launched), owner)

    assert (is_new, done(errand)) == (True, "succeeded: whoami on both systems: 4 objects applied.")
    view = seen(launched)["whoami"]
    assert sorted(pod.node for pod in view.pods) == ["controlplane", "winw1"]
    assert view.events
    removal, _ = remove_workload(view.workload, owner)
    assert done(removal) == "succeeded: whoami on both systems was removed."
    assert seen(launched) == {}


def test_every_recipe_runs_on_a_rehearsed_lab(launched: Rehearsed, owner: User) -> None:
    kube = kube_of(launched)

    said = [done(apply_recipe(cluster_of(launched.lab), key, kube, owner)[0]) for key in recipes()]

    assert all(words.startswith("succeeded") for words in said), said
    assert {view.state for view in seen(launched).values()} <= {"ready", "working"}


def test_own_yaml_is_applied_within_the_labs_namespace(launched: Rehearsed, owner: User) -> None:
    errand, _ = apply_own(cluster_of(launched.lab), "mine", POD, owner)

    assert done(errand) == "succeeded: mine: 1 object applied."
    (pod,) = seen(launched)["mine"].pods
    assert pod.namespace == f"labkit-{launched.lab.slug}"


def test_second_wish_meets_the_open_one(launched: Rehearsed, owner: User, member: User) -> None:
    cluster = cluster_of(launched.lab)
    first, _ = apply_own(cluster, "mine", POD, owner)

    second, is_new = apply_own(cluster, "mine", POD, member)

    assert (second.pk, is_new) == (first.pk, False)
    assert Workload.objects.count() == 1


OTHER = POD.replace("{name: mine}", "{name: other}")
BROKEN = (
    POD
    + """
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: broken}, spec: {}}
"""
)


def test_other_manifest_waits_for_the_one_that_is_being_applied(launched: Rehearsed, owner: User) -> None:
    cluster = cluster_of(launched.lab)
    apply_own(cluster, "mine", POD, owner)

    with pytest.raises(ErrandError, match="being applied with another manifest"):
        apply_own(cluster, "mine", OTHER, owner)
    with pytest.raises(ErrandError, match="mine is being applied; remove it when that has ended"):
        remove_workload(Workload.objects.get(), owner)
    assert "name: other" not in Workload.objects.get().manifest


def test_manifest_that_would_leave_an_object_behind_is_refused(launched: Rehearsed, owner: User) -> None:
    cluster = cluster_of(launched.lab)
    done(apply_own(cluster, "mine", POD, owner)[0])

    with pytest.raises(ErrandError, match="mine was applied with pod/mine as well: remove it first"):
        apply_own(cluster, "mine", OTHER, owner)
    done(apply_own(cluster, "mine", f"{POD}---{OTHER}", owner)[0])
    remove_workload(Workload.objects.get(), owner)
    with pytest.raises(ErrandError, match="mine is being removed"):
        apply_own(cluster, "mine", POD, owner)


def test_lab_applies_nothing_when_one_object_would_be_refused(launched: Rehearsed, owner: User) -> None:
    cluster = cluster_of(launched.lab)

    said = done(apply_own(cluster, "mine", BROKEN, owner)[0])

    assert said.startswith('failed: Nothing was applied. The Deployment "broken" is invalid: spec.selector')
    assert seen(launched)["mine"].pods == ()
    assert done(apply_own(cluster, "mine", OTHER, owner)[0]).startswith("succeeded")


def test_wish_is_canceled_before_it_begins(launched: Rehearsed, owner: User) -> None:
    errand, _ = apply_own(cluster_of(launched.lab), "mine", POD, owner)

    assert cancel_errand(errand, owner)
    assert not cancel_errand(errand, owner)
    carry_out_errand(errand.pk, ERRANDS)
    assert errand.refreshed().status == "canceled"


def test_lost_wish_is_given_up(launched: Rehearsed, owner: User) -> None:
    errand, _ = apply_own(cluster_of(launched.lab), "mine", POD, owner)
    errand.start("gone:1:a", timezone.now() - timezone.timedelta(hours=1))

    assert reap_errands(timezone.now(), 600) == 1
    assert errand.refreshed().status == "interrupted"


def test_cluster_that_does_not_answer_is_told(launched: Rehearsed, owner: User) -> None:
    errand, _ = apply_own(cluster_of(launched.lab), "mine", POD, owner)
    launched.vagrant("halt", "controlplane")

    assert done(errand).startswith("failed: VM must be running")


@pytest.mark.parametrize(
    ("build", "tag"), [("17763", "ltsc2019"), ("20348", "ltsc2022"), ("26100", "ltsc2025")]
)
def test_image_fits_the_nodes_build(build: str, tag: str) -> None:
    (deployment,) = rendered(recipes()["windows"], nodes(build), "n")

    spec = deployment["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"].endswith(f":{tag}")
    assert list(spec["nodeSelector"]) == ["kubernetes.io/os"]


def test_mixed_builds_are_kept_apart() -> None:
    (deployment,) = rendered(recipes()["windows"], nodes("20348", "26100", "26100"), "n")

    spec = deployment["spec"]["template"]["spec"]
    assert spec["nodeSelector"]["node.kubernetes.io/windows-build"] == "10.0.26100"


def test_recipe_is_refused_without_a_node_for_it(launched: Rehearsed, owner: User) -> None:
    assert "no windows node" in refusal(recipes()["iis"], nodes())
    assert "build" in refusal(recipes()["iis"], nodes("9999"))
    with pytest.raises(ErrandError, match="no windows node"):
        apply_recipe(cluster_of(launched.lab), "iis", nodes(), owner)


def test_hostprocess_says_what_it_means() -> None:
    assert any("HostProcess" in warning for warning in recipes()["hostprocess"].warnings)


REFUSED = {
    "nothing": ("", "no object"),
    "no yaml": ("a: [1,\nb: }", "Line 2"),
    "text": ("hello", "no kind"),
    "role": ("kind: ClusterRoleBinding\napiVersion: v1\nmetadata: {name: a}", "not applied from here"),
    "version": (POD.replace("v1", "v2"), "apiVersion"),
    "other namespace": (POD.replace("name: mine", "name: mine, namespace: kube-system"), "namespace"),
    "no name": (POD.replace("name: mine", "labels: {}"), "metadata.name"),
    "alias": ("a: &a [1]\nb: *a", "aliases"),
    "large": ("#" * (MOST_BYTES + 1), "larger"),
    "python": ("!!python/object/apply:os.system [id]", "Line 1"),
    "deep": ("kind: Pod\napiVersion: v1\nmetadata: {name: a}\nspec: " + "[" * 60 + "]" * 60, "deeply"),
    "many": ("---\n".join([POD] * 61), "at most 60"),
}


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_own_yaml_is_refused_when(text: str, said: str) -> None:
    (problem, *_) = check_own(text, "labkit-a").problems

    assert said in problem


def test_what_reaches_the_node_is_said() -> None:
    risky = POD.replace(
        "containers: [{name: a",
        "hostNetwork: true\n  containers: [{securityContext: "
        "{privileged: true, windowsOptions: {hostProcess: true}}, name: a",
    )

    warnings = " ".join(check_own(risky, "n").warnings)

    assert all(word in warnings for word in ("HostProcess", "Privileged", "own network"))


@given(st.text(max_size=300) | st.recursive(st.none() | st.text(), st.lists).map(str))
def test_no_text_crashes_the_check(text: str) -> None:
    checked = check_own(text, "n")

    assert checked.problems or checked.documents


def test_address_of_an_object() -> None:
    assert path_of(check_own(POD, "n").documents[0]) == "/api/v1/namespaces/n/pods/mine"


OLD = KubeFacts(
    nodes=(
        NodeFacts("l1", os="linux", version="v1.20.2"),
        NodeFacts("w1", os="windows", build="20348", version="v1.20.2"),
    )
)


@pytest.mark.parametrize(
    ("key", "since"), [("hostprocess", "1.23"), ("csi-proxy", "1.23"), ("pod-os", "1.24")]
)
def test_workload_that_a_release_does_not_have_is_refused(key: str, since: str) -> None:
    assert refusal(recipes()[key], OLD) == f"it needs Kubernetes {since}, and the nodes run 1.20"


@pytest.mark.parametrize(("version", "has_it"), [("v1.20.2", False), ("v1.23.0", True), ("", True)])
def test_system_of_pods_is_left_out_where_the_api_does_not_know_it(version: str, has_it: bool) -> None:
    kube = replace(OLD, nodes=tuple(replace(node, version=version) for node in OLD.nodes))

    documents = rendered(recipes()["whoami"], kube, "labkit-x")

    specs = [one["spec"]["template"]["spec"] for one in documents if one["kind"] == "Deployment"]
    assert [("os" in spec, "nodeSelector" in spec) for spec in specs] == [(has_it, True)] * 2


def test_port_of_a_service_says_its_protocol() -> None:
    """Server-side apply of a true 1.20 refuses a Service that leaves it to the default."""
    ports = [{"port": 80}, {"port": 53, "protocol": "UDP"}]
    service = {"kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": ports, "type": "NodePort"}}

    told = with_protocols(service)

    assert [port["protocol"] for port in told["spec"]["ports"]] == ["TCP", "UDP"]
    assert (told["spec"]["type"], "protocol" in ports[0]) == ("NodePort", False)
    assert with_protocols({"kind": "Pod", "spec": {}}) == {"kind": "Pod", "spec": {}}
