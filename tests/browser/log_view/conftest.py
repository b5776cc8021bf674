"""A real Chromium on the viewer, and the fake log that it looks at."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.log_view.server import FakeLog, Server, serving

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
Open = Callable[..., tuple[Page, Server]]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_log(chromium: Browser) -> Iterator[Open]:
    """open_log(FakeLog(…), "#L5", width=…) -> page, server; fails on any error in the browser's console."""
    errors: list[str] = []
    with ExitStack() as stack:

        def open_log(
            log: FakeLog, address: str = "", *, width: int = 1400, height: int = 800
        ) -> tuple[Page, Server]:
            server, origin = stack.enter_context(serving(log))
            context = chromium.new_context(viewport={"width": width, "height": height})
            stack.callback(context.close)
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
