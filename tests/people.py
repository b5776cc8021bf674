"""People with browsers of their own, for tests of what several do together on one lab."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.chromium import leave, sign_in
from tests.stack import Stack, Visitor

# A machine without a hypervisor: `shared` is what `launch_shared` brings up in a rehearsal.
DEFINITION = """\
scope: machines
machines:
- {role: control-plane, name: controlplane}
- {role: windows, name: winw1}
"""
WITHIN_MS = 30_000
TITLE = "Why is the CNI late"


class Person:
    """Somebody's browser, and what its console complained of. `within_ms` is for each thing waited for."""

    def __init__(self, browser: Browser, stack: Stack, name: str = "", within_ms: float = WITHIN_MS) -> None:
        self.context = browser.new_context(viewport={"width": 1400, "height": 900})
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(within_ms)
        self.within_ms = within_ms
        self.complaints: list[str] = []
        self.page.on("console", self.hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.url = stack.url
        if name:
            sign_in(self.page, stack.url, name)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            self.complaints.append(message.text)

    @property
    def address(self) -> str:
        """Where this person is, from the site's root on."""
        return self.page.url.removeprefix(self.url)

    @property
    def path(self) -> str:
        return self.address.split("?")[0]

    def visit(self, path: str) -> "Person":
        self.page.goto(f"{self.url}{path}")
        return self

    def presses(self, name: str | re.Pattern[str]) -> "Person":
        self.page.get_by_role("button", name=name, exact=True).first.click()
        return self

    def sees(self, text: str | re.Pattern[str], where: str = "main") -> "Person":
        expect(self.page.locator(where).first).to_contain_text(text, timeout=self.within_ms)
        return self

    def is_seen(self, name: str, words: str) -> "Person":
        """See somebody else at the top of the page, with where they are."""
        avatar = self.page.locator(f".here-people [aria-label^='{name}']")
        expect(avatar).to_have_attribute("aria-label", re.compile(re.escape(words)), timeout=self.within_ms)
        return self

    def follows(self, name: str) -> "Person":
        self.page.locator(f".here-people [aria-label^='{name}']").click()
        return self

    def says(self, text: str) -> "Person":
        expect(self.page.locator("#chat")).to_have_attribute("data-ready", "yes")  # Enter sends from now on
        self.page.fill("#chat-text", text)
        self.page.press("#chat-text", "Enter")
        return self.sees(text, "#chat .chat-log")

    # -- at a terminal -------------------------------------------------------------------

    def shown(self, text: str | re.Pattern[str]) -> "Person":
        """See something in the terminal's cells."""
        return self.sees(text, ".xterm-rows")

    def told(self, part: str, text: str | re.Pattern[str]) -> "Person":
        """Be told something beside the terminal: in its `state`, `holder` or `said`."""
        return self.sees(text, f'.shell [data-part="{part}"]')

    def connected(self, state: str = "live") -> "Person":
        expect(self.page.locator(".shell")).to_have_attribute(
            "data-connection", state, timeout=self.within_ms
        )
        return self

    def types(self, text: str) -> "Person":
        self.connected()
        keys = self.page.locator(".xterm-helper-textarea")
        keys.focus()
        expect(keys).to_be_focused()
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")
        return self

    @property
    def screen(self) -> str:
        return "\n".join(row.rstrip() for row in self.page.locator(".xterm-rows > div").all_inner_texts())

    # -- in a pairing --------------------------------------------------------------------

    def opens_pairing(self, lab: str, title: str = TITLE) -> "Person":
        self.visit(f"/labs/{lab}/pairings/new")
        self.page.fill("#id_title", title)
        return self.presses("Open").sees("opened it")

    def invites(self, role: str) -> str:
        """Make an invitation on the pairing's page; return its link."""
        self.page.get_by_text("Invite a guest").click()
        self.page.select_option("#id_role", role)
        self.presses("Make a link")
        link = self.page.locator("button[data-copy*='/invitations/']").get_attribute("data-copy")
        assert link is not None
        return link

    def comes_as_guest(self, link: str, name: str, title: str = TITLE) -> "Person":
        self.page.goto(link)
        self.page.fill("#id_name", name)
        return self.presses("Join as a guest").sees(title)

    def ends_pairing(self) -> "Person":
        self.page.get_by_text("End…").click()
        return self.presses("End the pairing").sees("ended it")

    def leaves(self) -> None:
        leave(self.context)


@contextmanager
def people(browser: Browser, stack: Stack, within_ms: float = WITHIN_MS) -> Iterator[Callable[..., Person]]:
    """Give what makes persons: `person("ben")`, or `person()` has not signed in. They leave at the end."""
    made: list[Person] = []

    def make(name: str = "") -> Person:
        made.append(Person(browser, stack, name, within_ms))
        return made[-1]

    try:
        yield make
    finally:
        for one in made:
            one.leaves()


def launch_shared(visitor: Visitor) -> None:
    """Ask for the rehearsed lab `shared`."""
    visitor.open("/definitions/import")
    url = visitor.open("/definitions/import", {"name": "shared", "text": DEFINITION})[1]
    slug = url.rstrip("/").rsplit("/", 1)[-1]
    visitor.open(f"/labs/new?definition={slug}")
    visitor.open("/labs/new", {"revision": "1", "host": "1", "name": "shared", "provider": "rehearsal"})
