"""Search finds the numbers of lines, over chunks, in linear time, and explains what it cannot do."""

import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zstandard import ZstdError

from tests.factories import LogFactory
from webapp.logs import store
from webapp.logs.lines import LogLine
from webapp.logs.models import LogChunk
from webapp.logs.search import BadPattern, search

pytestmark = pytest.mark.django_db
ALPHABET = st.text("ab \nÄ", max_size=6)


def filled(*batches: list[str], machine: str = "") -> int:
    log = LogFactory()
    for batch in batches:
        store.append(log.pk, [LogLine(machine, "output", text) for text in batch], at_ms=1)
    return int(log.pk)


def find(log_id: int, query: str, *, regex: bool = True, ignore_case: bool = False, **options) -> list[int]:
    return search(log_id, query, regex=regex, ignore_case=ignore_case, **options).hits


@pytest.mark.parametrize(
    ("query", "options", "hits"),
    [
        ("a.c", {}, [0, 3]),
        ("a.c", {"regex": False}, [3]),
        ("^x", {}, [1]),
        ("^$", {}, [2]),
        ("ABC", {"ignore_case": True}, [0]),
        ("größe", {"ignore_case": True, "regex": False}, [4]),
        ("red", {}, [5]),
        ("^red$", {}, [5]),
        (r"c\s*x", {}, []),
        ("(?i)X", {}, [1]),
        (".*", {"after": 3, "limit": 2}, [4, 5]),
    ],
    ids=str,
)
def test_hits_are_line_numbers(query: str, options: dict, hits: list[int]):
    log_id = filled(["abc", "x", ""], ["a.c", "GRÖSSE Größe"], ["\x1b[31mred\x1b[0m"])

    assert find(log_id, query, **options) == hits


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.lists(ALPHABET, min_size=1, max_size=4), min_size=1, max_size=4),
    st.sampled_from(["a", "b$", "^", "a.b", "Ä| "]),
)
def test_search_agrees_with_looking_at_each_line(db: None, batches: list[list[str]], pattern: str):
    log_id = filled(*batches)

    shown = [text.replace("\n", "␊") for batch in batches for text in batch]
    assert find(log_id, pattern) == [number for number, text in enumerate(shown) if re.search(pattern, text)]


def test_a_machine_can_be_chosen():
    log = LogFactory()
    store.append(log.pk, [LogLine(name, "output", "up") for name in ("", "cp", "winw1", "cp")], at_ms=1)

    assert find(log.pk, "up", machine="cp") == [1, 3]
    assert find(log.pk, "up", machine="other") == []


def test_the_next_page_goes_on_where_the_first_ended():
    log_id = filled(["hit"] * 7, ["no", "hit"])

    first = search(log_id, "hit", regex=False, ignore_case=False, limit=7)
    second = search(log_id, "hit", regex=False, ignore_case=False, after=first.searched_to)

    assert (first.hits, first.searched_to) == ([*range(7)], 6)
    assert (second.hits, second.searched_to, second.timed_out) == ([8], 8, False)


@pytest.mark.parametrize("limit", [1, 39, 40, 500])
def test_hits_of_many_chunks_come_in_order(limit: int):
    log_id = filled(*([f"hit {batch}", "no"] for batch in range(40)))

    page = search(log_id, "hit", regex=False, ignore_case=False, after=0, limit=limit)

    expected = [2 * batch for batch in range(1, 40)]
    assert page.hits == expected[:limit]
    assert page.searched_to == (expected[limit - 1] if limit <= 39 else 79)


def test_a_chunk_that_cannot_be_read_ends_the_search():
    log_id = filled(["hit"], ["hit"], ["hit"])
    LogChunk.objects.filter(log_id=log_id, first_line=1).update(texts=b"rubbish")

    with pytest.raises(ZstdError):
        find(log_id, "hit")


def test_the_time_limit_ends_a_search_with_what_was_found():
    log_id = filled(["hit"], ["hit"])

    page = search(log_id, "hit", regex=False, ignore_case=False, time_limit_s=0)

    assert (page.hits, page.searched_to, page.timed_out) == ([0], 0, True)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "Type what"),
        ("x" * 1001, "longer"),
        ("a(", "parentheses"),
        (r"(a)\1", "look-around or back-references"),
        ("(?=a)", "look-around"),
        ("(((a{100}){100}){100})", "repetition"),
        ("[z-a]", "not a regular expression"),
    ],
    ids=lambda value: value[:10],
)
def test_a_bad_pattern_is_explained(query: str, says: str):
    with pytest.raises(BadPattern, match=says):
        find(filled(["a"]), query)


def test_no_pattern_takes_more_than_linear_time():
    log_id = filled(["a" * 60_000] * 10)
    began = time.perf_counter()

    assert find(log_id, "(a*)*(a|aa)+b") == []

    assert time.perf_counter() - began < 30  # what backtracks does not end in a lifetime
