"""A log over HTTP: pages of lines, searches, the raw text."""

import gzip
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from tests.answers import body_of
from tests.factories import RunFactory
from webapp.accounts.models import User
from webapp.labs.models import Lab
from webapp.logs import store
from webapp.logs.lines import LogLine
from webapp.runs.models import Run

SignIn = Callable[[User], Client]
NAMES = ["log-lines", "log-search", "log-raw"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def run(lab: Lab) -> Run:
    run = RunFactory(lab=lab)
    store.append(run.log_id, [LogLine("winw1", "output", f"line {n}") for n in range(10)], at_ms=0, step=1)
    return run


def url(name: str, run: Run) -> str:
    return reverse(name, args=[run.log_id])


@pytest.mark.parametrize("name", NAMES)
def test_nobody_is_sent_to_sign_in(client: Client, run: Run, name: str):
    assert client.get(url(name, run)).status_code == 302


@pytest.mark.parametrize("name", NAMES)
def test_only_get_is_answered(sign_in: SignIn, owner: User, run: Run, name: str):
    assert sign_in(owner).post(url(name, run)).status_code == 405


@pytest.mark.parametrize("name", NAMES)
def test_a_log_that_is_not_there_is_not_found(sign_in: SignIn, owner: User, run: Run, name: str):
    assert sign_in(owner).get(reverse(name, args=[run.log_id + 1])).status_code == 404


def test_lines_are_a_frame_with_the_count(sign_in: SignIn, stranger: User, run: Run):
    answer = sign_in(stranger).get(url("log-lines", run), {"after": 7, "limit": 5}).json()

    rows = [[0, 1, "winw1", "output", f"line {n}"] for n in (8, 9)]
    assert answer == {"first": 8, "lines": rows, "count": 10, "complete": ""}


@pytest.mark.parametrize(
    "query", [{"after": "x"}, {"after": "9" * 40}, {"after": "٣"}, {"limit": "-5"}, {"limit": "99999"}]
)
def test_rubbish_in_the_address_is_the_start_of_the_log(sign_in: SignIn, owner: User, run: Run, query: dict):
    answer = sign_in(owner).get(url("log-lines", run), query)

    assert answer.json()["lines"][0][4] == "line 0"


def test_a_page_of_long_lines_ends_early(sign_in: SignIn, owner: User, run: Run):
    store.append(run.log_id, [LogLine("", "output", "x" * 60_000)] * 200, at_ms=0)

    answer = sign_in(owner).get(url("log-lines", run), {"after": 9, "limit": 5000})

    assert 50 < len(answer.json()["lines"]) < 80


def test_search_answers_line_numbers(sign_in: SignIn, owner: User, run: Run):
    answer = sign_in(owner).get(url("log-search", run), {"q": "LINE [37]", "regex": 1, "machine": "winw1"})

    assert answer.json() == {"hits": [3, 7], "searched_to": 9, "count": 10, "timed_out": False}


@pytest.mark.parametrize("query", [{"q": ""}, {"q": "a(", "regex": 1}], ids=str)
def test_a_bad_search_says_why(sign_in: SignIn, owner: User, run: Run, query: dict):
    answer = sign_in(owner).get(url("log-search", run), query)

    assert answer.status_code == 422
    assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_raw_text_is_streamed(sign_in: SignIn, owner: User, run: Run, encoding: str):
    answer = sign_in(owner).get(url("log-raw", run), headers={"Accept-Encoding": encoding})

    raw = body_of(answer)
    assert answer.headers.get("Content-Encoding", "") == encoding
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert (gzip.decompress(raw) if encoding else raw) == b"".join(b"line %d\n" % n for n in range(10))


def test_raw_text_has_time_and_machine_when_asked_for(sign_in: SignIn, owner: User, run: Run):
    answer = sign_in(owner).get(url("log-raw", run), {"stamps": 1})

    assert body_of(answer).startswith(b"1970-01-01T00:00:00.000Z winw1: line 0\n")
