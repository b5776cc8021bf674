"""A shared terminal in real browsers: the product's own processes, a rehearsed lab, two people."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.people import WITHIN_MS, Person, launch_shared, people
from tests.stack import Stack, wait_until

PROMPT = "PS C:\\Users\\vagrant>"
SHELLS = "/labs/shared/shells/"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack with a launched lab `shared`; ana is administrator, ben a member, carl a viewer."""
    env = {"LAB_VAGRANT": "/nowhere/vagrant", "LAB_REHEARSAL_SPEED": "5000"}
    stack = Stack(tmp_path_factory.mktemp("stack"), env)
    try:
        stack.start()
        for name, role in (("ben", "member"), ("carl", "viewer")):
            stack.add_person(name, role)
        launch_shared(stack.visitor())
        wait_until(
            lambda: stack.query("SELECT 1 FROM webapp_run WHERE status = 'succeeded'"), 120, "launched"
        )
        yield stack
    finally:
        stack.stop()


@pytest.fixture
def person(browser: Browser, stack: Stack) -> Iterator[Callable[[str], Person]]:
    with people(browser, stack) as make:
        yield make


def with_terminal(one: Person, machine: str) -> Person:
    """Open a terminal of theirs on a machine of the lab."""
    one.visit(SHELLS).page.get_by_role("button", name=f"Open {machine}").click()
    return one.shown(PROMPT if machine == "winw1" else "vagrant@controlplane")


def test_two_people_share_a_shell_and_hand_the_baton_over(person: Callable[[str], Person]) -> None:
    ana = with_terminal(person("ana"), "winw1")
    ben = person("ben").visit(ana.address).shown(PROMPT)
    ana.types("echo from-ana")
    ben.shown("from-ana")

    ben.types("hostname").told("said", "ana has the baton")
    ben.presses("Ask for the baton")
    ana.told("holder", "ben asks for the baton").presses("Hand over")
    ben.told("holder", "You type").types("echo from-ben")

    ana.shown("from-ben")
    assert ana.complaints == ben.complaints == []


def test_a_late_joiner_sees_the_same_screen_also_after_a_restart_of_the_web(
    person: Callable[[str], Person], stack: Stack
) -> None:
    ana = with_terminal(person("ana"), "controlplane").types("seq 60").shown("60")
    late = person("carl").visit(ana.address).shown("60")
    wait_until(lambda: late.screen == ana.screen, 10, "the same screen")

    stack.stop_part("web")
    stack.start_web()

    expect(ana.page.locator(".shell")).to_have_attribute("data-connection", "live", timeout=WITHIN_MS)
    ana.types("echo the-shell-lives-on")
    late.shown("the-shell-lives-on")


def test_a_viewer_has_nothing_to_type_with(person: Callable[[str], Person]) -> None:
    ana = with_terminal(person("ana"), "winw1")
    carl = person("carl").visit(ana.address).shown(PROMPT)

    carl.types("hostname").told("said", "You may look, not type")

    expect(carl.page.get_by_role("button", name="Ask for the baton")).to_have_count(0)


def test_many_lines_are_pasted_only_when_asked_for(person: Callable[[str], Person]) -> None:
    ana = with_terminal(person("ana"), "controlplane")

    ana.page.locator(".xterm-helper-textarea").evaluate(
        """(area) => { const clipboardData = new DataTransfer();
        clipboardData.setData('text/plain', 'echo one\\necho two\\n');
        const kind = {clipboardData, bubbles: true, cancelable: true};
        area.dispatchEvent(new ClipboardEvent('paste', kind)) }"""
    )
    expect(ana.page.get_by_role("dialog")).to_contain_text("Paste 2 lines?")
    ana.page.get_by_role("button", name="Paste").click()

    ana.shown("two")


def test_a_key_leaves_the_terminal(person: Callable[[str], Person]) -> None:
    ana = with_terminal(person("ana"), "winw1")
    ana.page.locator(".xterm-helper-textarea").focus()

    ana.page.keyboard.press("Control+Shift+L")

    assert ana.page.evaluate("document.activeElement.closest('.shell-bar') !== null")


def test_a_flood_freezes_nothing_and_fills_nothing(person: Callable[[str], Person]) -> None:
    ana = with_terminal(person("ana"), "controlplane").types("yes")
    ana.shown("y")
    asked = ana.page.evaluate(
        """async () => { let longest = 0, last = performance.now(); const end = last + 3000;
        while (last < end) { await new Promise((r) => setTimeout(r, 10)); const now = performance.now();
        longest = Math.max(longest, now - last); last = now } return longest }"""
    )

    ana.page.keyboard.press("Control+c")
    ana.types("echo still-here").shown("still-here")
    assert asked < 2000


def test_a_file_goes_in_and_out(person: Callable[[str], Person], tmp_path: Path) -> None:
    ana = with_terminal(person("ana"), "controlplane")
    ana.page.evaluate(
        """() => { const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(['hello'], 'note.txt'));
        const drop = new DragEvent('drop', {dataTransfer, cancelable: true});
        document.querySelector('.shell-frame').dispatchEvent(drop) }"""
    )
    ana.told("said", "note.txt is in the home folder")

    ana.page.fill('[data-part="file-name"]', "note.txt")
    with ana.page.expect_download() as fetched:
        ana.presses("Download")

    assert fetched.value.path().read_text() == "hello"


def test_a_recording_is_marked_redacted_and_played(person: Callable[[str], Person]) -> None:
    ana = with_terminal(person("ana"), "controlplane").presses("Record")
    expect(ana.page.locator('[data-part="recording"]')).to_be_visible()
    ana.types("echo --password hunter2secret").types("echo after").shown("after").presses("End recording")
    expect(ana.page.locator('[data-part="recording"]')).to_be_hidden()

    ana.visit(SHELLS).page.locator("section[aria-label=Recordings] a").first.click()

    expect(ana.page.locator(".ap-player")).to_be_visible(timeout=WITHIN_MS)
    cast = ana.page.request.get(ana.page.url + "/cast").text()
    assert "after" in cast and "hunter2secret" not in cast
    assert ana.complaints == []
