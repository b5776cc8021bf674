"""Places that browsers claim, and who is here: hostile input, words, ageing."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.pairing.presence import Person, Place, one_each, parse_place, words_of

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@pytest.mark.parametrize(
    "path",
    [
        "/labs/other/", "/sign-out", "//evil.example/labs/x/", "https://evil.example/", "/labs/x", "",
        "/labs/x/../other/", "/labs/x/runs/1/?next=//evil", "/labs/x/\n", "/labs/x//",
        "/labs/x/" + "a/" * 9, 7, None,
    ],
)  # fmt: skip
def test_a_place_is_below_its_lab(path: object):
    assert parse_place({"path": path}, "x") is None


@given(st.fixed_dictionaries({"path": st.just("/labs/x/runs/1/")}, optional=dict.fromkeys(
    ("line", "hash", "search", "rung", "machine", "terminal", "at_end"), ANY)))  # fmt: skip
def test_whatever_else_is_claimed_stays_small_and_plain(raw: dict):
    place = parse_place(raw, "x")

    assert place is not None
    assert 0 <= place.line < 10**12
    assert max(map(len, (place.hash, place.search, place.rung, place.machine))) <= 201
    assert not set(place.search + place.hash) & set("<>\"'\n\\ ")


@given(ANY)
def test_any_json_is_a_place_or_none(raw: object):
    assert parse_place(raw, "x") is None or isinstance(raw, dict)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (Place("/labs/x/"), "the lab's page"),
        (Place("/labs/x/runs/3/", line=1200), "run #3, line 1,200"),
        (Place("/labs/x/runs/3/", line=9, at_end=True), "run #3, the log's end"),
        (Place("/labs/x/cluster/", rung="cni", machine="winw1"), "the cluster, winw1 cni"),
        (Place("/labs/x/pairings/2/", terminal=4, machine="winw1"), "pairing #2, winw1 terminal 4"),
        (Place("/labs/x/pairings/"), "pairing"),
        (Place("/labs/x/destroy"), "this lab"),
    ],
)
def test_a_place_is_said_in_words(place: Place, words: str):
    assert words_of(place) == words


def stored(user: int, seen_at: float, line: int) -> bytes:
    person = Person(user, f"p{user}", "P", False, Place("/labs/x/runs/1/", line=line), seen_at, float(line))
    return orjson.dumps(person)


def test_of_several_tabs_the_one_moved_last_counts_and_old_ones_do_not():
    fields = {b"1:a": stored(1, 100, 5), b"1:b": stored(1, 100, 9), b"2:a": stored(2, 60, 1)}

    people = one_each(fields, now=100.0)

    assert [(person.user, person.place.line) for person in people] == [(1, 9)]


@pytest.mark.parametrize(("seen_at", "count"), [(71, 1), (69, 0), (129, 1), (3700, 0)])
def test_who_was_not_seen_lately_is_gone_also_after_the_clock_was_set_back(seen_at: float, count: int):
    assert len(one_each({b"1:a": stored(1, seen_at, 1)}, now=100.0)) == count
