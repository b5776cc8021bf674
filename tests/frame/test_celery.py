"""Beat's clock ticks on, whatever is done to the computer's."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from tests.stack import ROOT
from webapp import tasks
from webapp.clock import Every, app

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


def test_tick_is_a_task_of_the_workers():
    assert app.conf.beat_schedule["tick"]["task"] == tasks.tick_task.name


def modules_after(code: str) -> set[str]:
    """Return what a fresh Python has loaded after this."""
    command = [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_beat_loads_neither_models_nor_tasks():
    loaded = modules_after("from webapp.clock import app; app.loader.init_worker()")

    assert "webapp.clock" in loaded
    assert loaded.isdisjoint({"webapp.tasks", "webapp.models", "webapp.urls"})


def test_no_start_waits_for_the_client_of_kubernetes():
    loaded = modules_after("import django; django.setup(); import webapp.tasks, webapp.urls")

    assert "webapp.cluster.attached" in loaded
    assert "kubernetes" not in loaded
