"""Checked-out trees that are kept and moved from commit to commit: few files change between two builds.

A repository has as many as builds may run at once (BUILD_AT_ONCE); a build holds one by a file lock, which
the kernel frees with the process. The tree has an index of its own and no .git: nothing of it is registered
in the mirror, so a lost worker leaves nothing to prune. Files belong to the worker, who compiles only reads.

    BUILD_HOME/trees/<mirror>/<number>/{tree, index, whole, lock}      `whole`: the last use left it whole
"""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from webapp.builds.git import Mirror, git_env

MOST_TREES = 8  # of all repositories together; the longest unused go first
ASK_AGAIN_S = 0.2


@dataclass(frozen=True)
class Tree:
    """One place with a checked-out tree, held by this process."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "tree"

    @property
    def marker(self) -> Path:
        return self.folder / "whole"

    def env(self, mirror: Mirror) -> dict[str, str]:
        return {**git_env(mirror.home, mirror.source), "GIT_INDEX_FILE": str(self.folder / "index")}

    def git(self, mirror: Mirror, *arguments: str) -> list[str]:
        return ["git", "--git-dir", str(mirror.path), "--work-tree", str(self.path), *arguments]

    def commands(self, mirror: Mirror, commit: str) -> list[list[str]]:
        """Return what makes the tree this commit's, whatever it was: files that have not changed stay."""
        clean = [] if self.marker.exists() else [self.git(mirror, "clean", "-ffdxq")]
        return [self.git(mirror, "read-tree", "--reset", "-u", commit), *clean]

    def begin(self) -> None:
        """Make room; an index without its tree, or a tree without its index, is of no use."""
        (self.folder / "index.lock").unlink(missing_ok=True)  # a lost worker's
        if not (self.path.is_dir() and (self.folder / "index").exists()):
            self.drop()
        self.path.mkdir(parents=True, exist_ok=True)

    def checked_out(self) -> None:
        """Note that the tree is whole, as long as nobody begins to change it."""
        self.marker.touch()

    def drop(self) -> None:
        for path in (self.marker, self.folder / "index"):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)


@contextlib.contextmanager
def holding_tree(home: Path, mirror: Mirror, most: int, wait: Callable[[], None]) -> Iterator[Tree]:
    """Hold one of a repository's trees; `wait` is called while all are taken, and may raise."""
    folder = home / "trees" / mirror.path.stem
    while True:
        for number in range(most):
            lock = try_lock(folder / str(number))
            if lock is not None:
                with lock:
                    tree = Tree(folder / str(number))
                    tree.begin()
                    yield tree
                return
        wait()
        time.sleep(ASK_AGAIN_S)


def try_lock(folder: Path) -> IO[str] | None:
    """Return the open lock of a place, None while another process or thread has it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    os.utime(folder / "lock")
    return lock


def trim_trees(home: Path) -> int:
    """Delete the trees that were not used for longest, beyond MOST_TREES; returns how many.

    The locks stay: who had one open while it is deleted would hold nothing.
    """
    places = [path.parent for path in (home / "trees").glob("*/*/tree")]
    places.sort(key=lambda place: (place / "lock").stat().st_mtime, reverse=True)
    gone = 0
    for place in places[MOST_TREES:]:
        lock = try_lock(place)
        if lock is not None:
            with lock:
                Tree(place).drop()
                gone += 1
    return gone
