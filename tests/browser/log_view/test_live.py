"""live.js in a real browser: the strip while the page is not live, and the resync afterwards."""

from playwright.sync_api import expect

from tests.browser.log_view.conftest import Open
from tests.browser.log_view.server import FakeLog

LISTEN = """() => {
    window.heard = [];
    const kinds = ['live-resync', 'run-changed', 'machines-changed', 'lab-changed', 'host-changed'];
    for (const kind of kinds) document.body.addEventListener(kind, () => window.heard.push(kind));
}"""


def test_strip_counts_while_not_live_and_all_kinds_fire_afterwards(open_log: Open) -> None:
    page, server = open_log(FakeLog(10, nudges_are_down=True))
    expect(page.locator("#live-strip")).to_contain_text("not live, reconnecting")
    page.evaluate(LISTEN)

    server.log.nudges_are_down = False

    expect(page.locator("#live-strip")).to_be_hidden(timeout=15_000)
    page.wait_for_function("() => window.heard.length === 5")
    assert page.evaluate("window.heard[0]") == "live-resync"


def test_nudge_becomes_an_event_with_its_detail(open_log: Open) -> None:
    page, server = open_log(FakeLog(10))
    page.wait_for_selector("body[data-live=yes]")
    page.evaluate(
        "() => document.body.addEventListener('run-changed', (e) => { window.run = e.detail.run; })"
    )

    server.nudge({"type": "run.changed", "lab": 1, "run": 5})

    page.wait_for_function("() => window.run === 5")
