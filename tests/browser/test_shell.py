"""A shared terminal in real browsers: the product's own processes, a rehearsed lab, two people."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.chromium import chromium, sign_in
from tests.stack import Stack, Visitor, wait_until

PROMPT = "PS C:\\Users\\vagrant>"
DEFINITION = """\
scope: machines
machines:
- {role: control-plane, name: controlplane}
- {role: windows, name: winw1}
"""
WITHIN_MS = 30_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from chromium()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack with a launched lab `shared`; ana is administrator, ben a member, carl a viewer."""
    env = {"LAB_VAGRANT": "/nowhere/vagrant", "LAB_REHEARSAL_SPEED": "5000"}
    stack = Stack(tmp_path_factory.mktemp("stack"), env)
    try:
        stack.start()
        for name, role in (("ben", "member"), ("carl", "viewer")):
            stack.add_person(name, role)
        launch(stack.visitor())
        wait_until(
            lambda: stack.query("SELECT 1 FROM webapp_run WHERE status = 'succeeded'"), 120, "launched"
        )
        yield stack
    finally:
        stack.stop()


def launch(visitor: Visitor) -> None:
    visitor.open("/definitions/import")
    url = visitor.open("/definitions/import", {"name": "shared", "text": DEFINITION})[1]
    slug = url.rstrip("/").rsplit("/", 1)[-1]
    visitor.open(f"/labs/new?definition={slug}")
    visitor.open("/labs/new", {"revision": "1", "host": "1", "name": "shared", "provider": "rehearsal"})


class Person:
    """Somebody's browser: `page`, and what its console complained of."""

    def __init__(self, browser: Browser, stack: Stack, name: str) -> None:
        self.context = browser.new_context(viewport={"width": 1400, "height": 900})
        self.complaints: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("console", self.hear)
        sign_in(self.page, stack.url, name)
        self.stack = stack

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def visit(self, path: str = "/labs/shared/shells/") -> "Person":
        self.page.goto(f"{self.stack.url}{path}")
        return self

    def open_terminal(self, machine: str) -> "Person":
        self.visit().page.get_by_role("button", name=f"Open {machine}").click()
        return self.sees(PROMPT if machine == "winw1" else "vagrant@controlplane")

    @property
    def screen(self) -> str:
        return "\n".join(row.rstrip() for row in self.page.locator(".xterm-rows > div").all_inner_texts())

    def sees(self, text: str) -> "Person":
        expect(self.page.locator(".xterm-rows")).to_contain_text(text, timeout=WITHIN_MS)
        return self

    def types(self, text: str) -> "Person":
        self.page.locator(".xterm-helper-textarea").focus()
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")
        return self

    def presses(self, name: str) -> "Person":
        self.page.get_by_role("button", name=name, exact=True).click()
        return self

    def is_told(self, part: str, text: str | re.Pattern[str]) -> "Person":
        expect(self.page.locator(f'.shell [data-part="{part}"]')).to_contain_text(text, timeout=WITHIN_MS)
        return self


@pytest.fixture
def person(browser: Browser, stack: Stack) -> Iterator[Callable[[str], Person]]:
    made: list[Person] = []

    def make(name: str) -> Person:
        made.append(Person(browser, stack, name))
        return made[-1]

    yield make
    for one in made:
        one.context.close()


def test_two_people_share_a_shell_and_hand_the_baton_over(person: Callable[[str], Person]) -> None:
    ana = person("ana").open_terminal("winw1")
    ben = person("ben").visit(ana.page.url.removeprefix(ana.stack.url)).sees(PROMPT)
    ana.types("echo from-ana")
    ben.sees("from-ana")

    ben.types("hostname").is_told("said", "ana has the baton")
    ben.presses("Ask for the baton")
    ana.is_told("holder", "ben asks for the baton").presses("Hand over")
    ben.is_told("holder", "You type").types("echo from-ben")

    ana.sees("from-ben")
    assert ana.complaints == ben.complaints == []


