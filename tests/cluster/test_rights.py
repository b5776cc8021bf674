"""Each action asks for its right itself: who may only see a cluster changes nothing, by whatever way."""

from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied

from webapp.accounts.models import AuditEntry, User
from webapp.cluster.actions import cluster_of
from webapp.cluster.errands import cancel_errand, request_errand
from webapp.cluster.machines import Given, add_machine, attach_by_machines, remove_machine
from webapp.cluster.models import Cluster, Errand, NamedMachine, NodeLog, Workload
from webapp.cluster.nodelogs import open_log, source_from, stop_log
from webapp.cluster.readiness_run import keep_report
from webapp.cluster.workloads import apply_own, remove_workload
from webapp.labs.models import Lab
from webapp.logs.models import Log

SOURCE = {"kind": "pod", "namespace": "kube-system", "pod": "etcd"}
OWN = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"
ACTIONS: dict[str, Callable[[Cluster, User], object]] = {
    "matrix": lambda cluster, by: request_errand(cluster, Errand.Kind.MATRIX, by),
    "apply": lambda cluster, by: apply_own(cluster, "mine", OWN, by),
    "remove": lambda cluster, by: remove_workload(Workload(pk=1, cluster=cluster, name="a"), by),
    "cancel": lambda cluster, by: cancel_errand(Errand(cluster=cluster), by),
    "read a log": lambda cluster, by: open_log(cluster, source_from(SOURCE), by, follows=True),
    "stop a log": lambda cluster, by: stop_log(NodeLog(cluster=cluster, log=Log()), by),
    "report": lambda cluster, by: keep_report(cluster, "a", b"<testsuite/>", by),
    "add": lambda cluster, by: add_machine(cluster, Given("a", "linux", "ssh", "127.0.0.1", "a"), by),
    "forget": lambda cluster, by: remove_machine(NamedMachine(cluster=cluster, name="a"), by),
    "attach": lambda cluster, by: attach_by_machines("another", by),
}


@pytest.mark.parametrize("act", ACTIONS.values(), ids=ACTIONS)
def test_who_may_not_operate_the_lab_changes_nothing(
    lab: Lab, stranger: User, act: Callable[[Cluster, User], object]
) -> None:
    cluster, before = cluster_of(lab), AuditEntry.objects.count()

    with pytest.raises(PermissionDenied):
        act(cluster, stranger)

    counts = [model.objects.count() for model in (Errand, Workload, NodeLog, NamedMachine)]
    assert (counts, Cluster.objects.count(), AuditEntry.objects.count()) == ([0] * 4, 1, before)


@pytest.mark.parametrize("key", [key for key in ACTIONS if key != "attach"])
def test_attached_cluster_is_its_owners(owner: User, member: User, key: str) -> None:
    cluster = attach_by_machines("of the owner", owner)

    with pytest.raises(PermissionDenied):
        ACTIONS[key](cluster, member)
