"""The main jobs without a mouse, from one end to the other: what cannot be reached with Tab, Enter and the
named keys cannot be done. Approving a node by keys is in test_cluster.py.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.chromium import leave, sign_in
from tests.flow.acts import import_definition, wait_for_end
from tests.stack import Stack

pytestmark = pytest.mark.timeout(400)
QUICK = {"LAB_VAGRANT": "/nowhere/vagrant", "LAB_REHEARSAL_SPEED": "600"}
MISHAP = "scope: machines\nrehearsal: {mishaps: ['winw1:boot-timeout']}\n"
ARTIFACT = """
from webapp.accounts.models import User
from webapp.builds.artifacts import store_content
from webapp.builds.models import Artifact
sha256, size = store_content([b"MZ" + bytes(2000)], 10**6)
Artifact.objects.create(origin="upload", component="kubelet", target="windows/amd64", file_name="kubelet.exe",
                        sha256=sha256, size_bytes=size, version="v1.36.1", added_by=User.objects.get())
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("keys"), QUICK)
    yield stack.start()
    stack.stop()


@pytest.fixture(scope="module")
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    yield sign_in(context.new_page(), stack.url)
    leave(context)


def press(page: Page, target: Locator, key: str = "Enter") -> None:
    """Go on with Tab until the target has the focus, which must be seen, then press a key."""
    expect(target).to_be_enabled(timeout=30_000)
    for _ in range(120):
        if target.evaluate("one => one === document.activeElement"):
            assert target.evaluate("one => getComputedStyle(one).outlineStyle") != "none"
            page.keyboard.press(key)
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way to {target} by Tab")


def test_launch_see_the_failure_search_link_pair_and_destroy_by_keys(page: Page, stack: Stack) -> None:
    import_definition(page, stack.url, "keys", MISHAP)
    page.goto(stack.url)
    press(page, page.get_by_role("link", name="Launch a lab"))
    expect(page.get_by_role("heading", name="Launch a lab")).to_be_visible()
    press(page, page.get_by_role("button", name="Launch"))
    page.wait_for_url(re.compile("/runs/1"))
    assert wait_for_end(page, 120) == "failed"

    search_and_link(page)
    press(page, page.get_by_role("button", name="Retry"))
    page.wait_for_url(re.compile("/runs/2"))
    assert wait_for_end(page, 120) == "done"
    open_a_pairing_and_end_it(page, stack)
    destroy_by_name(page, stack)


def search_and_link(page: Page) -> None:
    """/ searches the log, Enter goes from hit to hit, j marks a line, whose link is the address."""
    expect(page.locator(".log-scroll")).to_be_visible(timeout=30_000)
    page.locator(".log-scroll").focus()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search the log")).to_be_focused()
    page.keyboard.type("boot")
    page.keyboard.press("Enter")
    expect(page.locator("#log-hits")).to_have_text(re.compile("[1-9]"), timeout=20_000)
    page.keyboard.press("Escape")
    page.locator(".log-scroll").focus()
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile("#L[0-9]+"))


def open_a_pairing_and_end_it(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/labs/keys/")
    press(page, page.get_by_role("link", name="Open a pairing"))
    page.wait_for_url(re.compile("/pairings/new"))
    page.locator("#id_title").focus()
    page.keyboard.type("By keys")
    press(page, page.locator("main form .btn-primary"))
    page.wait_for_url(re.compile("/pairings/1/"))
    press(page, page.get_by_text("End…"))
    press(page, page.get_by_role("button", name="End the pairing"))
    expect(page.locator(".summary")).to_be_visible()


def destroy_by_name(page: Page, stack: Stack) -> None:
    page.goto(stack.url)
    open_palette(page)
    page.keyboard.type("destroy keys")
    expect(page.locator("#palette-results a").first).to_contain_text("Destroy")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/destroy"))
    expect(page.locator("#confirm")).to_be_focused()
    expect(page.get_by_role("button", name="Destroy")).to_be_disabled()
    page.keyboard.type("keys")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/runs/"))
    assert wait_for_end(page, 120) == "done"


def open_palette(page: Page) -> None:
    """Press / until it is open: the page can be there before its script."""
    for _ in range(100):
        page.keyboard.press("/")
        if page.locator("dialog[open] input[type=search]").count():
            return
        page.wait_for_timeout(100)
    raise AssertionError("/ opens no palette")


def test_choose_and_put_a_binary_in_by_keys(page: Page, stack: Stack) -> None:
    stack.manage("shell", "--verbosity", "0", "-c", ARTIFACT)
    import_definition(page, stack.url, "target", "scope: machines\n")
    page.get_by_role("link", name="Launch", exact=True).press("Enter")
    press(page, page.get_by_role("button", name="Launch"))
    page.wait_for_url(re.compile("/runs/1"))
    wait_for_end(page, 120)

    page.goto(f"{stack.url}/builds/artifacts/1/inject")
    machine = page.get_by_role("form", name="target").get_by_role("checkbox", name="winw1 windows")
    if not machine.is_checked():
        press(page, machine, "Space")
    press(page, page.get_by_role("button", name="Inject into target"))

    page.wait_for_url(re.compile("/labs/target/runs/2"))


def test_skip_link_leads_past_the_frame_to_the_content(page: Page, stack: Stack) -> None:
    page.goto(stack.url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_escape_closes_a_menu_and_gives_the_focus_back(page: Page, stack: Stack) -> None:
    page.goto(stack.url)
    account = page.locator("summary[aria-label^='Your account']")
    press(page, account)
    expect(page.get_by_role("link", name="Change password")).to_be_visible()

    page.keyboard.press("Tab")
    page.keyboard.press("Escape")

    expect(page.get_by_role("link", name="Change password")).to_be_hidden()
    expect(account).to_be_focused()
