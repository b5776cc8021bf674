"""Durations of ended steps: counted once, and nothing lost between two scrapes."""

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.factories import RunFactory, StepFactory
from webapp.runs.models import Run
from webapp.web.step_durations import SETTLED_AFTER, StepDurations

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def end_step(run: Run, *, ago_s: float, took_s: float, kind: str = "up") -> None:
    end = NOW - timedelta(seconds=ago_s)
    StepFactory(run=run, kind=kind, started_at=end - timedelta(seconds=took_s), finished_at=end)


def test_steps_are_counted_by_kind_old_and_new():
    run = RunFactory()
    end_step(run, ago_s=500, took_s=20)
    end_step(run, ago_s=5, took_s=0.5)
    end_step(run, ago_s=500, took_s=40, kind="halt")

    tallies = StepDurations().by_kind(NOW)

    assert {kind: (tally.count, tally.total_s) for kind, tally in tallies.items()} == {
        "halt": (1, 40.0),
        "up": (2, 20.5),
    }
    assert tallies["up"].within == (1, 1, 1, 2, 2, 2, 2, 2, 2, 2)


def test_a_step_that_is_committed_late_is_counted_once():
    run, durations = RunFactory(), StepDurations()
    durations.by_kind(NOW)
    end_step(run, ago_s=SETTLED_AFTER.total_seconds() - 1, took_s=3)

    counts = [durations.by_kind(NOW + timedelta(seconds=s))["up"].count for s in (0, 30, 300)]

    assert counts == [1, 1, 1]


def test_a_scrape_does_not_count_again_what_is_settled(django_assert_num_queries: DjangoAssertNumQueries):
    run, durations = RunFactory(), StepDurations()
    end_step(run, ago_s=500, took_s=3)
    durations.by_kind(NOW)
    run.steps.all().delete()

    with django_assert_num_queries(2):
        later = durations.by_kind(NOW + timedelta(seconds=30))

    assert later["up"].count == 1
