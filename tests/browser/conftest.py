"""One Chromium for all tests of this folder; each has a context of its own in it."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.chromium import chromiums


@pytest.fixture(scope="session")
def running_browser() -> Iterator[Callable[[], Browser]]:
    yield from chromiums()


@pytest.fixture(scope="module")
def browser(running_browser: Callable[[], Browser]) -> Browser:
    """Give the one that runs: after a crash the next module's tests have another."""
    return running_browser()
