"""A picture of every page, light and dark, wide and narrow; empty, running and failed.

`make pictures` takes them and puts them into docs/images, to be looked at and committed; without it the
pages are opened only. What can be told without eyes is held here: nothing scrolls sideways, nothing is
blocked by the content policy, no script fails, nothing is missing (a 404 is an error of the console), and
axe finds nothing that shuts somebody out.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.axe import violations
from tests.chromium import leave, sign_in
from tests.flow.acts import import_definition, launch, wait_for_end
from tests.stack import ROOT, Stack, wait_until

pytestmark = pytest.mark.timeout(700)
SEED = Path(__file__).with_name("seed_builds.py")
PICTURES = os.environ.get("LAB_PICTURES")
FOLDER = Path(PICTURES or ROOT / "var/pictures")
LOOKS = [
    (width, height, scheme)
    for width, height in ((1400, 900), (400, 800))
    for scheme in ("light", "dark")
    if PICTURES or width > 1000 or scheme == "light"  # what is checked on the fourth, the others tell
]
EMPTY = {
    "labs-empty": "/",
    "definitions-empty": "/definitions/",
    "builds-empty": "/builds/",
    "follows-empty": "/builds/follows/",
    "clusters-empty": "/clusters/",
    "bisects-empty": "/builds/bisects/",
    "activity": "/activity/",
}
FULL = {
    "labs": "/",
    "labs-failed": "/?kind=failed",
    "lab-running": "/labs/endless/",
    "lab-failed": "/labs/broken/",
    "lab-ready": "/labs/small/",
    "ladder": "/labs/cluster/cluster/",
    "ladder-rung": "/labs/cluster/cluster/?machine=winw1&rung=request",
    "ladder-failed": "/labs/broken/cluster/",
    "ladder-unknown": "/labs/endless/cluster/",
    "cluster-services": "/labs/cluster/cluster/services",
    "cluster-network": "/labs/cluster/cluster/network",
    "cluster-logs": "/labs/cluster/cluster/logs",
    "cluster-workloads": "/labs/cluster/cluster/workloads",
    "cluster-connectivity": "/labs/cluster/cluster/connectivity",
    "cluster-readiness": "/labs/cluster/cluster/readiness",
    "cluster-bundle": "/labs/cluster/cluster/bundle",
    "cluster-fix": "/labs/cluster/cluster/fix?kind=restart-in-order&machine=winw1",
    "cluster-attach": "/clusters/attach",
    "clusters": "/clusters/",
    "not-found": "/labs/none/",
    "lab-new": "/labs/new?definition=small",
    "lab-destroy": "/labs/small/destroy",
    "run-running": "/labs/endless/runs/1/",
    "run-failed": "/labs/broken/runs/1/",
    "run-done": "/labs/small/runs/1/",
    "definitions": "/definitions/",
    "definition": "/definitions/small/",
    "definition-new": "/definitions/new",
    "definition-edit": "/definitions/small/edit",
    "builds": "/builds/",
    "build-new": "/builds/new",
    "build-done": "/builds/1/",
    "build-running": "/builds/2/",
    "build-failed": "/builds/3/",
    "artifact": "/builds/artifacts/2/",
    "artifact-inject": "/builds/artifacts/2/inject",
    "binaries": "/labs/cluster/binaries/",
    "binaries-choose": "/labs/cluster/binaries/winw1/kubelet/",
    "components": "/builds/components/",
    "follows": "/builds/follows/",
    "bisects": "/builds/bisects/",
    "bisect-new": "/builds/bisects/new?lab=small",
    "bisect-running": "/builds/bisects/1/",
    "bisect-found": "/builds/bisects/2/",
    "shells-empty": "/labs/broken/shells/",
    "shells": "/labs/small/shells/",
    "recording": "/labs/small/shells/recordings/1",
    "pairings": "/pairings/",
    "pairing-new": "/labs/broken/pairings/new?run=1",
    "pairing": "/labs/broken/pairings/1/?show=log",
    "pairing-ended": "/labs/small/pairings/1/",
    "hosts": "/hosts/",
    "host": "/hosts/local/",
    "activity-full": "/activity/",
    "people": "/people/",
    "password": "/password",
}


# What sticks out to the right, by its classes.
TOO_WIDE = """width => [...document.querySelectorAll("body *")]
  .filter(element => element.getBoundingClientRect().right > width + 1)
  .map(element => `${element.tagName}.${element.className}`).slice(0, 12).join(" ")"""


class Photographer:
    """Takes each page in each look, and keeps what the browser complained of."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.complaints: list[str] = []
        page.on("console", self.hear)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))

    def hear(self, message: ConsoleMessage) -> None:
        is_meant = re.search("status of (404|410)", message.text) and re.search("/none|/invit", self.page.url)
        if message.type in {"error", "warning"} and not is_meant:
            self.complaints.append(f"{self.page.url}: {message.text}")

    def take(self, name: str, path: str) -> None:
        self.page.goto(f"{self.url}{path}")
        self.page.wait_for_timeout(400)  # fonts, fragments
        if self.page.locator("#log").count():
            expect(self.page.locator("#log .log-text:not(.is-loading)").first).to_be_visible(timeout=20_000)
        for width, height, scheme in LOOKS:
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            self.page.wait_for_timeout(100)
            expect(self.page.locator(".log-text.is-loading")).to_have_count(0, timeout=20_000)
            target = FOLDER / f"{name}-{'wide' if width > 1000 else 'narrow'}-{scheme}.png"
            if PICTURES:
                self.page.screenshot(path=target)
            self.check_width(name, width)
            self.check_access(name, width, scheme)

    def check_width(self, name: str, width: int) -> None:
        wide = self.page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            self.complaints.append(
                f"{name} is {wide} px wide at {width}: {self.page.evaluate(TOO_WIDE, width)}"
            )

    def check_access(self, name: str, width: int, scheme: str) -> None:
        """Ask axe: all its rules where there is room, the contrast again on the dark ground."""
        if width > 1000:
            rules = () if scheme == "light" else ("color-contrast",)
            self.complaints += [f"{name} {scheme}: {one}" for one in violations(self.page, *rules)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    stack = Stack(tmp_path_factory.mktemp("pictures"), {"LAB_VAGRANT": "/nowhere/vagrant"})
    yield stack.start()
    stack.stop()


def make_labs(page: Page, stack: Stack) -> None:
    """One lab that is ready, one that failed, one under way."""
    import_definition(page, stack.url, "small", "scope: machines\n")
    launch(page, "small")
    assert wait_for_end(page) == "done"
    import_definition(
        page, stack.url, "broken", "rehearsal: {mishaps: ['winw1 windows-join:token-expired']}\n"
    )
    launch(page, "broken")
    assert wait_for_end(page, 90) == "failed"
    import_definition(page, stack.url, "cluster", "cni: calico\n")
    launch(page, "cluster")
    assert wait_for_end(page, 120) == "done"
    import_definition(
        page, stack.url, "endless", "rehearsal: {mishaps: ['winw1 windows-features:never-ending']}\n"
    )
    launch(page, "endless")
    wait_until(
        lambda: stack.query("SELECT max(line_count) AS n FROM webapp_log")[0]["n"] > 300, 60, "it talks"
    )


def make_recording(page: Page, url: str) -> None:
    """Open a terminal that stays open, and record some of it."""
    page.goto(f"{url}/labs/small/shells/")
    page.get_by_role("button", name="Open controlplane").click()
    page.get_by_role("button", name="Record", exact=True).click(timeout=60_000)
    page.locator(".xterm-helper-textarea").press_sequentially("colours")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="End recording").click()


