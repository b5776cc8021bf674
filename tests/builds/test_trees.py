"""Trees that are kept and moved from commit to commit: right whatever they were before, held by one build."""

import fcntl
from pathlib import Path

import pytest

from tests.builds.repository import Repository
from webapp.builds.errors import BuildError
from webapp.builds.git import Mirror, Resolved, run_git
from webapp.builds.sources import Source
from webapp.builds.trees import Tree, holding_tree, trim_trees
from webapp.process import capture

MAIN = "cmd/kubelet/main.go"


@pytest.fixture
def mirror(home: Path, repository: Repository) -> Mirror:
    mirror = Mirror(home / "builds", Source(str(repository.path), is_local=True))
    mirror.make()
    for name in ("fix", "v1.36.1", "shim"):
        run_git(mirror, mirror.fetch_command(Resolved(repository.commits[name], "")))
    return mirror


def hold(mirror: Mirror, most: int = 1):  # type: ignore[no-untyped-def]
    def no_wait() -> None:
        raise BuildError("all are taken")

    return holding_tree(mirror.home, mirror, most, no_wait)


def check_out(tree: Tree, mirror: Mirror, commit: str) -> None:
    commands = tree.commands(mirror, commit)
    tree.marker.unlink(missing_ok=True)
    for command in commands:
        done = capture(command, cwd=mirror.home, env=tree.env(mirror), timeout_s=60)
        assert done.code == 0, done.errors
    tree.checked_out()


def files(tree: Tree) -> set[str]:
    return {str(path.relative_to(tree.path)) for path in tree.path.rglob("*") if path.is_file()}


def test_tree_moves_and_keeps_what_has_not_changed(mirror: Mirror, repository: Repository) -> None:
    with hold(mirror) as tree:
        check_out(tree, mirror, repository.commits["v1.36.1"])
        before = (tree.path / "go.mod").stat().st_mtime_ns
        check_out(tree, mirror, repository.commits["fix"])

        assert "Patched" in (tree.path / MAIN).read_text()
        assert (tree.path / "go.mod").stat().st_mtime_ns == before
        check_out(tree, mirror, repository.commits["shim"])
        assert files(tree) == {"go.mod", "cmd/shim/main.go", ".gitattributes"}


def test_tree_that_a_lost_worker_left_is_made_whole(mirror: Mirror, repository: Repository) -> None:
    with hold(mirror) as tree:
        check_out(tree, mirror, repository.commits["v1.36.1"])
        whole = files(tree)
        tree.marker.unlink()
        (tree.path / MAIN).write_text("half")
        (tree.path / "go.mod").unlink()
        (tree.path / "vendor/left.go").write_text("package left")
        (tree.folder / "index.lock").touch()

    with hold(mirror) as tree:
        check_out(tree, mirror, repository.commits["v1.36.1"])
        assert files(tree) == whole
        assert "Kubernetes" in (tree.path / MAIN).read_text()


def test_tree_that_was_moved_away_is_made_anew(mirror: Mirror, repository: Repository) -> None:
    with hold(mirror) as tree:
        check_out(tree, mirror, repository.commits["fix"])
        tree.path.rename(mirror.home / "lost")

    with hold(mirror) as tree:
        check_out(tree, mirror, repository.commits["fix"])
        assert (tree.path / MAIN).exists()


def test_two_builds_hold_two_trees(mirror: Mirror) -> None:
    with hold(mirror, 2) as first, hold(mirror, 2) as second:
        assert first.folder != second.folder
        with pytest.raises(BuildError, match="all are taken"), hold(mirror, 2):
            pass


def test_no_hook_runs(mirror: Mirror, repository: Repository, home: Path) -> None:
    hook = mirror.path / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {home}/hooked\n")
    hook.chmod(0o755)

    with hold(mirror) as tree:
        check_out(tree, mirror, repository.commits["fix"])

    assert not (home / "hooked").exists()
    assert not (tree.path / ".git").exists()


def test_trees_of_long_ago_are_deleted(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for number in range(10):
        with holding_tree(home, Mirror(home, Source(f"/repository/{number}")), 1, lambda: None):
            pass

    assert (trim_trees(home), trim_trees(home)) == (2, 0)
    assert len(list((home / "trees").glob("*/0/tree"))) == 8


def test_lock_of_a_deleted_tree_is_still_the_one_that_counts(tmp_path: Path) -> None:
    home = tmp_path / "home"
    mirrors = [Mirror(home, Source(f"/repository/{number}")) for number in range(9)]
    for mirror in mirrors:
        with hold(mirror):
            pass
    with (home / "trees" / mirrors[0].path.stem / "0" / "lock").open("a") as waiting:
        assert trim_trees(home) == 1

        fcntl.flock(waiting, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(BuildError, match="all are taken"), hold(mirrors[0]):
            pass
