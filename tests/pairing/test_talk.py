"""Chat, notes and quotes: limits hold, the last writer wins, nothing written is lost."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories import LabFactory, RunFactory
from webapp.accounts.models import User
from webapp.labs.models import Lab
from webapp.logs import store
from webapp.logs.lines import LogLine
from webapp.pairing import chat, limits, notes, quotes
from webapp.pairing.actions import end_pairing
from webapp.pairing.errors import PairingError
from webapp.pairing.limits import Bucket, TooMuch
from webapp.pairing.models import Pairing
from webapp.pairing.queries import chat_between, messages_after, notes_of
from webapp.runs.models import Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(lab: Lab) -> Run:
    run = RunFactory(lab=lab, number=1)
    lines = [LogLine("winw1", "output", f"line {number} token=abc.def") for number in range(80)]
    store.append(run.log_id, lines, at_ms=1)
    return run


def texts(pairing: Pairing) -> list[str]:
    return [paragraph.text for paragraph in notes_of(pairing)]


def test_messages_come_in_order_after_a_cursor(pairing: Pairing, owner: User):
    first, second, third = (chat.say(pairing, owner, text) for text in "abc")

    assert [one.text for one in messages_after(pairing, first.pk)] == ["b", "c"]
    assert messages_after(pairing, third.pk) == []
    assert second.at <= third.at


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (" hello ", "hello"),
        ("a\u202eb\u061c\x1b[31mc", "ab[31mc"),
        ("first\r\nsecond", "first\nsecond"),
        ("<script>", "<script>"),
        ("x\r\n" * 1000, ("x\n" * 1000).strip()),
    ],
    ids=["spaces", "marks", "line ends", "tags", "2,000 characters as a form sends them"],
)
def test_what_is_said_is_kept_without_what_cannot_be_seen(
    pairing: Pairing, owner: User, text: str, kept: str
):
    assert chat.say(pairing, owner, text).text == kept


@pytest.mark.parametrize("text", ["", " \n ", "\x00", "x" * 2001])
def test_nothing_and_too_much_are_refused(pairing: Pairing, owner: User, text: str):
    with pytest.raises(PairingError):
        chat.say(pairing, owner, text)


def test_a_flood_is_refused(pairing: Pairing, owner: User, member: User):
    for number in range(chat.CHAT_MOST):
        chat.say(pairing, owner, str(number))

    with pytest.raises(TooMuch):
        for number in range(chat.CHAT_MOST + 1):  # a new window may begin meanwhile
            chat.say(pairing, owner, str(number))
    assert chat.say(pairing, member, "others are not kept from talking").pk


def test_after_the_end_nothing_is_added(pairing: Pairing, owner: User):
    end_pairing(pairing, owner)

    for add in (lambda: chat.say(pairing, owner, "x"), lambda: notes.add(pairing, owner, "x")):
        with pytest.raises(PairingError, match="ended"):
            add()


def test_chat_beside_a_recording_is_what_was_said_meanwhile(pairing: Pairing, owner: User):
    said = chat.say(pairing, owner, "now")
    second = timedelta(seconds=1)

    assert chat_between(pairing.lab, said.at - second, said.at + second, pairing.pk) == [said]
    assert chat_between(pairing.lab, said.at + second, said.at + 2 * second) == []
    assert chat_between(LabFactory(), said.at - second, said.at + second) == []


def test_empty_lines_part_paragraphs_but_not_code(pairing: Pairing, owner: User):
    notes.add(pairing, owner, "one\n\ntwo\n\n```\na\n\nb\n```\n\n\nthree")

    assert texts(pairing) == ["one", "two", "```\na\n\nb\n```", "three"]


def test_two_who_write_different_paragraphs_keep_both(pairing: Pairing, owner: User, member: User):
    one, two = notes.add(pairing, owner, "one\n\ntwo")

    unseen = [notes.edit(pairing, owner, one.pk, "ONE", 1), notes.edit(pairing, member, two.pk, "TWO", 1)]

    assert (texts(pairing), unseen) == (["ONE", "TWO"], [False, False])


def test_of_two_who_write_one_paragraph_the_last_wins_and_both_are_kept(
    pairing: Pairing, owner: User, member: User
):
    (one,) = notes.add(pairing, owner, "draft")

    unseen = [
        notes.edit(pairing, owner, one.pk, "ana's", 1),
        notes.edit(pairing, member, one.pk, "dora's", 1),
    ]

    assert (texts(pairing), unseen) == (["dora's"], [False, True])
    assert [edit.text for edit in one.edits.all()] == ["draft", "ana's", "dora's"]


def test_a_paragraph_is_taken_out_and_its_words_stay_in_the_history(pairing: Pairing, owner: User):
    one, _ = notes.add(pairing, owner, "wrong\n\nright")

    notes.edit(pairing, owner, one.pk, "", 1)

    assert texts(pairing) == ["right"]
    assert [edit.text for edit in one.edits.all()] == ["wrong", ""]


def test_paragraphs_written_into_one_come_after_it_however_often(pairing: Pairing, owner: User, monkeypatch):
    monkeypatch.setattr(notes, "CLOSEST", 0.1)  # so that places run out soon
    one, _ = notes.add(pairing, owner, "0\n\nend")

    for version in range(1, 13):
        notes.edit(pairing, owner, one.pk, f"0.{version}\n\n{version}", version)

    assert texts(pairing) == ["0.12", *[str(number) for number in range(12, 0, -1)], "end"]


def test_the_notes_are_bounded(pairing: Pairing, owner: User, monkeypatch):
    monkeypatch.setattr(limits, "LONGEST_NOTES", 10)
    notes.add(pairing, owner, "12345678")

    with pytest.raises(PairingError, match="full"):
        notes.add(pairing, owner, "901")


def test_full_notes_are_still_made_shorter(pairing: Pairing, owner: User, monkeypatch):
    one, two = notes.add(pairing, owner, "12345678\n\n90")
    monkeypatch.setattr(limits, "LONGEST_NOTES", 10)
    monkeypatch.setattr(notes, "MOST_PARAGRAPHS", 2)

    notes.edit(pairing, owner, one.pk, "1234567", 1)
    notes.edit(pairing, owner, two.pk, "", 1)

    assert texts(pairing) == ["1234567"]
    with pytest.raises(PairingError, match="at most 2 paragraphs"):
        notes.add(pairing, owner, "a\n\nb")


def test_lines_are_quoted_as_the_log_has_them(pairing: Pairing, run: Run, owner: User):
    quote = quotes.quote_log(pairing, owner, run, 2, 3, "/labs/calico-1/runs/1/#L3-4")

    assert quote.title == "run #1, line 3–4"
    assert [line.split("token")[0] for line in quote.text.split("\n")] == ["winw1  line 2 ", "winw1  line 3 "]
    assert messages_after(pairing, 0)[-1].quote == quote


def test_fifty_lines_are_quoted_at_most(pairing: Pairing, run: Run, owner: User):
    quote = quotes.quote_log(pairing, owner, run, 0, 10**9, "/x")

    assert len(quote.text.split("\n")) == 50


@pytest.mark.parametrize(("first", "last"), [(-1, 3), (5, 4), (80, 81)])
def test_lines_that_are_not_there_are_not_quoted(
    pairing: Pairing, run: Run, owner: User, first: int, last: int
):
    with pytest.raises(PairingError):
        quotes.quote_log(pairing, owner, run, first, last, "/x")


def test_another_labs_log_is_not_quoted(pairing: Pairing, owner: User):
    with pytest.raises(PairingError, match="another lab"):
        quotes.quote_log(pairing, owner, RunFactory(), 0, 0, "/x")


def test_a_machine_that_is_not_of_the_lab_has_no_rung_here(pairing: Pairing, owner: User):
    with pytest.raises(PairingError, match="no such machine"):
        quotes.quote_rung(pairing, owner, "elsewhere", "cni", "/x")


def test_a_bucket_lets_a_burst_through_and_fills_again():
    bucket = Bucket(rate=2, burst=3)

    assert [bucket.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(1.0) for _ in range(3)] == [True, True, False]
    assert bucket.take(timezone.now().timestamp())
