"""Who is given up for lost, also when the wall clock is set or the computer slept."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories import RunFactory
from webapp.executions.lost import Clock, silent
from webapp.runs.models import Run


class Time:
    """Two clocks that a test turns."""

    def __init__(self) -> None:
        self.wall_s, self.steady_s = 1_800_000_000.0, 50.0

    def clock(self) -> Clock:
        return Clock(lambda: self.wall_s, lambda: self.steady_s)

    def run(self, seconds: float) -> None:
        self.wall_s += seconds
        self.steady_s += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.mark.parametrize("jump_s", [3600, -3600, 6], ids=["ahead", "back", "short-sleep"])
def test_clock_is_not_even_for_a_while_after_a_jump(time: Time, jump_s: float):
    clock = time.clock()
    time.run(5)
    time.wall_s += jump_s

    asked = []
    for _ in range(6):
        asked.append(clock.is_even(20))
        time.run(5)

    assert asked == [False, False, False, False, True, True]


def test_clock_that_is_corrected_little_by_little_is_even(time: Time):
    clock = time.clock()

    for _ in range(100):
        time.run(5)
        time.wall_s += 0.5
        assert clock.is_even(20)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("away_s", "is_lost"), [(-3600, True), (-21, True), (-10, False), (10, False), (3600, True)], ids=str
)
def test_silent_picks_heartbeats_long_ago_or_of_a_clock_set_back(
    settings, time: Time, away_s: int, is_lost: bool
):
    settings.LAB_LOST_AFTER_S = 20
    now = timezone.now()
    RunFactory(status="running", heartbeat_at=now + timedelta(seconds=away_s))

    assert Run.objects.filter(silent(now, time.clock())).exists() is is_lost


@pytest.mark.django_db
def test_silent_picks_nobody_right_after_the_clock_was_set(time: Time):
    clock = time.clock()
    RunFactory(status="running", heartbeat_at=timezone.now())
    time.wall_s += 3600

    assert not Run.objects.filter(silent(timezone.now() + timedelta(hours=1), clock)).exists()
