"""Stored lines keep their numbers, are announced after the commit, and are never stored twice."""

import threading
from itertools import islice

import pytest
from django.db import OperationalError, connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import LogFactory
from webapp.logs import store
from webapp.logs.lines import LogLine
from webapp.logs.models import Log, LogChunk, Spool
from webapp.logs.patience import with_patience
from webapp.logs.reading import chunks_after

pytestmark = pytest.mark.django_db
LINE = st.builds(
    LogLine, st.sampled_from(["", "winw1"]), st.sampled_from(["output", "error"]), st.text(max_size=8)
)


def lines(*texts: str, machine: str = "") -> list[LogLine]:
    return [LogLine(machine, "output", text) for text in texts]


def texts(page: store.Page) -> list[str]:
    return [line[4] for line in page.lines]


def test_append_numbers_lines_from_zero_and_keeps_their_marks():
    log = LogFactory()

    last = [
        store.append(log.pk, lines("a", "", "c", machine="winw1"), at_ms=5, step=2),
        store.note(log.pk, "x\ny"),
    ]

    assert last == [2, 4]
    page = store.read(log.pk, -1, 10)
    assert page.lines[:3] == [(5, 2, "winw1", "output", text) for text in ("a", "", "c")]
    assert [line[2:] for line in page.lines[3:]] == [("", "note", "x"), ("", "note", "y")]
    assert (page.first, page.line_count, page.complete) == (0, 5, "")


def test_a_newline_inside_a_line_does_not_renumber_the_others():
    log = LogFactory()

    store.append(log.pk, lines("a\nb", "c"), at_ms=1)

    assert texts(store.read(log.pk, -1, 10)) == ["a␊b", "c"]


@pytest.mark.parametrize("given", [1, 3, 4, 5, 36], ids=str)
@pytest.mark.parametrize("after", [-1, 2, 7], ids=str)
def test_what_is_compacted_while_it_is_read_is_given_once(given: int, after: int):
    log = LogFactory()
    for number in range(100):
        store.append(log.pk, lines(f"{number}", f"{number}b"), at_ms=number, step=number % 3)
    whole = store.read(log.pk, after, 1000).lines

    chunks = chunks_after(log.pk, after)
    rows = [row for chunk in islice(chunks, given) for row in chunk.rows()]
    store.compact(log.pk)
    rows += [row for chunk in chunks for row in chunk.rows()]

    assert rows == whole


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(LINE, min_size=1, max_size=5), max_size=8), st.integers(-3, 45), st.integers(1, 45))
def test_reading_and_compaction_agree_with_a_list(
    db: None, batches: list[list[LogLine]], after: int, limit: int
):
    log = LogFactory()
    for number, batch in enumerate(batches):
        store.append(log.pk, batch, at_ms=number, step=number % 3)
    before = store.read(log.pk, after, limit)

    store.compact(log.pk)

    everything = [line.text.replace("\n", "␊") for batch in batches for line in batch]
    first = max(after, -1) + 1
    assert before == store.read(log.pk, after, limit)
    assert texts(before) == everything[first : first + limit]
    assert before.first == first
    assert LogChunk.objects.filter(log=log).count() == min(len(batches), 1)
    assert b"".join(store.iter_text(log.pk, stamps=False)).decode() == "".join(
        f"{text}\n" for text in everything
    )


def test_a_page_ends_at_its_bytes_but_holds_a_line():
    log = LogFactory()
    store.append(log.pk, lines(*["x" * 999] * 50), at_ms=1)

    assert len(store.read(log.pk, -1, 50, max_bytes=10_000).lines) == 10
    assert len(store.read(log.pk, 30, 50, max_bytes=10).lines) == 1


def test_raw_text_has_stamps_when_asked_for():
    log = LogFactory()
    store.append(log.pk, lines("a", "b", machine="winw1"), at_ms=1_700_000_000_123)

    raw = b"".join(store.iter_text(log.pk, stamps=True)).decode()

    assert raw == "2023-11-14T22:13:20.123Z winw1: a\n2023-11-14T22:13:20.123Z winw1: b\n"


def test_a_complete_log_takes_no_line_and_keeps_its_first_end():
    log = LogFactory()
    store.append(log.pk, lines("a"), at_ms=1)
    store.finish(log.pk, "failed")
    store.finish(log.pk, "succeeded")

    with pytest.raises(store.LogComplete):
        store.append(log.pk, lines("b"), at_ms=2)

    assert store.read(log.pk, -1, 9).complete == "failed"
    assert store.read_tail(log.pk, 1).line_count == 1


def test_a_log_that_is_not_there_is_said_so():
    for act in (lambda: store.append(0, lines("a"), at_ms=1), lambda: store.read(0, -1, 1)):
        with pytest.raises(Log.DoesNotExist):
            act()


def test_lines_and_the_spools_offset_are_stored_together():
    spool = Spool.objects.create(log=LogFactory(), folder="f")

    store.append(
        spool.log_id, lines("a"), at_ms=1, progress=store.Progress(spool.pk, 0, 7, {"inside": {"": 1}})
    )
    last = store.append(spool.log_id, [], at_ms=1, progress=store.Progress(spool.pk, 7, 9, {}))

    spool.refresh_from_db()
    assert (last, spool.offset, spool.state) == (0, 9, {})


def test_of_two_recorders_of_a_spool_one_stores():
    spool = Spool.objects.create(log=LogFactory(), folder="f")
    store.append(spool.log_id, lines("a"), at_ms=1, progress=store.Progress(spool.pk, 0, 7, {}))

    with pytest.raises(store.ProgressConflict):
        store.append(spool.log_id, lines("a"), at_ms=1, progress=store.Progress(spool.pk, 0, 7, {}))

    assert Log.objects.get(pk=spool.log_id).line_count == 1


def test_a_try_whose_commit_was_not_heard_of_is_not_stored_twice():
    spool = Spool.objects.create(log=LogFactory(), folder="f")
    progress = store.Progress(spool.pk, 0, 7, {})
    store.append(spool.log_id, lines("a"), at_ms=1, progress=progress)

    last = store.store_lines(spool.log_id, lines("a"), 1, 0, progress, is_retry=True)

    assert last == 0
    assert Log.objects.get(pk=spool.log_id).line_count == 1


def test_many_small_chunks_are_joined_while_the_log_grows():
    log = LogFactory()

    for number in range(600):
        store.append(log.pk, lines(str(number)), at_ms=number)

    assert LogChunk.objects.filter(log=log).count() < 300
    assert texts(store.read(log.pk, -1, 1000)) == [str(number) for number in range(600)]


@pytest.mark.django_db(transaction=True)
def test_parallel_steps_interleave_whole_batches():
    log = LogFactory()

    def append_some(machine: str) -> None:
        for _ in range(30):
            store.append(log.pk, lines("1", "2", "3", machine=machine), at_ms=1)
        connection.close()

    threads = [threading.Thread(target=append_some, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = store.read(log.pk, -1, 1000).lines
    assert len(found) == 270
    assert [line[4] for line in found] == ["1", "2", "3"] * 90
    assert all(found[at][2] == found[at + 2][2] for at in range(0, 270, 3))


@pytest.mark.django_db(transaction=True)
def test_patience_waits_for_the_database_and_ends():
    tries: list[bool] = []

    def write(is_retry: bool) -> str:
        tries.append(is_retry)
        if len(tries) < 3:
            raise OperationalError("database is locked")
        return "stored"

    assert with_patience(write) == "stored"
    assert tries == [False, True, True]
    tries.clear()
    with pytest.raises(OperationalError):
        with_patience(write, patience_s=0)
