"""What a person does in the browser, in their words."""

import re

from playwright.sync_api import Page, expect

ENDED = re.compile("done|failed|canceled|interrupted", re.IGNORECASE)


def import_definition(page: Page, url: str, name: str, text: str) -> None:
    page.goto(f"{url}/definitions/new")
    page.fill("#import input[name=name]", name)
    page.fill("#import textarea", text)
    page.click("#import button[type=submit]")
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def launch(page: Page, name: str, provider: str = "") -> str:
    """Press Launch on a definition's page, then on the form; return the run's address."""
    page.get_by_role("link", name="Launch", exact=True).click()
    page.fill("input[name=name]", name)
    if provider:
        page.select_option("select[name=provider]", provider)
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url(re.compile("/runs/"))
    return page.url


def ask(page: Page, url: str, lab: str, verb: str) -> None:
    """Press a verb of the whole lab and land on its run."""
    page.goto(f"{url}/labs/{lab}/")
    page.locator(
        f"form.verbs[aria-label='Verbs for the whole lab'] button[formaction$='/verbs/{verb}']"
    ).click()
    page.wait_for_url(re.compile("/runs/"))


def destroy(page: Page, url: str, lab: str) -> None:
    page.goto(f"{url}/labs/{lab}/destroy")
    page.fill("#confirm", lab)
    page.get_by_role("button", name="Destroy").click()
    page.wait_for_url(re.compile("/runs/"))


def wait_for_end(page: Page, within_s: float = 60) -> str:
    """Wait, without a reload, until the run's head says that it has ended; return the word."""
    badge = page.locator(".page-head .badge").first
    expect(badge).to_have_text(ENDED, timeout=within_s * 1000)
    found = ENDED.search(badge.inner_text())
    assert found is not None
    return found[0].lower()


def log_text(page: Page) -> str:
    """Return the whole log as the raw link gives it."""
    address = page.locator(".log-view").get_attribute("data-lines-url") or ""
    answer = page.request.get(page.url.split("/labs/")[0] + address.replace("/lines", "/raw"))
    assert answer.ok
    return answer.text()
