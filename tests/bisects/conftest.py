"""The real stack with a repository of seven commits, one of which does not build, and a lab that is up."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builds import places
from tests.builds.repository import BROKEN, MAIN, Repository, make_repository
from tests.cluster.conftest import launched, played, rehearsed
from tests.stack import Stack

__all__ = ["launched", "played", "rehearsed"]  # fixtures: a rehearsed lab without a stack


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    with places.open_folder() as folder:
        yield folder


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
    places.make_home(open_folder / "var" / "builds")
    speed = {"LAB_REHEARSAL_SPEED": "600"}
    with places.building_stack(open_folder / "var", repository, **speed) as stack:
        yield stack
