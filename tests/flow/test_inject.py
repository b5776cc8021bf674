"""A binary into a running lab and out again in the browser; a worker that dies half way."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.flow.acts import log_text, wait_for_end
from tests.stack import ROOT, Stack, wait_until

pytestmark = pytest.mark.timeout(600)
SEED = Path(__file__).with_name("seed_inject.py")
STATE = "SELECT state FROM webapp_injection ORDER BY id DESC"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    env = {"LAB_VAGRANT": "/nowhere/vagrant", "PYTHONPATH": str(ROOT), "LAB_LOST_AFTER_S": "6"}
    stack = Stack(tmp_path_factory.mktemp("inject-stack"), env).start()
    stack.manage("shell", "--verbosity", "0", "-c", SEED.read_text())
    yield stack
    stack.stop()


def replace_kubelet(page: Page, stack: Stack) -> None:
    """Choose the newest binary on the machine's panel."""
    page.goto(f"{stack.url}/labs/inject/binaries/")
    page.get_by_role("link", name="Replace kubelet on winw1").click()
    page.get_by_role("button", name="Inject").click()
    page.wait_for_url(re.compile("/runs/"))


def inject_over_a_killed_worker(page: Page, stack: Stack) -> None:
    replace_kubelet(page, stack)
    wait_until(lambda: "waiting for the device to settle" in log_text(page), 60, "the step to hang")
    stack.stop_part("worker", signal.SIGKILL)
    assert stack.query(STATE)[0]["state"] == "changing"
    stack.start_worker()
    assert wait_for_end(page, 60) == "interrupted"

    page.get_by_role("button", name="Retry").click()
    page.wait_for_url(re.compile("/runs/2/"))

    assert wait_for_end(page, 60) == "done"
    assert stack.query(STATE)[0]["state"] == "in-place"


def roll_back_from_the_panel(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/labs/inject/binaries/")
    row = page.locator("#binary-winw1-kubelet")
    expect(row).to_contain_text("It is what was injected.", timeout=90_000)
    expect(row).to_contain_text("v1.36.1-4+bbbbbbbbbbbbbb")

    row.get_by_role("button", name="Roll back kubelet on winw1").click()
    page.wait_for_url(re.compile("/runs/3/"))

    assert wait_for_end(page, 60) == "done"
    page.goto(f"{stack.url}/labs/inject/binaries/")
    expect(row).to_contain_text("It is what was rolled back to.", timeout=90_000)


def see_what_somebody_else_replaced(page: Page, stack: Stack) -> None:
    path = stack.var / "labs/inject/.vagrant/rehearsal/winw1/state.json"
    path.write_text(
        re.sub(
            r'("C:\\\\k\\\\kubelet.exe": \{[^}]*"sha256": ")[0-9a-f]{64}',
            r"\g<1>" + "c" * 64,
            path.read_text(),
        )
    )

    page.goto(f"{stack.url}/labs/inject/binaries/")
    expect(page.locator("#binary-winw1-kubelet")).to_contain_text("somebody or something", timeout=90_000)

    page.goto(f"{stack.url}/labs/inject/")

    expect(page.locator("main")).to_contain_text("1 binary is not what was meant")


def test_a_binary_goes_in_over_a_killed_worker_and_out_again_and_drifts(page: Page, stack: Stack):
    inject_over_a_killed_worker(page, stack)
    roll_back_from_the_panel(page, stack)
    see_what_somebody_else_replaced(page, stack)
