"""Pages of pairings and invitations: who gets in, what a stranger meets, how many queries."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.factories import LabFactory, LogFactory, RunFactory, UserFactory
from tests.pairing.conftest import no_redis, pairing
from tests.web.conftest import grow_old
from webapp.accounts.models import Role, User
from webapp.builds.models import Build
from webapp.executions.models import Status
from webapp.labs.models import Lab
from webapp.pairing import chat, guests, notes
from webapp.pairing.actions import end_pairing, join_pairing, open_pairing
from webapp.pairing.models import Pairing
from webapp.shells.models import Recording, Terminal
from webapp.web.views import invitations

__all__ = ["no_redis", "pairing"]
pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
PAGES = ["pairing", "pairing-head", "pairing-people", "pairing-chat", "pairing-notes", "pairing-summary"]
POSTS = {
    "pairing-chat": "viewer", "pairing-notes": "viewer", "pairing-quote": "viewer", "pairing-start": "viewer",
    "pairing-join": "viewer", "pairing-end": "viewer", "pairing-invite": "member",
    "pairing-shell-open": "viewer",
}  # fmt: skip
PAIRING_QUERIES = 12


@pytest.fixture
def link(pairing: Pairing, owner: User) -> str:
    return reverse("invitation", args=[guests.invite(pairing, owner, role="read")[1]])


def address(name: str, pairing: Pairing, *more: object) -> str:
    return reverse(name, args=[pairing.lab.slug, pairing.number, *more])


@pytest.mark.parametrize("name", PAGES)
def test_a_viewer_reads_and_an_outsider_does_not(
    name: str, pairing: Pairing, stranger: User, sign_in: SignIn, client: Client
):
    outsider = UserFactory(role=Role.GUEST)
    page = address(name, pairing)

    seen = [sign_in(person).get(page).status_code for person in (stranger, outsider)]

    assert seen == [200, 403]
    assert client.get(page)["Location"].startswith(reverse("sign-in"))


@pytest.mark.parametrize("name", sorted(POSTS))
def test_who_may_not_change_it_cannot(
    name: str, pairing: Pairing, stranger: User, member: User, sign_in: SignIn, client: Client
):
    who = {"viewer": stranger, "member": member}[POSTS[name]]
    page = address(name, pairing)

    assert sign_in(who).post(page, {"text": "x"}).status_code == 403
    assert client.post(page)["Location"].startswith(reverse("sign-in"))


@pytest.mark.parametrize("name", ["pairing-end", "pairing-join", "pairing-start", "pairing-quote"])
def test_looking_changes_nothing(name: str, pairing: Pairing, owner: User, sign_in: SignIn):
    assert sign_in(owner).get(address(name, pairing)).status_code == 405


@pytest.mark.parametrize("name", ["all-pairings", "pairings", "pairing-new", "pairing-panel", "pairing-chip"])
def test_pages_of_the_lab_are_shown(name: str, pairing: Pairing, member: User, sign_in: SignIn):
    page = reverse(name, args=[] if name == "all-pairings" else [pairing.lab.slug])

    assert "#1" in sign_in(member).get(page).content.decode()


def test_an_outsider_finds_no_lab_and_no_pairing(pairing: Pairing, sign_in: SignIn):
    client = sign_in(UserFactory(role=Role.GUEST))

    for page in (reverse("labs"), reverse("all-pairings"), f"{reverse('palette')}?q=c"):
        answer = client.get(page)
        assert (answer.status_code, "/labs/calico-1/" in answer.content.decode()) == (200, False)
    assert client.get(reverse("lab", args=["calico-1"])).status_code == 403


def test_a_failed_run_offers_a_pairing_that_holds_the_machines(lab: Lab, owner: User, sign_in: SignIn):
    RunFactory(lab=lab, number=1, status=Status.FAILED, sentence="winw1 did not join")
    client, new = sign_in(owner), reverse("pairing-new", args=[lab.slug])

    assert f"{new}?run=1" in client.get(reverse("run", args=[lab.slug, 1])).content.decode()
    client.post(new, {"title": "Look", "run": "1"})

    lab.refresh_from_db()
    assert lab.held_for == "held for pairing #1, which ana opened on a failure"
    assert "Unless somebody joins" in client.get(address("pairing", lab.pairings.get())).content.decode()


def test_a_stranger_comes_in_with_a_name_and_leaves_with_nothing(
    pairing: Pairing, link: str, owner: User, client: Client
):
    assert "Join as a guest" in client.get(link).content.decode()
    answer = client.post(link, {"name": "Eve Guest"})
    inside = client.get(answer["Location"]).status_code

    guests.remove_guest(pairing, User.objects.get(username="Eve Guest"), owner)

    assert [inside, client.get(answer["Location"]).status_code] == [200, 403]


def test_a_guest_who_came_long_ago_opens_terminals_after_using_the_link_again(
    pairing: Pairing, owner: User, client: Client, settings
):
    settings.LAB_HOST = pairing.lab.host.name
    link = reverse("invitation", args=[guests.invite(pairing, owner, role="type")[1]])
    open_it, machine = address("pairing-shell-open", pairing), {"machine": pairing.lab.machines.all()[0].name}
    client.post(link, {"name": "Eve Guest"})
    grow_old(client)

    page = client.post(open_it, machine, follow=True).content.decode()
    client.post(link)
    client.post(open_it, machine)

    assert "open your invitation&#x27;s link again" in page
    assert Terminal.objects.count() == 1


def test_looking_at_a_link_uses_nothing_up(link: str, client: Client, pairing: Pairing):
    for _ in range(3):
        client.get(link)

    assert pairing.invitations.get().use_count == 0


@pytest.mark.parametrize(
    ("name", "words"), [("ana", "already somebody"), ("<b>", "A name has"), ("", "required")]
)
def test_a_bad_name_is_told(link: str, client: Client, owner: User, name: str, words: str):
    answer = client.post(link, {"name": name})

    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_a_link_that_is_over_says_so(link: str, client: Client, pairing: Pairing, owner: User):
    end_pairing(pairing, owner)

    answer = client.get(link)

    assert answer.status_code == 410
    assert "The pairing has ended." in answer.content.decode()
    assert client.get(reverse("invitation", args=["x" * 43])).status_code == 404


def test_links_are_not_tried_in_great_numbers(client: Client, db: None, monkeypatch):
    monkeypatch.setattr(invitations, "LOOKS", 3)

    codes = {client.get(reverse("invitation", args=[f"{n:043}"])).status_code for n in range(8)}

    assert codes == {404, 429}


def test_the_link_is_shown_once_and_stored_nowhere(pairing: Pairing, owner: User, sign_in: SignIn):
    client = sign_in(owner)

    made = client.post(address("pairing-invite", pairing), {"role": "read", "uses": "2", "hours": "4"})

    token = re.search(r"/invitations/([\w-]{43})/", made.content.decode())
    assert token is not None
    assert token[1] not in client.get(address("pairing", pairing)).content.decode()
    assert "no-store" in made["Cache-Control"]


@pytest.mark.parametrize(
    ("name", "fields", "status"),
    [
        ("pairing-chat", {"text": "hello"}, 200),
        ("pairing-chat", {"text": ""}, 422),
        ("pairing-chat", {"text": "x" * 2001}, 422),
        ("pairing-notes", {"text": "a note"}, 200),
        ("pairing-quote", {"kind": "log", "run": "1", "first": "0", "last": "0"}, 404),
        ("pairing-quote", {"kind": "rung", "machine": "nowhere", "rung": "cni"}, 422),
        ("pairing-quote", {"kind": "build", "build": "1"}, 404),
        ("pairing-quote", {"kind": "command", "terminal": "1", "text": "x"}, 404),
        ("pairing-quote", {"kind": "nonsense"}, 422),
    ],
)
def test_a_script_gets_plain_answers(
    pairing: Pairing, owner: User, sign_in: SignIn, name: str, fields: dict[str, str], status: int
):
    answer = sign_in(owner).post(address(name, pairing), fields, headers={"Accept": "text/plain"})

    assert answer.status_code == status


def test_a_build_is_quoted_and_leads_back(pairing: Pairing, owner: User, sign_in: SignIn):
    build = Build.objects.create(
        key="k", url="https://github.com/me/kubernetes", ref="fix", commit="a" * 40, log=LogFactory(),
        recipe={"components": [{"name": "kubelet"}]}, requested_by=owner,
        status="failed", sentence="kubelet: 1 compiler error.",
    )  # fmt: skip
    client = sign_in(owner)

    client.post(address("pairing-quote", pairing), {"kind": "build", "build": build.pk})

    page = client.get(address("pairing-chat", pairing)).content.decode()
    assert f'href="{reverse("build", args=[build.pk])}"' in page
    assert f"fix {'a' * 40}" in page
    assert "kubelet: 1 compiler error." in page


def test_what_others_say_is_shown_as_they_said_it(pairing: Pairing, owner: User, sign_in: SignIn):
    chat.say(pairing, owner, "<img src=x onerror=alert(1)>\nhttps://example.org/")
    notes.add(pairing, owner, "<script>alert(1)</script> **bold**")

    page = sign_in(owner).get(address("pairing", pairing)).content.decode()

    assert "&lt;img src=x onerror=alert(1)&gt;<br>" in page
    assert "<script>alert" not in page
    assert "<strong>bold</strong>" in page


def test_a_paragraph_shows_its_versions(pairing: Pairing, owner: User, sign_in: SignIn):
    (note,) = notes.add(pairing, owner, "first words")
    client = sign_in(owner)

    client.post(address("pairing-note", pairing, note.pk), {"text": "second words", "version": "1"})

    page = client.get(address("pairing-history", pairing, note.pk)).content.decode()
    assert "first words" in page and "second words" in page


def test_notes_of_another_pairing_are_out_of_reach(
    pairing: Pairing, owner: User, member: User, sign_in: SignIn
):
    (note,) = notes.add(pairing, owner, "ours")
    other, _ = open_pairing(LabFactory(), member, title="Theirs")

    answer = sign_in(member).post(address("pairing-note", other, note.pk), {"text": "x", "version": "1"})

    assert answer.status_code == 404


def test_the_page_takes_a_fixed_number_of_queries(
    pairing: Pairing, owner: User, sign_in: SignIn, django_assert_num_queries
):
    for name in ("bea", "cem", "dan"):
        person = UserFactory(username=name)
        join_pairing(pairing, person)
        chat.say(pairing, person, "hello")
        notes.add(pairing, person, "a note\n\nanother")
    client = sign_in(owner)

    with django_assert_num_queries(PAIRING_QUERIES):
        client.get(address("pairing", pairing))


def test_a_recording_has_the_chat_beside_it(pairing: Pairing, owner: User, stranger: User, sign_in: SignIn):
    machine = pairing.lab.machines.get(name="winw1")
    terminal = Terminal.objects.create(lab=pairing.lab, machine=machine, number=1, pairing_id=pairing.pk)
    started = timezone.now() - timedelta(seconds=42)
    recording = Recording.objects.create(terminal=terminal, started_by=owner, started_at=started)
    chat.say(pairing, owner, "look at line <3>")

    page = sign_in(stranger).get(reverse("recording", args=[pairing.lab.slug, recording.pk])).content.decode()

    assert "look at line &lt;3&gt;" in page
    assert re.search(r"0:4[2-9]|0:5\d", page)
