"""A pairing in three real browsers: owner, member, and a guest who comes by a link and is thrown out."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.people import WITHIN_MS, Person, launch_shared, people
from tests.stack import Stack, wait_until

pytestmark = pytest.mark.timeout(400)
PROMPT = "PS C:\\Users\\vagrant>"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack with a launched lab `shared`; ana is administrator, ben a member."""
    env = {"LAB_VAGRANT": "/nowhere/vagrant", "LAB_REHEARSAL_SPEED": "2000"}
    stack = Stack(tmp_path_factory.mktemp("stack"), env).start()
    stack.add_person("ben", "member")
    launch_shared(stack.visitor())
    wait_until(lambda: stack.query("SELECT 1 FROM webapp_run WHERE status = 'succeeded'"), 120, "launched")
    yield stack
    stack.stop()


@pytest.fixture
def person(browser: Browser, stack: Stack) -> Iterator[Callable[..., Person]]:
    with people(browser, stack) as make:
        yield make


@pytest.fixture
def pairing(person: Callable[..., Person]) -> Iterator[Person]:
    """ana on the page of a pairing that she has just opened; it is ended afterwards."""
    ana = person("ana").opens_pairing("shared")
    address = ana.page.url
    yield ana
    ana.page.goto(address)
    if ana.page.get_by_text("End…").count():
        ana.ends_pairing()


def test_three_people_meet_talk_and_the_guest_is_thrown_out(
    pairing: Person, person: Callable[..., Person], stack: Stack
) -> None:
    ana, ben = pairing, person("ben")
    path = ana.path
    link = ana.invites("read")
    eve = person().comes_as_guest(link, "Eve Guest")
    ben.visit(path).presses("Join")

    ben.is_seen("ana", "pairing #").is_seen("Eve Guest (guest)", "pairing #")
    eve.says("good morning")
    ana.visit(path)
    ana.sees("good morning", "#chat .chat-log")
    ben.says("<b>hello</b> there")
    eve.sees("<b>hello</b> there", "#chat .chat-log")
    ana.visit(f"{path}?show=log")
    eve.visit(f"{path}?show=log")
    expect(eve.page.locator(".log-live")).to_contain_text("complete", timeout=WITHIN_MS)

    ana.presses("Remove Eve Guest").sees("removed")

    # At once, long before rights are looked at by the clock; the page says so.
    expect(eve.page.locator("#live-strip")).to_contain_text("not live: no right", timeout=8_000)
    eve.sees("your invitation has ended", ".toasts")
    expect(ana.page.locator(".here-people [aria-label^='Eve']")).to_have_count(0, timeout=WITHIN_MS)
    eve.visit(path).sees("Not allowed")
    eve.visit("/").sees("No lab")
    eve.page.goto(link)
    eve.sees("The invitation has been used up.")
    assert ana.complaints == ben.complaints == []


def test_a_follower_goes_where_the_other_goes_until_touching_anything(person: Callable[..., Person]) -> None:
    ana, ben = person("ana").visit("/labs/shared/"), person("ben").visit("/labs/shared/")
    ben.is_seen("ana", "the lab's page")
    ben.follows("ana")
    expect(ben.page.locator(".here-said")).to_have_text("following ana")

    ana.visit("/labs/shared/runs/1/#L30-31")

    ben.page.wait_for_url(re.compile(r"/runs/1/#L30-31$"))
    expect(ben.page.locator(".log-line.is-marked")).to_have_count(2)
    ana.page.evaluate("history.replaceState(null, '', '#L5')")
    ben.page.wait_for_url(re.compile(r"#L5$"))
    ben.page.mouse.wheel(0, 40)
    expect(ben.page.locator(".here-said")).to_have_text("")
    ana.visit("/labs/shared/pairings/").is_seen("ben", "run #1")
    assert ben.page.url.endswith("/runs/1/#L5")


def test_notes_are_edited_by_two_and_a_line_is_quoted_by_one_press(
    pairing: Person, person: Callable[..., Person]
) -> None:
    ana, ben = pairing, person("ben")
    ana.visit(f"{ana.path}?show=log")
    ben.visit(f"{ana.path}?show=log").presses("Join")
    ana.page.fill("#notes-text", "The **CNI** comes late.\n\nSecond thought.")
    ana.presses("Add")
    ben.sees("Second thought", ".notes-list")
    expect(ben.page.locator(".notes-list strong")).to_have_text("CNI")

    edit(ben, 0, "It comes *after* the join.")
    edit(ana, 1, "Second thought, better.")
    for one in (ana, ben):
        one.sees("It comes after the join.", ".notes-list").sees("Second thought, better.", ".notes-list")

    ben.visit("/labs/shared/runs/1/#L2-3")
    ben.presses(re.compile("^Quote lines 2–3 in pairing"))
    ana.sees("run #1, line 2–3", "#chat .chat-log")
    ana.page.get_by_role("link", name="run #1, line 2–3").click()
    expect(ana.page.locator(".log-line.is-marked")).to_have_count(2)
    assert ana.complaints == ben.complaints == []


def edit(one: Person, index: int, text: str) -> None:
    note = one.page.locator(".notes-list .note").nth(index)
    note.get_by_text("edit", exact=True).click()
    note.locator("textarea").fill(text)
    note.get_by_role("button", name="Save").click()
    expect(note).to_contain_text(re.sub(r"[*]", "", text), timeout=WITHIN_MS)


