"""Steps as bars against their usual time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from webapp.runs.timeline import timeline

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass
class Seen:
    status: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    usual_s: int | None = 60
    is_carried: bool = False


def step(status: str, began_s: int | None, ended_s: int | None = None, usual_s: int | None = 60) -> Seen:
    """A step that began and ended so many seconds ago."""
    began = None if began_s is None else NOW - timedelta(seconds=began_s)
    ended = None if ended_s is None else NOW - timedelta(seconds=ended_s)
    return Seen(status, began, ended, usual_s)


@pytest.mark.parametrize(
    ("seen", "look", "value", "top"),
    [
        (step("succeeded", 90, 60), "is-done", 30, 60),
        (step("succeeded", 300, 100), "is-slow", 200, 200),
        (step("succeeded", 5, 2, usual_s=1), "is-done", 3, 3),
        (step("running", 20), "is-running", 20, 60),
        (step("running", 120), "is-slow", 120, 120),
        (step("failed", 90, 60), "is-failed", 30, 60),
        (step("interrupted", 90, 60), "is-failed", 30, 60),
        (step("waiting", None), "is-waiting", 0, 60),
        (step("skipped", None), "is-waiting", 0, 60),
        (step("succeeded", 10, 10), "is-done", 60, 60),
        (step("running", -3600), "is-running", 0, 60),
        (step("running", 500, usual_s=None), "is-running", 500, 500),
    ],
    ids=lambda value: value.status if isinstance(value, Seen) else str(value),
)
def test_step_becomes_a_bar(seen: Seen, look: str, value: int, top: int) -> None:
    (bar,) = timeline([seen], NOW)

    assert (bar.look, bar.value, bar.top) == (look, value, top)
