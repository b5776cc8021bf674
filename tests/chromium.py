"""A real Chromium for the tests, driven by Playwright."""

from collections.abc import Iterator

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.requirements import require
from tests.stack import PASSWORD

# Without these it looks for its maker's hosts at every start.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> Iterator[Browser]:
    """Yield a browser for a fixture; skips, or fails in CI, where there is none."""
    path = require("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


def sign_in(page: Page, url: str, name: str = "ana") -> Page:
    page.goto(f"{url}/sign-in")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(f"{url}/")
    return page


def leave(context: BrowserContext) -> None:
    """Close a context, first its pages: Chromium has hung over a page that was on its way."""
    for page in context.pages:
        page.goto("about:blank", wait_until="commit")
    context.close()
