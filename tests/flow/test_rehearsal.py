"""Import, launch, watch, act, destroy: the main job as a rehearsal, in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from tests.flow.acts import ask, destroy, import_definition, launch, log_text, wait_for_end
from tests.stack import Stack, wait_until

pytestmark = pytest.mark.timeout(240)

# Within its own scrolling list; the page itself may stand higher.
IS_STEP_SEEN = """() => {
  const list = document.querySelector("#run-steps").getBoundingClientRect();
  const step = document.querySelector(".step.is-canceled").getBoundingClientRect();
  return step.top >= list.top && step.bottom <= list.bottom;
}"""


def test_a_person_imports_launches_and_watches(page: Page, stack: Stack, variables: str):
    import_definition(page, stack.url, "upstream", variables)
    page.get_by_role("link", name="Launch", exact=True).click()
    page.fill("input[name=name]", "upstream")
    page.locator("main form button[type=submit]").first.click()
    expect(page.locator(".log-rows")).to_contain_text("launch", timeout=10_000)  # seconds: bench.click

    assert wait_for_end(page, 120) == "done"
    text = log_text(page)

    assert "asked for by ana" in text
    assert "kubeadm" in text
    expect(page.locator("body")).to_contain_text("rehearsal")
    page.goto(f"{stack.url}/labs/upstream/")
    expect(page.locator("body")).to_contain_text("10.20.30.11")


def test_a_lab_is_halted_started_and_destroyed_by_its_name(page: Page, stack: Stack):
    import_definition(page, stack.url, "small", "scope: machines\n")
    launch(page, "small")
    assert wait_for_end(page) == "done"

    for verb in ("halt", "up"):
        ask(page, stack.url, "small", verb)
        assert wait_for_end(page) == "done"
    destroy(page, stack.url, "small")
    assert wait_for_end(page) == "done"

    page.goto(f"{stack.url}/labs/small/")
    expect(page.locator("body")).to_contain_text("destroyed")


def test_a_wrong_file_is_explained_and_kept(page: Page, stack: Stack):
    page.goto(f"{stack.url}/definitions/new")
    page.fill("#import input[name=name]", "wrong")
    page.fill("#import textarea", "cni: calcio\nkubernets: {version: '1.36'}\n")
    page.click("#import button[type=submit]")

    body = page.locator("body")
    expect(body).to_contain_text("kubernets")
    expect(body).to_contain_text("kubernetes")
    expect(page.locator("#definition-text")).to_have_value("cni: calcio\nkubernets: {version: '1.36'}\n")


def test_a_failed_step_is_seen_and_retried(page: Page, stack: Stack):
    text = "scope: machines\nrehearsal: {mishaps: ['once:winw1 windows-network:provisioner-failure']}\n"
    import_definition(page, stack.url, "mishap", text)
    launch(page, "mishap")

    # The mishap strikes once, and a step has two attempts: the run heals itself, and says so.
    assert wait_for_end(page) == "done"
    assert "Attempt 2 of 2" in log_text(page)


def test_canceling_stops_the_run_and_says_so(page: Page, stack: Stack):
    text = "scope: machines\nrehearsal: {mishaps: ['controlplane linux-prepare:never-ending']}\n"
    import_definition(page, stack.url, "endless", text)
    launch(page, "endless")
    wait_until(
        lambda: stack.query("SELECT max(line_count) AS n FROM webapp_log")[0]["n"] > 100, 30, "it talks"
    )

    page.get_by_role("button", name="Cancel").click()

    assert wait_for_end(page, 60) == "canceled"
    assert "left as" in log_text(page)
    page.set_viewport_size({"width": 1400, "height": 240})
    page.reload()
    assert page.evaluate("document.querySelector('#run-steps').scrollHeight > 240")
    wait_until(lambda: page.evaluate(IS_STEP_SEEN), 10, "the list opens at the canceled step")
