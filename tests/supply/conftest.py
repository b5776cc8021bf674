"""The real stack with the small Kubernetes-shaped repository allowed.

stack        Redis, web, worker and beat; builds of `repository` are allowed
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builds.repository import Repository, make_repository
from tests.stack import Stack


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A folder that the user who compiles can enter; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="lab-supply-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def repository(open_folder: Path) -> Repository:
    return make_repository(open_folder / "kubernetes")


@pytest.fixture(scope="module")
def stack(open_folder: Path, repository: Repository) -> Iterator[Stack]:
    settings = {
        "BUILD_LOCAL_REPOSITORIES": str(repository.path),
        "BUILD_FREE_DISK_MIB": "10",
        "BUILD_FREE_MEMORY_MIB": "10",
        "BUILD_FOLLOW_S": "1",
        "LAB_LOST_AFTER_S": "6",
        "LAB_REHEARSAL_SPEED": "600",
    }
    stack = Stack(open_folder / "var", extra_env=settings).start()
    yield stack
    stack.stop()
