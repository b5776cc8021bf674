"""A whole bisect in the real stack, as a rehearsal: snapshot, builds, injections, checks, a killed worker."""

import signal
from typing import Any

import pytest

from tests.builds.repository import Repository
from tests.chaos.conftest import launch
from tests.stack import Stack, wait_until

pytestmark = pytest.mark.timeout(400)
# Commits one and two are good: the third does not build, from the fourth on the version is another.
EXPECT = r"v1\.36\.1(-[12]\+|\s|$)"


def rows(stack: Stack, table: str) -> list[dict[str, Any]]:
    return [dict(row) for row in stack.query(f"SELECT * FROM webapp_{table} ORDER BY id")]


def launch_and_save(stack: Stack) -> None:
    """Launch a lab and save the snapshot that each trial begins from."""
    visitor = stack.visitor()
    launch(visitor, stack, "cni: calico\n", "hunt")
    wait_until(lambda: statuses(stack) == ["succeeded"], 120, "the launch ends")
    visitor.open("/labs/hunt/")
    visitor.open("/labs/hunt/verbs/snapshot-save", {"snapshot": "clean"})
    wait_until(lambda: statuses(stack) == ["succeeded"] * 2, 60, "saved")


def statuses(stack: Stack) -> list[str]:
    return [run["status"] for run in rows(stack, "run")]


def ask(stack: Stack, repository: Repository) -> None:
    ana = stack.visitor()
    ana.open("/builds/bisects/new?lab=hunt")
    wish = {"lab": "hunt", "machine": "winw1", "component": "kubelet", "url": str(repository.path)}
    wish |= {"good": "v1.36.1", "bad": "long", "snapshot": "clean", "check_machine": "winw1"}
    wish |= {"script": "C:\\k\\kubelet.exe --version", "expect": EXPECT, "limit_s": "20", "trusts_ends": "on"}

    status, url, text = ana.open("/builds/bisects/new", wish)

    assert (status, url.endswith("/bisects/1/")) == (200, True), text[-3000:]


def test_bisect_finds_the_commit_over_a_killed_worker(stack: Stack, repository: Repository) -> None:
    launch_and_save(stack)
    ask(stack, repository)
    wait_until(lambda: "running" in statuses(stack), 200, "a trial's run")
    stack.stop_part("worker", signal.SIGKILL)
    stack.start_worker()

    wait_until(lambda: rows(stack, "bisect")[0]["state"] != "running", 240, "found")

    bisect = rows(stack, "bisect")[0]
    assert bisect["state"] == "found", bisect["sentence"]
    verdicts = {row["position"]: row["verdict"] for row in rows(stack, "trial")}
    assert verdicts == {3: "skipped", 2: "good", 4: "bad"}
    assert all(repository.commits[word][:12] in bisect["sentence"] for word in ("three", "four"))
    assert "lost" in str([run["sentence"] for run in rows(stack, "run")])
