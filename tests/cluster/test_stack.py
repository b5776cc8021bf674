"""The whole way in the real stack: beat ticks, the worker looks, a rehearsed launch climbs its ladder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import Stack, wait_until

pytestmark = pytest.mark.timeout(240)
LAUNCH = """
from datetime import timedelta
from django.utils import timezone
from webapp.accounts.models import User
from webapp.cluster.actions import cluster_of
from webapp.cluster.models import Cluster
from webapp.definitions.actions import create_definition
from webapp.hosts.models import Host
from webapp.runs.actions import launch_lab
by = User.objects.get(username="ana")
revision = create_definition(name="seen", text="cni: calico\\n", by=by).revisions.get()
run = launch_lab(revision=revision, host=Host.objects.get(), name="seen", provider="rehearsal", by=by)
cluster = cluster_of(run.lab)
Cluster.objects.filter(pk=cluster.pk).update(watched_at=timezone.now() + timedelta(minutes=10))
"""
STATES = "SELECT key FROM webapp_change WHERE machine = 'winw1' AND kind = 'rung' AND state = 'done'"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path, {"LAB_VAGRANT": "/nowhere/vagrant", "LAB_REHEARSAL_SPEED": "120"})
    yield stack.start()
    stack.stop()


def test_launch_climbs_the_ladder_while_it_is_watched(stack: Stack) -> None:
    stack.manage("shell", "--verbosity", "0", "-c", LAUNCH)

    wait_until(lambda: {"shell", "os"} <= done(stack), 60, "Windows answers and is ready")
    wait_until(lambda: {"node", "cni", "ready", "smoke"} <= done(stack), 120, "the node is ready and tried")

    order = [row["key"] for row in stack.query(f"{STATES} ORDER BY at, id")]
    assert order.index("shell") < order.index("node") < order.index("smoke")
    assert "failed by a fault of ours" not in stack.output("worker")


def done(stack: Stack) -> set[str]:
    return {row["key"] for row in stack.query(STATES)}
