"""Strips: one row of bars for each rung and service, all over the same stretch of time."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from webapp.cluster.history import WIDTH, Strip, strips
from webapp.cluster.models import Change

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
CNI = ("winw1", "rung", "cni")


def change(state: str, minutes: float, key: str = "cni") -> Change:
    at = NOW - timedelta(minutes=minutes)
    return Change(machine="winw1", kind="rung", key=key, state=state, at=at)


def bars(strip: Strip) -> list[tuple[str, int, int]]:
    return [(part.state, part.x, part.width) for part in strip.parts]


def test_all_strips_share_the_stretch_since_the_first_change() -> None:
    found = strips([change("done", 100, "os"), change("now", 50), change("done", 25)], NOW)

    assert bars(found["winw1", "rung", "os"]) == [("done", 0, 1000)]
    assert bars(found[CNI]) == [("now", 500, 250), ("done", 750, 250)]


def test_a_day_is_the_longest_stretch() -> None:
    (part,) = strips([change("done", 60 * 24 * 30)], NOW)[CNI].parts

    assert (part.x, part.width, part.since) == (0, WIDTH, NOW - timedelta(hours=24))


def test_moment_can_still_be_seen() -> None:
    found = strips([change("done", 600, "os"), change("failed", 1 / 60)], NOW)

    ((_, x, width),) = bars(found[CNI])
    assert (x, width) == (996, 4)


def test_change_ahead_of_our_clock_stays_within_the_strip() -> None:
    assert strips([], NOW) == {}
    assert bars(strips([change("done", -1)], NOW)[CNI]) == [("done", 996, 4)]


@given(st.lists(st.floats(0, 3000), min_size=1, max_size=30))
def test_bars_lie_side_by_side_within_the_strip(ages: list[float]) -> None:
    changes = [
        change("done" if number % 2 else "failed", age) for number, age in enumerate(sorted(ages)[::-1])
    ]

    parts = strips(changes, NOW)[CNI].parts

    assert [part.x for part in parts] == sorted(part.x for part in parts)
    assert all(part.x >= 0 and part.x + part.width <= WIDTH + 4 for part in parts)