def test_a_late_joiner_sees_the_same_screen_also_after_a_restart_of_the_web(
    person: Callable[[str], Person], stack: Stack
) -> None:
    ana = person("ana").open_terminal("controlplane").types("seq 60").sees("60")
    late = person("carl").visit(ana.page.url.removeprefix(stack.url)).sees("60")
    wait_until(lambda: late.screen == ana.screen, 10, "the same screen")

    stack.stop_part("web")
    stack.start_web()

    expect(ana.page.locator(".shell")).to_have_attribute("data-connection", "live", timeout=WITHIN_MS)
    ana.types("echo the-shell-lives-on")
    late.sees("the-shell-lives-on")


def test_a_viewer_has_nothing_to_type_with(person: Callable[[str], Person]) -> None:
    ana = person("ana").open_terminal("winw1")
    carl = person("carl").visit(ana.page.url.removeprefix(ana.stack.url)).sees(PROMPT)

    carl.types("hostname").is_told("said", "You may look, not type")

    expect(carl.page.get_by_role("button", name="Ask for the baton")).to_have_count(0)


def test_many_lines_are_pasted_only_when_asked_for(person: Callable[[str], Person]) -> None:
    ana = person("ana").open_terminal("controlplane")

    ana.page.locator(".xterm-helper-textarea").evaluate(
        """(area) => { const clipboardData = new DataTransfer();
        clipboardData.setData('text/plain', 'echo one\\necho two\\n');
        const kind = {clipboardData, bubbles: true, cancelable: true};
        area.dispatchEvent(new ClipboardEvent('paste', kind)) }"""
    )
    expect(ana.page.get_by_role("dialog")).to_contain_text("Paste 2 lines?")
    ana.page.get_by_role("button", name="Paste").click()

    ana.sees("two")


def test_a_key_leaves_the_terminal(person: Callable[[str], Person]) -> None:
    ana = person("ana").open_terminal("winw1")
    ana.page.locator(".xterm-helper-textarea").focus()

    ana.page.keyboard.press("Control+Shift+L")

    assert ana.page.evaluate("document.activeElement.closest('.shell-bar') !== null")


def test_a_flood_freezes_nothing_and_fills_nothing(person: Callable[[str], Person]) -> None:
    ana = person("ana").open_terminal("controlplane").types("yes")
    ana.sees("y")
    asked = ana.page.evaluate(
        """async () => { let longest = 0, last = performance.now(); const end = last + 3000;
        while (last < end) { await new Promise((r) => setTimeout(r, 10)); const now = performance.now();
        longest = Math.max(longest, now - last); last = now } return longest }"""
    )

    ana.page.keyboard.press("Control+c")
    ana.types("echo still-here").sees("still-here")
    assert asked < 2000


def test_a_file_goes_in_and_out(person: Callable[[str], Person], tmp_path: Path) -> None:
    ana = person("ana").open_terminal("controlplane")
    ana.page.evaluate(
        """() => { const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(['hello'], 'note.txt'));
        const drop = new DragEvent('drop', {dataTransfer, cancelable: true});
        document.querySelector('.shell-frame').dispatchEvent(drop) }"""
    )
    ana.is_told("said", "note.txt is in the home folder")

    ana.page.fill('[data-part="file-name"]', "note.txt")
    with ana.page.expect_download() as fetched:
        ana.presses("Download")

    assert fetched.value.path().read_text() == "hello"


def test_a_recording_is_marked_redacted_and_played(person: Callable[[str], Person]) -> None:
    ana = person("ana").open_terminal("controlplane").presses("Record")
    expect(ana.page.locator('[data-part="recording"]')).to_be_visible()
    ana.types("echo --password hunter2secret").types("echo after").sees("after").presses("End recording")
    expect(ana.page.locator('[data-part="recording"]')).to_be_hidden()

    ana.visit().page.locator("section[aria-label=Recordings] a").first.click()

    expect(ana.page.locator(".ap-player")).to_be_visible(timeout=WITHIN_MS)
    cast = ana.page.request.get(ana.page.url + "/cast").text()
    assert "after" in cast and "hunter2secret" not in cast
    assert ana.complaints == []
