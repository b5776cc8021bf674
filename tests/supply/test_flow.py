"""A definition that builds a branch, launched as a rehearsal: the binary is on the machine, and kept."""

import json
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Launched:
    """The stack, and what was there right after the launch: another test changes it, in any order."""

    stack: Stack
    binaries: dict[str, dict[str, str]]  # of winw1, by path
    artifacts: dict[str, dict[str, Any]]  # by component
    uses: set[tuple[str, int]]  # machine, artifact


@pytest.fixture(scope="module")
def launched(stack: Stack, repository: Repository) -> Launched:
    launch(stack.visitor(), stack, DEFINITION.format(repository=repository.path), "own")
    wait_until(lambda: runs(stack) and runs(stack)[-1]["status"] not in {"pending", "running"}, 200)
    assert runs(stack)[-1]["status"] == "succeeded", runs(stack)[-1]["sentence"]
    state = json.loads(next(stack.var.rglob("rehearsal/winw1/state.json")).read_text())
    rows = [dict(row) for row in stack.query("SELECT * FROM webapp_artifact")]
    uses = stack.query("SELECT * FROM webapp_artifactuse WHERE ended_at IS NULL")
    return Launched(
        stack=stack,
        binaries=state["binaries"],
        artifacts={row["component"]: row for row in rows},
        uses={(use["machine"], use["artifact_id"]) for use in uses},
    )


def test_binaries_of_two_refs_are_built_and_reach_the_machine(launched: Launched) -> None:
    for name in ("kubelet", "kube-proxy"):
        assert launched.binaries[f"C:\\k\\{name}.exe"]["sha256"] == launched.artifacts[name]["sha256"]
    assert launched.binaries["C:\\k\\kubelet.exe"]["version"].startswith("v1.36.1-1+")
    assert launched.artifacts["kube-proxy"]["version"] == "v1.36.1"


def test_builds_run_beside_the_boots(launched: Launched) -> None:
    steps = {row["key"]: row for row in launched.stack.query("SELECT * FROM webapp_step")}

    assert steps["builds"]["started_at"] < steps["winw1 up"]["finished_at"]
    assert steps["builds"]["finished_at"] < steps["winw1 windows-overrides"]["started_at"]


def test_quota_knows_that_the_lab_uses_them(launched: Launched) -> None:
    assert launched.uses == {("winw1", launched.artifacts[name]["id"]) for name in ("kubelet", "kube-proxy")}


def test_followed_branch_is_injected_when_it_moves(launched: Launched, repository: Repository) -> None:
    stack = launched.stack
    ana = stack.visitor()
    build = stack.query("SELECT id FROM webapp_build WHERE ref = 'fix'")[0]["id"]
    ana.open(f"/builds/{build}/")
    ana.open(f"/builds/{build}/follow", {})
    follow = stack.query("SELECT id FROM webapp_follow")[0]["id"]
    ana.open(f"/builds/follows/{follow}/inject", {"lab": "own"})

    repository.git("update-ref", "refs/heads/fix", repository.commits["pull"])

    wait_until(lambda: [run["verb"] for run in runs(stack)] == ["launch", "inject"], 120, "it is injected")
    wait_until(lambda: runs(stack)[-1]["status"] == "succeeded", 60, "in place")
    row = dict(stack.query("SELECT * FROM webapp_follow")[0])
    newest = stack.query("SELECT max(id) AS id FROM webapp_build")[0]["id"]
    assert (row["injected_build_id"], row["injected_run"], row["inject_sentence"]) == (newest, 2, "")
    assert "run #2" in ana.open("/builds/follows/")[2]