def make_pairings(page: Page, url: str) -> None:
    """One that goes on, on the failure, with a guest's link; one that has ended."""
    for address in (f"{url}/labs/small/pairings/new", f"{url}/labs/broken/pairings/new?run=1"):
        page.goto(address)
        page.fill("#id_title", "Why does winw1 not join")
        page.fill("#id_goal", "The cause is known and reported upstream")
        page.locator("main form .btn-primary").click()
        page.fill(
            "#notes-text", "The token had **expired** before the join.\n\n- asked for by `kubeadm token list`"
        )
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator(".notes-list .note")).to_have_count(2)
        expect(page.locator("#chat")).to_have_attribute("data-ready", "yes")
        page.fill("#chat-text", "The join says unauthorized; is the token too old?")
        page.press("#chat-text", "Enter")
        expect(page.locator(".chat-log li")).to_have_count(1)
        if "small" in address:
            page.get_by_text("End…").click()
            page.get_by_role("button", name="End the pairing").click()
            expect(page.locator(".summary")).to_be_visible()


def make_attached(page: Page, url: str) -> str:
    """Name a cluster that is known by its machines only, none of them named yet; return their page."""
    page.goto(f"{url}/clusters/attach")
    page.fill("#by-machines-name", "bare-metal")
    page.get_by_role("button", name="Go on to its machines").click()
    page.wait_for_url(re.compile("/machines"))
    return page.url.removeprefix(url)


def invitations(page: Page, url: str) -> dict[str, str]:
    """Make two links, revoke the older one; return the addresses of their pages."""
    paths = []
    for _ in range(2):
        page.goto(f"{url}/labs/broken/pairings/1/")
        page.get_by_text("Invite a guest").click()
        page.get_by_role("button", name="Make a link").click()
        link = page.locator("button[data-copy*='/invitations/']").get_attribute("data-copy") or ""
        paths.append(link.removeprefix(url))
    page.get_by_role("button", name="Revoke").first.click()
    return {"invitation-over": paths[0], "invitation": paths[1]}


def test_every_page_has_its_picture(browser: Browser, stack: Stack):
    context = browser.new_context(viewport={"width": 1400, "height": 900}, color_scheme="light")
    outside = Photographer(context.new_page(), stack.url)
    outside.take("sign-in", "/sign-in")
    page = sign_in(context.new_page(), stack.url)
    photographer = Photographer(page, stack.url)
    for name, path in EMPTY.items():
        photographer.take(name, path)
    make_labs(page, stack)
    stack.manage("shell", "--verbosity", "0", "-c", SEED.read_text())
    make_recording(page, stack.url)
    make_pairings(page, stack.url)
    full = FULL | {"cluster-machines": make_attached(page, stack.url)}
    links = invitations(page, stack.url)
    for name, path in full.items():
        photographer.take(name, path)
    context.clear_cookies()
    for name, path in links.items():
        outside.take(name, path)
    leave(context)

    complaints = outside.complaints + photographer.complaints
    assert not complaints, "\n".join(complaints)
    expected = (len(EMPTY) + len(full) + len(links) + 1) * len(LOOKS)
    assert not PICTURES or len(list(FOLDER.glob("*.png"))) >= expected


def test_a_page_works_without_javascript(browser: Browser, stack: Stack):
    context = browser.new_context(java_script_enabled=False)
    page = sign_in(context.new_page(), stack.url)
    import_definition(page, stack.url, "plain", "scope: machines\n")
    launch(page, "plain")
    wait_until(
        lambda: stack.query(
            "SELECT 1 FROM webapp_lab l JOIN webapp_run r ON r.lab_id = l.id "
            "WHERE l.slug = 'plain' AND r.status = 'succeeded'"
        ),
        60,
        "the run ends",
    )

    page.reload()

    expect(page.locator(".log-plain pre")).to_contain_text("asked for by ana")
    leave(context)
