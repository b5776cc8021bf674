"""A live update under somebody's hands: nothing that they did is lost, and nothing moves without news."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.scene import seeded_stack
from tests.chromium import leave, sign_in
from tests.stack import Stack

pytestmark = pytest.mark.timeout(300)
SEED = """
from tests.factories import LabFactory, MachineFactory, RunFactory, StepFactory
from webapp.accounts.models import User
from webapp.logs import store
from webapp.logs.lines import LogLine

lab = LabFactory(name="calm", owner=User.objects.get(username="ana"))
MachineFactory(lab=lab, position=0, name="winw1")
run = RunFactory(lab=lab, number=1, status="failed", sentence="It failed.")
for number in range(1, 31):
    StepFactory(run=run, number=number, status="succeeded" if number < 20 else "failed")
store.append(run.log_id, [LogLine("", "output", f"line {n}") for n in range(60)], at_ms=0)
"""
NEWS = """
from webapp.runs.models import Step
Step.objects.filter(number=20).update(sentence="The token has expired.")
"""
NUDGE = "() => document.body.dispatchEvent(new CustomEvent('run-changed'))"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with seeded_stack(tmp_path_factory.mktemp("live"), SEED) as stack:
        yield stack


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    yield sign_in(context.new_page(), stack.url)
    leave(context)


def nudge(page: Page, address: str) -> None:
    """Say that there is news, and wait until the fragment has been asked for."""
    with page.expect_response(lambda answer: answer.url.endswith(address)):
        page.evaluate(NUDGE)
    page.wait_for_timeout(200)  # the swap, and 20 ms in which htmx settles it


def test_without_news_not_one_element_is_replaced(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/labs/calm/")
    nudge(page, "/labs/calm/run")  # the first answers are what later ones are held against
    page.wait_for_load_state("networkidle")
    page.evaluate("document.querySelectorAll('main section *').forEach(one => { one.isOld = true })")

    nudge(page, "/labs/calm/run")
    page.wait_for_load_state("networkidle")

    changed = page.evaluate(
        "[...document.querySelectorAll('main section *')].filter(one => !one.isOld).map(one => one.outerHTML)"
    )
    assert changed == []


def test_news_come_and_what_was_done_stays(page: Page, stack: Stack) -> None:
    """Open steps and focus on the lab's page; the list's place on the run's; marked text waits."""
    page.goto(f"{stack.url}/labs/calm/")
    run = page.locator("section[aria-label='Newest run']")
    summary = run.locator(".steps-done > summary")
    summary.focus()
    page.keyboard.press("Enter")
    other = page.context.new_page()
    other.goto(f"{stack.url}/labs/calm/runs/1/")
    steps = other.locator("#run-steps")
    steps.evaluate("box => { box.scrollTop = 90 }")
    stack.manage("shell", "--verbosity", "0", "-c", NEWS)

    nudge(other, "/runs/1/steps")
    nudge(page, "/labs/calm/run")

    expect(steps).to_contain_text("The token has expired.")
    assert steps.evaluate("box => box.scrollTop") == 90
    expect(run).to_contain_text("The token has expired.")
    expect(run.locator(".steps-done")).to_have_attribute("open", "")
    expect(summary).to_be_focused()
    expect(page).to_have_title(re.compile("^■ calm · "))


def test_marked_text_is_not_taken_from_under_the_mouse(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/labs/calm/")
    tail = page.locator(".tail")
    tail.evaluate("box => getSelection().selectAllChildren(box)")
    page.evaluate("document.querySelectorAll('.tail').forEach(one => { one.isOld = true })")

    nudge(page, "/labs/calm/run")

    assert tail.evaluate("box => box.isOld && getSelection().toString().includes('line 59')")
