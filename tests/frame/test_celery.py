"""Beat's clock ticks on, whatever is done to the computer's."""

from datetime import UTC, datetime, timedelta

import pytest

from webapp.celery import Every, app

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since_s", "is_due"),
    [(1, False), (6, True), (-3600, True)],
    ids=["just-now", "due", "the-clock-was-set-back"],
)
def test_every_is_due_after_its_seconds_or_when_the_last_time_is_yet_to_come(since_s: int, is_due: bool):
    every = Every(timedelta(seconds=5), nowfun=lambda: NOON, app=app)

    assert every.is_due(NOON - timedelta(seconds=since_s)).is_due is is_due


def test_tick_comes_so():
    assert isinstance(app.conf.beat_schedule["tick"]["schedule"], Every)
