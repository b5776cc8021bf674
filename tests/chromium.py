"""A real Chromium for the tests, driven by Playwright."""

from collections.abc import Callable, Iterator

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
COOKIES: dict[tuple[str, str], list[tuple[str, str]]] = {}  # by the stack's address and the person's name


def chromium() -> Iterator[Browser]:
    """Yield a browser for a fixture; skips, or fails in CI, where there is none."""
    for running in chromiums():
        yield running()


def chromiums() -> Iterator[Callable[[], Browser]]:
    """Yield what gives the one browser for many tests: another when it has crashed."""
    path = require("chromium")
    with sync_playwright() as playwright:
        started: list[Browser] = []

        def running() -> Browser:
            if not started or not started[-1].is_connected():
                started.append(playwright.chromium.launch(executable_path=path, args=QUIET))
            return started[-1]

        yield running
        for browser in started:
            browser.close()


def sign_in(page: Page, url: str, name: str = "ana") -> Page:
    """Open the first page as somebody: by the form once a stack, then with the cookies that it gave."""
    if (url, name) in COOKIES:
        page.context.add_cookies(
            [{"name": key, "value": value, "url": url} for key, value in COOKIES[url, name]]
        )
        page.goto(f"{url}/")
        if page.url == f"{url}/":  # another stack may have had the same port
            return page
    page.goto(f"{url}/sign-in")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(f"{url}/")
    COOKIES[url, name] = [(cookie["name"], cookie["value"]) for cookie in page.context.cookies(url)]
    return page


def leave(context: BrowserContext) -> None:
    """Close a context, first its pages: Chromium has hung over a page that was on its way."""
    for page in context.pages:
        page.goto("about:blank", wait_until="commit")
    context.close()
