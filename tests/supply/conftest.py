"""The real stack with the small Kubernetes-shaped repository allowed.

stack        Redis, web, worker and beat; builds of `repository` are allowed
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builds import places
from tests.builds.repository import Repository, make_repository
from tests.stack import Stack


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    with places.open_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def repository(open_folder: Path) -> Repository:
    return make_repository(open_folder / "kubernetes")


@pytest.fixture(scope="module")
def stack(open_folder: Path, repository: Repository) -> Iterator[Stack]:
    places.make_home(open_folder / "var" / "builds")
    speed = {"LAB_REHEARSAL_SPEED": "600", "BUILD_FOLLOW_S": "1"}
    with places.building_stack(open_folder / "var", repository, **speed) as stack:
        yield stack
