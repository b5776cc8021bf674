"""One Chromium for all tests of this folder; each has a context of its own in it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.chromium import chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    yield from chromium()
