"""A pairing in three real browsers: owner, member, and a guest who comes by a link and is thrown out."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.chromium import chromium, sign_in
from tests.stack import Stack, Visitor, wait_until

pytestmark = pytest.mark.timeout(400)
DEFINITION = """\
scope: machines
machines:
- {role: control-plane, name: controlplane}
- {role: windows, name: winw1}
"""
PROMPT = "PS C:\\Users\\vagrant>"
WITHIN_MS = 30_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from chromium()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack with a launched lab `shared`; ana is administrator, ben a member."""
    env = {"LAB_VAGRANT": "/nowhere/vagrant", "LAB_REHEARSAL_SPEED": "2000"}
    stack = Stack(tmp_path_factory.mktemp("stack"), env).start()
    stack.add_person("ben", "member")
    launch(stack.visitor())
    wait_until(lambda: stack.query("SELECT 1 FROM webapp_run WHERE status = 'succeeded'"), 120, "launched")
    yield stack
    stack.stop()


def launch(visitor: Visitor) -> None:
    visitor.open("/definitions/import")
    url = visitor.open("/definitions/import", {"name": "shared", "text": DEFINITION})[1]
    slug = url.rstrip("/").rsplit("/", 1)[-1]
    visitor.open(f"/labs/new?definition={slug}")
    visitor.open("/labs/new", {"revision": "1", "host": "1", "name": "shared", "provider": "rehearsal"})


class Person:
    """Somebody's browser, and what its console complained of."""

    def __init__(self, browser: Browser, stack: Stack, name: str = "") -> None:
        self.context = browser.new_context(viewport={"width": 1400, "height": 900})
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(WITHIN_MS)
        self.complaints: list[str] = []
        self.page.on("console", self.hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.url = stack.url
        if name:
            sign_in(self.page, stack.url, name)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            self.complaints.append(message.text)

    def visit(self, path: str) -> "Person":
        self.page.goto(f"{self.url}{path}")
        return self

    def presses(self, name: str | re.Pattern[str]) -> "Person":
        self.page.get_by_role("button", name=name, exact=True).first.click()
        return self

    def sees(self, text: str, where: str = "main") -> "Person":
        expect(self.page.locator(where).first).to_contain_text(text, timeout=WITHIN_MS)
        return self

    def is_seen(self, name: str, words: str) -> "Person":
        """See somebody else at the top of the page, with where they are."""
        avatar = self.page.locator(f".here-people [aria-label^='{name}']")
        expect(avatar).to_have_attribute("aria-label", re.compile(re.escape(words)), timeout=WITHIN_MS)
        return self

    def says(self, text: str) -> "Person":
        expect(self.page.locator("#chat")).to_have_attribute("data-ready", "yes")  # Enter sends from now on
        self.page.fill("#chat-text", text)
        self.page.press("#chat-text", "Enter")
        return self.sees(text, "#chat .chat-log")


@pytest.fixture
def person(browser: Browser, stack: Stack) -> Iterator[Callable[..., Person]]:
    made: list[Person] = []

    def make(name: str = "") -> Person:
        made.append(Person(browser, stack, name))
        return made[-1]

    yield make
    for one in made:
        one.context.close()


@pytest.fixture
def pairing(person: Callable[..., Person]) -> Iterator[Person]:
    """ana on the page of a pairing that she has just opened; it is ended afterwards."""
    ana = person("ana").visit("/labs/shared/pairings/new")
    ana.page.fill("#id_title", "Why is the CNI late")
    ana.presses("Open").sees("opened it")
    address = ana.page.url
    yield ana
    ana.page.goto(address)
    if ana.page.get_by_text("End…").count():
        ana.page.get_by_text("End…").click()
        ana.presses("End the pairing")


def path_of(person: Person) -> str:
    return person.page.url.removeprefix(person.url).split("?")[0]


def invite(owner: Person, role: str) -> str:
    """Make an invitation on the pairing's page; return its link."""
    owner.page.get_by_text("Invite a guest").click()
    owner.page.select_option("#id_role", role)
    owner.presses("Make a link")
    link = owner.page.locator("button[data-copy*='/invitations/']").get_attribute("data-copy")
    assert link is not None
    return link


def come_as_guest(guest: Person, link: str, name: str) -> Person:
    guest.page.goto(link)
    guest.page.fill("#id_name", name)
    return guest.presses("Join as a guest").sees("Why is the CNI late")


def test_three_people_meet_talk_and_the_guest_is_thrown_out(
    pairing: Person, person: Callable[..., Person], stack: Stack
) -> None:
    ana, ben = pairing, person("ben")
    path = path_of(ana)
    link = invite(ana, "read")
    eve = come_as_guest(person(), link, "Eve Guest")
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
    ben.page.locator(".here-people [aria-label^='ana']").click()
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
    ana.visit(f"{path_of(ana)}?show=log")
    ben.visit(f"{path_of(ana)}?show=log").presses("Join")
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
    path = path_of(ana)
    link = invite(ana, "type")
    ana.visit(f"{path}?show=terminals").presses("Open winw1")
    ana.sees(PROMPT, ".xterm-rows")
    types(ana, "echo from-ana")
    tim = come_as_guest(person(), link, "Tim Typist").sees("from-ana", ".xterm-rows")
    ben = person("ben").visit(path).sees("from-ana", ".xterm-rows")
    wait_until(lambda: screen(tim) == screen(ana) == screen(ben), 15, "the same screen")

    types(tim, "hostname")
    tim.sees("ana has the baton", '.shell [data-part="said"]').presses("Ask for the baton")
    ana.sees("Tim Typist asks", '.shell [data-part="holder"]').presses("Hand over")
    tim.sees("You type", '.shell [data-part="holder"]')
    types(tim, "echo from-tim")
    ben.sees("from-tim", ".xterm-rows")

    ana.presses("Remove Tim Typist")
    expect(tim.page.locator(".shell")).to_have_attribute("data-connection", "refused", timeout=8_000)


def types(one: Person, text: str) -> None:
    expect(one.page.locator(".shell")).to_have_attribute("data-connection", "live", timeout=WITHIN_MS)
    one.page.locator(".xterm-helper-textarea").focus()
    expect(one.page.locator(".xterm-helper-textarea")).to_be_focused()
    one.page.keyboard.type(text)
    one.page.keyboard.press("Enter")


def screen(one: Person) -> str:
    return "\n".join(row.rstrip() for row in one.page.locator(".xterm-rows > div").all_inner_texts())


def test_what_remains_is_a_summary(pairing: Person) -> None:
    pairing.says("done for today")
    pairing.page.fill("#notes-text", "Reported upstream.")
    pairing.presses("Add").sees("Reported upstream", ".notes-list")

    pairing.page.get_by_text("End…").click()
    pairing.presses("End the pairing").sees("Reported upstream.", ".summary")

    with pairing.page.expect_download() as download:
        pairing.page.get_by_role("link", name="Export as Markdown").click()
    assert "Reported upstream." in download.value.path().read_text()
    assert pairing.complaints == []
