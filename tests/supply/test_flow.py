"""A definition that builds a branch, launched as a rehearsal: the binary is on the machine, and kept."""

import json
from typing import Any

import pytest

from tests.builds.repository import Repository
from tests.chaos.conftest import launch
from tests.stack import Stack, wait_until

pytestmark = pytest.mark.timeout(300)
DEFINITION = """
build: {{ref: fix, repository: "{repository}"}}
overrides:
  windows:
    kubelet: {{source: build}}
    kube-proxy: {{source: build, ref: v1.36.1}}
"""


def runs(stack: Stack) -> list[dict[str, Any]]:
    return [dict(row) for row in stack.query("SELECT * FROM webapp_run ORDER BY id")]


@pytest.fixture(scope="module")
def launched(stack: Stack, repository: Repository) -> Stack:
    launch(stack.visitor(), stack, DEFINITION.format(repository=repository.path), "own")
    wait_until(lambda: runs(stack) and runs(stack)[-1]["status"] not in {"pending", "running"}, 200)
    assert runs(stack)[-1]["status"] == "succeeded", runs(stack)[-1]["sentence"]
    return stack


def artifact(stack: Stack, component: str) -> dict[str, Any]:
    return dict(stack.query("SELECT * FROM webapp_artifact WHERE component = ?", component)[0])


def test_binaries_of_two_refs_are_built_and_reach_the_machine(launched: Stack) -> None:
    state = json.loads(next(launched.var.rglob("rehearsal/winw1/state.json")).read_text())

    for name in ("kubelet", "kube-proxy"):
        assert state["binaries"][f"C:\\k\\{name}.exe"]["sha256"] == artifact(launched, name)["sha256"]
    assert state["binaries"]["C:\\k\\kubelet.exe"]["version"].startswith("v1.36.1-1+")
    assert artifact(launched, "kube-proxy")["version"] == "v1.36.1"


def test_builds_run_beside_the_boots(launched: Stack) -> None:
    steps = {row["key"]: row for row in launched.query("SELECT * FROM webapp_step")}

    assert steps["builds"]["started_at"] < steps["winw1 up"]["finished_at"]
    assert steps["builds"]["finished_at"] < steps["winw1 windows-overrides"]["started_at"]


def test_quota_knows_that_the_lab_uses_them(launched: Stack) -> None:
    uses = launched.query("SELECT * FROM webapp_artifactuse WHERE ended_at IS NULL")

    assert {(use["machine"], use["artifact_id"]) for use in uses} == {
        ("winw1", artifact(launched, name)["id"]) for name in ("kubelet", "kube-proxy")
    }


def test_followed_branch_is_injected_when_it_moves(launched: Stack, repository: Repository) -> None:
    ana = launched.visitor()
    build = launched.query("SELECT id FROM webapp_build WHERE ref = 'fix'")[0]["id"]
    ana.open(f"/builds/{build}/")
    ana.open(f"/builds/{build}/follow", {})
    follow = launched.query("SELECT id FROM webapp_follow")[0]["id"]
    ana.open(f"/builds/follows/{follow}/inject", {"lab": "own"})

    repository.git("update-ref", "refs/heads/fix", repository.commits["pull"])

    wait_until(lambda: [run["verb"] for run in runs(launched)] == ["launch", "inject"], 120, "it is injected")
    wait_until(lambda: runs(launched)[-1]["status"] == "succeeded", 60, "in place")
    row = dict(launched.query("SELECT * FROM webapp_follow")[0])
    newest = launched.query("SELECT max(id) AS id FROM webapp_build")[0]["id"]
    assert (row["injected_build_id"], row["injected_run"], row["inject_sentence"]) == (newest, 2, "")
    assert "run #2" in ana.open("/builds/follows/")[2]
