"""A real Chromium on the viewer, and the fake log that it looks at."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.log_view.server import FakeLog, Server, serving
from tests.chromium import leave

Open = Callable[..., tuple[Page, Server]]


@pytest.fixture
def open_log(browser: Browser) -> Iterator[Open]:
    """open_log(FakeLog(…), "#L5", width=…) -> page, server; fails on any error in the browser's console."""
    errors: list[str] = []
    with ExitStack() as stack:

        def open_log(
            log: FakeLog, address: str = "", *, width: int = 1400, height: int = 800
        ) -> tuple[Page, Server]:
            server, origin = stack.enter_context(serving(log))
            context = browser.new_context(viewport={"width": width, "height": height})
            stack.callback(leave, context)
            page = context.new_page()
            page.set_default_timeout(10_000)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda message: errors.append(message.text) if is_bad(message.text) else None)
            page.goto(f"{origin}/{address}")
            page.wait_for_selector("[data-part=frame]:not([hidden])")
            return page, server

        yield open_log
    assert errors == []


def is_bad(text: str) -> bool:
    return "Content Security Policy" in text or "Uncaught" in text