def test_a_guest_takes_the_baton_and_a_reader_cannot(pairing: Person, person: Callable[..., Person]) -> None:
    ana = pairing
    path = ana.path
    link = ana.invites("type")
    ana.visit(f"{path}?show=terminals").presses("Open winw1")
    ana.shown(PROMPT)
    ana.types("echo from-ana")
    tim = person().comes_as_guest(link, "Tim Typist").shown("from-ana")
    ben = person("ben").visit(path).shown("from-ana")
    wait_until(lambda: tim.screen == ana.screen == ben.screen, 15, "the same screen")

    tim.types("hostname")
    tim.told("said", "ana has the baton").presses("Ask for the baton")
    ana.told("holder", "Tim Typist asks").presses("Hand over")
    tim.told("holder", "You type")
    tim.types("echo from-tim")
    ben.shown("from-tim")

    ana.presses("Remove Tim Typist")
    expect(tim.page.locator(".shell")).to_have_attribute("data-connection", "refused", timeout=8_000)


def test_what_remains_is_a_summary(pairing: Person) -> None:
    pairing.says("done for today")
    pairing.page.fill("#notes-text", "Reported upstream.")
    pairing.presses("Add").sees("Reported upstream", ".notes-list")

    pairing.ends_pairing().sees("Reported upstream.", ".summary")

    with pairing.page.expect_download() as download:
        pairing.page.get_by_role("link", name="Export as Markdown").click()
    assert "Reported upstream." in download.value.path().read_text()
    assert pairing.complaints == []


def test_a_recording_is_played_with_the_chat_at_its_time(pairing: Person) -> None:
    ana, path = pairing, pairing.path
    ana.visit(f"{path}?show=terminals").presses("Open controlplane").shown("vagrant@controlplane")
    ana.presses("Record")
    expect(ana.page.locator('[data-part="recording"]')).to_be_visible()
    ana.says("I try it now").types("echo played-it").shown("played-it")
    ana.says("that was it").presses("End recording")
    ana.visit("/labs/shared/shells/").page.locator("section[aria-label=Recordings] a").first.click()

    before, output, after = times_of(ana)
    assert 0 < before < output < after
    play_from(ana, "I try it now")
    expect(ana.page.locator(".ap-player")).not_to_contain_text("played-it")
    play_from(ana, "that was it").sees("played-it", ".ap-player")
    assert ana.complaints == []


def times_of(one: Person) -> tuple[float, float, float]:
    """Return the seconds of two messages, and between them of what `echo` wrote into the recording."""
    lines = one.page.request.get(f"{one.page.url}/cast").text().splitlines()
    output = next(event[0] for event in map(json.loads, lines[1:]) if "played-it" in event[2])
    said = one.page.locator("[data-said-at]").evaluate_all("all => all.map(one => +one.dataset.saidAt)")
    return said[0], output, said[1]


def play_from(one: Person, text: str) -> Person:
    line = one.page.locator(".player-chat li", has_text=text)
    line.get_by_role("button").click()
    expect(line).to_have_attribute("aria-current", "true", timeout=WITHIN_MS)
    return one


def test_a_command_and_a_rung_are_quoted_by_one_press_and_lead_back(
    pairing: Person, person: Callable[..., Person]
) -> None:
    ana, ben = pairing, person("ben").visit(pairing.path)
    ana.visit(f"{ana.path}?show=terminals").presses("Open controlplane").shown("vagrant@controlplane")
    terminal = ana.address
    ana.types("echo quoted-it").shown("quoted-it")

    ana.presses("Quote last command")
    ben.sees(re.compile(r"echo quoted-it\s+quoted-it"), "#chat .chat-log")
    ben.page.locator("#chat .quote a").last.click()
    ben.shown("quoted-it")
    assert ben.address == terminal

    ana.visit("/labs/shared/cluster/?machine=winw1&rung=node")
    ana.presses(re.compile("^Quote winw1, node in pairing"))
    ben.sees("winw1, ", "#chat .chat-log").page.locator("#chat .quote a").last.click()
    ben.page.wait_for_url(re.compile(r"machine=winw1&rung=node"))


def test_a_terminal_is_used_by_keys_alone(pairing: Person, person: Callable[..., Person]) -> None:
    """From the tab into the terminal, out of it by the documented key, and to a button of its toolbar."""
    ana, ben = pairing, person("ben")
    ana.visit(f"{ana.path}?show=terminals").presses("Open winw1").shown(PROMPT)
    ben.visit(ana.address).shown(PROMPT).connected()
    region = ben.page.get_by_role("region", name=re.compile(r"^Terminal winw1 #\d+ on shared$"))
    keys = region.get_by_role("textbox", name=re.compile("^Terminal winw1 .*Ctrl Shift L leaves$"))

    tab_to(ben, region.get_by_role("button", name="Screen reader"))
    ben.page.keyboard.press("Enter")
    tab_to(ben, keys)
    ben.page.keyboard.press("Tab")  # the terminal's own
    expect(keys).to_be_focused()
    ben.page.keyboard.press("Control+Shift+L")
    expect(region.get_by_role("button", name="Ask for the baton")).to_be_focused()
    ben.page.keyboard.press("Enter")

    ana.told("holder", "ben asks for the baton")
    expect(region.get_by_role("listitem").filter(has_text=PROMPT).first).to_be_attached()
    ben.page.keyboard.press("Shift+Tab")
    expect(keys).not_to_be_focused()


def tab_to(one: Person, target: Locator) -> None:
    for _ in range(80):
        if target.evaluate("element => element === document.activeElement"):
            return
        one.page.keyboard.press("Tab")
    expect(target).to_be_focused()
