"""Which commit is next, and what the verdicts say, for every place of the first bad commit."""

from hypothesis import given
from hypothesis import strategies as st

from webapp.bisects.search import BAD, GOOD, SKIPPED, next_position, outcome, trials_left, wrong_end


def searched(count: int, first_bad: int, skipped: frozenset[int], *, tries_ends: bool) -> dict[int, str]:
    """Play a search to its end."""
    verdicts: dict[int, str] = {}
    while (position := next_position(count, verdicts, tries_ends=tries_ends)) is not None:
        assert position not in verdicts
        is_skipped = position in skipped and position not in {0, count - 1}
        verdicts[position] = SKIPPED if is_skipped else BAD if position >= first_bad else GOOD
    return verdicts


@given(st.integers(2, 300), st.data(), st.booleans())
def test_the_first_bad_commit_is_found_in_few_trials(count: int, data: st.DataObject, ends: bool) -> None:
    first_bad = data.draw(st.integers(1, count - 1))

    verdicts = searched(count, first_bad, frozenset(), tries_ends=ends)

    assert outcome(count, verdicts).suspects == (first_bad,)
    assert len(verdicts) <= trials_left(count, {}, tries_ends=ends)


@given(st.integers(2, 60), st.data())
def test_skipped_commits_never_hide_the_bad_one(count: int, data: st.DataObject) -> None:
    first_bad = data.draw(st.integers(1, count - 1))
    skipped = data.draw(st.frozensets(st.integers(0, count - 1)))

    suspects = outcome(count, searched(count, first_bad, skipped, tries_ends=True)).suspects

    assert first_bad in suspects
    assert all(one in skipped for one in suspects[:-1])


def test_wrong_ends_are_told() -> None:
    assert "good commit was found bad" in wrong_end(5, {0: BAD})
    assert "bad commit was found good" in wrong_end(5, {0: GOOD, 4: GOOD})
    assert wrong_end(5, {0: GOOD, 4: BAD}) == wrong_end(5, {}) == ""
