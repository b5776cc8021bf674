"""The real stack with a repository of seven commits, one of which does not build, and a lab that is up."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builds.repository import BROKEN, MAIN, Repository, make_repository
from tests.cluster.conftest import launched, played, rehearsed
from tests.stack import Stack

__all__ = ["launched", "played", "rehearsed"]  # fixtures: a rehearsed lab without a stack


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A folder that the user who compiles can enter; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="lab-bisects-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def repository(open_folder: Path) -> Repository:
    """Branch long: commits one to six after v1.36.1; the middle one (three) does not compile."""
    made = make_repository(open_folder / "kubernetes")
    made.git("checkout", "-q", "-b", "long", "v1.36.1")
    for number, word in enumerate(("one", "two", "three", "four", "five", "six")):
        text = BROKEN if word == "three" else MAIN % f"Round {number}"
        made.commits[word] = made.commit(word, {"cmd/kubelet/main.go": text})
    made.git("checkout", "-q", "main")
    return made


@pytest.fixture(scope="module")
def stack(open_folder: Path, repository: Repository) -> Iterator[Stack]:
    settings = {
        "BUILD_LOCAL_REPOSITORIES": str(repository.path),
        "BUILD_FREE_DISK_MIB": "10",
        "BUILD_FREE_MEMORY_MIB": "10",
        "LAB_LOST_AFTER_S": "6",
        "LAB_REHEARSAL_SPEED": "600",
    }
    stack = Stack(open_folder / "var", extra_env=settings).start()
    yield stack
    stack.stop()
