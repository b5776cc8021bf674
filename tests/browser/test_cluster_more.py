"""Logs, workloads, connectivity and bundle of a rehearsed lab in a real browser and the real stack."""

import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.scene import seeded_stack, watched_page
from tests.stack import Stack, wait_until

pytestmark = pytest.mark.timeout(300)
SOON_MS = 60_000  # a worker takes it within moments; this machine may be busy
PICTURES = os.environ.get("LAB_PICTURES_MORE", "")  # a folder: pictures for looking at, not for docs
TOLD = "SELECT 1 FROM webapp_sighting WHERE seen_at IS NOT NULL"
PLAY = """
from pathlib import Path
from django.conf import settings
from tests.cluster.conftest import ADDRESSES, Rehearsed
from tests.factories import LabFactory, MachineFactory
from webapp.accounts.models import User
from webapp.hosts.models import Host
host = Host.objects.create(name="local")
lab = LabFactory(name="whole", owner=User.objects.get(username="ana"), host=host)
for position, (machine, role) in enumerate((("controlplane", "control-plane"), ("winw1", "windows"))):
    MachineFactory(lab=lab, position=position, name=machine, role=role, ip=ADDRESSES[machine])
Rehearsed(lab, Path(settings.LAB_HOME) / "whole").launch("no-overlay")
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with seeded_stack(tmp_path_factory.mktemp("more"), PLAY, "worker", "beat") as stack:
        # What a bundle gathers, and which logs are offered, follows from what each machine has told.
        wait_until(lambda: len(stack.query(TOLD)) == 3, 120, "the first looks")
        yield stack


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    left = "dynamically imported module"  # a page that was left while its modules came
    with watched_page(browser, stack, SOON_MS, but=left) as page:
        yield page


def open_tab(page: Page, stack: Stack, tab: str) -> None:
    page.goto(f"{stack.url}/labs/whole/cluster/")
    page.get_by_role("navigation", name="Parts of the cluster").get_by_role("link", name=tab).click()


def picture(page: Page, name: str) -> None:
    """Keep what it looks like, in both themes and widths, where somebody asked for it."""
    for theme in ("light", "dark") if PICTURES else ():
        for width in (1400, 400):
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=f"{PICTURES}/{name}-{theme}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 1400, "height": 900})


def test_log_is_followed_live_by_keys_only(page: Page, stack: Stack) -> None:
    page.goto(
        f"{stack.url}/labs/whole/cluster/log?kind=file&machine=winw1&path=C:\\var\\log\\kubelet\\kubelet.log"
    )
    expect(page.get_by_role("button", name="Read and follow")).to_be_focused()

    page.keyboard.press("Enter")

    expect(page.locator("#node-log-head .badge")).to_have_text("running", timeout=SOON_MS)
    rows = page.locator("[data-part=rows]")
    expect(rows).to_contain_text("SyncLoop", timeout=SOON_MS)
    count = page.locator("[data-part=count]").inner_text()
    expect(page.locator("[data-part=count]")).not_to_have_text(count, timeout=SOON_MS)  # it grows
    picture(page, "log")
    page.get_by_role("button", name="Stop reading").click()
    expect(page.locator("#node-log-head")).to_contain_text("Stopped", timeout=SOON_MS)


def test_workload_comes_up_and_goes(page: Page, stack: Stack) -> None:
    open_tab(page, stack, "Workloads")
    expect(page.locator("#apply-whoami")).to_be_enabled(timeout=SOON_MS)  # the first look has come

    page.locator("#apply-whoami").click()

    card = page.locator("section.card", has=page.get_by_role("heading", name="whoami on both systems"))
    expect(card.locator(".badge").first).to_have_text("2 of 2 pods ready", timeout=SOON_MS)
    picture(page, "workloads")
    card.get_by_role("link", name="log").first.click()
    page.get_by_role("button", name="Read once").click()
    expect(page.locator("[data-part=rows]")).to_contain_text("line 0 of whoami", timeout=SOON_MS)
    open_tab(page, stack, "Workloads")
    page.get_by_role("button", name="Remove whoami on both systems").click()
    expect(page.locator("#apply-whoami")).to_be_visible(timeout=SOON_MS)


def test_own_yaml_keeps_what_was_typed(page: Page, stack: Stack) -> None:
    open_tab(page, stack, "Workloads")
    page.get_by_label("Name", exact=True).fill("mine")
    page.get_by_label("Manifest", exact=True).fill("kind: [")

    page.get_by_role("button", name="Check and apply").click()

    expect(page.get_by_role("alert")).to_contain_text("Line 1")
    expect(page.get_by_label("Manifest", exact=True)).to_have_value("kind: [")
    picture(page, "own")


def test_matrix_names_the_hop_that_fails(page: Page, stack: Stack) -> None:
    open_tab(page, stack, "Connectivity")
    picture(page, "connectivity-empty")
    page.get_by_role("button", name="Try every way now").click()

    expect(page.get_by_role("heading", name="Where it breaks")).to_be_visible(timeout=SOON_MS)

    expect(page.locator("#connectivity")).to_contain_text("overlay between Linux and Windows pods")
    picture(page, "connectivity")


def test_bundle_is_gathered_and_downloaded(page: Page, stack: Stack, tmp_path: Path) -> None:
    open_tab(page, stack, "Bundle")
    page.get_by_role("button", name="Gather a bundle").click()
    expect(page.locator("#bundle-download")).to_be_visible(timeout=2 * SOON_MS)
    picture(page, "bundle")

    with page.expect_download() as download:
        page.locator("#bundle-download").click()
    download.value.save_as(tmp_path / "bundle.zip")

    archive = zipfile.ZipFile(tmp_path / "bundle.zip")
    assert archive.testzip() is None
    assert "logs/winw1-kubelet.log" in archive.namelist()
    whole = "".join(archive.read(name).decode(errors="replace") for name in archive.namelist())
    assert not re.search(r"rehear\.5a1", whole)
    page.get_by_role("button", name="Copy the text").click()


def test_empty_pages_teach(page: Page, stack: Stack) -> None:
    open_tab(page, stack, "Readiness")

    expect(page.get_by_role("heading", name="No report yet")).to_be_visible()
    picture(page, "readiness")
    open_tab(page, stack, "Logs")
    picture(page, "logs")
