"""The outline agrees with the lines, however they were stored and wherever one begins."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import LogFactory
from webapp.logs import store
from webapp.logs.lines import LogLine
from webapp.logs.models import Log
from webapp.logs.outline import OutlineRun, add_marks, read_outline

MARKS = st.lists(
    st.tuples(st.integers(1, 9), st.just(0), st.integers(0, 3), st.sampled_from(["", "a"]), st.just("output"))
)


def flat(runs: list[OutlineRun]) -> list[tuple[int, str]]:
    return [(run.step, run.machine) for run in runs for _ in range(run.lines)]


@given(marks=MARKS, skip=st.integers(0, 50))
def test_add_marks_names_each_line_once(marks: list[tuple[int, int, int, str, str]], skip: int) -> None:
    expected = [(step, machine) for count, _, step, machine, _ in marks for _ in range(count)][skip:]
    runs: list[OutlineRun] = []

    add_marks(runs, marks, skip)

    assert flat(runs) == expected
    assert all(left[1:] != right[1:] for left, right in pairwise(runs))


@pytest.mark.parametrize("after", [-1, 0, 3, 4, 5, 11, 50])
@pytest.mark.django_db
def test_outline_agrees_with_the_lines(after: int) -> None:
    log = LogFactory()
    lines_of_two = [LogLine("a", "output", "x"), LogLine("b", "error", "y"), LogLine("b", "output", "z")]
    for step in range(4):
        store.append(log.pk, lines_of_two, at_ms=step, step=step // 2)

    page = read_outline(log.pk, after)

    lines = store.read(log.pk, after, 100).lines
    assert flat(page.runs) == [(step, machine) for _, step, machine, _, _ in lines]
    assert (page.first, page.line_count) == (after + 1, 12)


@pytest.mark.django_db
def test_outline_comes_in_pages_that_join() -> None:
    log = LogFactory()
    for step in range(5):
        store.append(log.pk, [LogLine("a", "output", "x"), LogLine("b", "output", "y")], at_ms=0, step=step)

    first = read_outline(log.pk, -1, max_runs=4)
    rest = read_outline(log.pk, sum(run.lines for run in first.runs) - 1)

    assert len(flat(first.runs)) == 4
    assert flat(first.runs) + flat(rest.runs) == flat(read_outline(log.pk, -1).runs)


@pytest.mark.django_db
def test_outline_of_no_log_says_so() -> None:
    with pytest.raises(Log.DoesNotExist):
        read_outline(1, -1)
