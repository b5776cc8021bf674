"""The real stack: a worker is killed in mid-compile; the build goes on and its binary is whole."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.builds import places
from tests.builds.repository import Repository
from tests.stack import Stack, wait_until


@pytest.fixture
def stack(open_folder: Path, repository: Repository, tmp_path: Path) -> Iterator[Stack]:
    """Its Go cache is empty: there is a lot to compile when the worker is killed."""
    with places.building_stack(open_folder / tmp_path.name, repository) as stack:
        yield stack


def builds(stack: Stack) -> list[dict[str, object]]:
    return [dict(row) for row in stack.query("SELECT * FROM webapp_build ORDER BY id")]


def below(folder: Path) -> list[str]:
    lines = (" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
    return [line for line in lines if f"{folder}/builds" in line]


def test_killed_worker_leaves_no_compiler_and_the_build_goes_on(stack: Stack, repository: Repository) -> None:
    ana = stack.visitor()
    given = {"url": str(repository.path), "ref": "fix", "components": "kubelet", "targets": "windows/amd64"}
    ana.open("/builds/new")
    status, url, _ = ana.open("/builds/new", given)
    assert (status, url.endswith("/builds/1/")) == (200, True)
    wait_until(lambda: builds(stack)[0]["packages_done"], 60, "compiling")

    stack.stop_part("worker", signal.SIGKILL)
    wait_until(lambda: not below(stack.var), 20, "the compiler is gone")
    stack.start_worker()

    wait_until(
        lambda: [row["status"] for row in builds(stack)] == ["interrupted", "succeeded"], 120, "goes on"
    )
    assert len(stack.query("SELECT * FROM webapp_artifact")) == 1
    lines = ana.json(f"/logs/{builds(stack)[0]['log_id']}/lines?after=-1")
    assert "lost" in json.dumps(lines["lines"]) and lines["complete"] == "interrupted"
