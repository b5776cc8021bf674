"""The product as a person meets it: a real browser, and the real stack behind it.

stack        Redis, web, worker and beat, once for all tests of this folder
page         a signed-in page in headless Chromium, 1400 × 900
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.chromium import chromium, leave, sign_in
from tests.real.fixtures import libvirt, real_vagrant
from tests.stack import Stack

__all__ = ["libvirt", "real_vagrant"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    yield from chromium()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack"), {"LAB_VAGRANT": "/nowhere/vagrant"})
    yield stack.start()
    stack.stop()


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    yield sign_in(context.new_page(), stack.url)
    leave(context)


@pytest.fixture
def variables() -> str:
    """Upstream's current variables.yaml, as the preset keeps it."""
    return (Path(__file__).parents[2] / "environments/presets/swdt-head.yaml").read_text()
