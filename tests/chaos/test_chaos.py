"""What is killed, stopped, locked or full: no line is lost, none is doubled, the state is true."""

import contextlib
import os
import resource
import signal
import sqlite3
import time
from collections.abc import Callable

import psutil
import pytest

from tests.chaos.conftest import Talk
from tests.stack import wait_until

pytestmark = pytest.mark.timeout(240)
Talking = Callable[[int, int], Talk]


def processes_below(folder: object) -> list[int]:
    """Return living processes whose command line or spool lies below a folder of this test."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        if (
            str(folder) in " ".join(process.info["cmdline"] or [])
            and process.info["status"] != psutil.STATUS_ZOMBIE
        ):
            found.append(process.info["pid"])
    return found


def test_a_killed_worker_loses_no_line_and_its_run_can_go_on(talking: Talking):
    talk = talking(100_000, 400)

    talk.stack.stop_part("worker", signal.SIGKILL)
    killed_at = time.monotonic()
    talk.stack.start_worker()
    wait_until(lambda: talk.run["status"] == "interrupted", 30, "the run is found")
    found_after_s = time.monotonic() - killed_at
    run = talk.wait_for_end()

    assert found_after_s <= 30
    assert "lost" in str(run["sentence"])
    heard = talk.heard()
    assert heard == list(range(len(heard)))
    assert heard[-1] >= talk.said
    # The reaper's own look at the machines may still be under way.
    wait_until(lambda: not processes_below(talk.environments), 20, "nothing of the child is left")
    continue_run(talk)


def continue_run(talk: Talk) -> None:
    talk.orders(50, 400)
    first = talk.run_id
    status, _, page = talk.ana.open(f"/labs/try/runs/{talk.run['number']}/retry", {})
    assert status == 200, page[:500]
    talk.run_id = int(talk.stack.query("SELECT max(id) AS id FROM webapp_run")[0]["id"])
    assert talk.run_id != first
    assert talk.wait_for_end()["status"] == "succeeded"


def test_redis_restarted_without_its_data_stops_nobody(talking: Talking):
    talk = talking(4_000, 300)
    viewers = talk.viewers(3)

    talk.stack.stop_part("redis", signal.SIGKILL)
    time.sleep(5)  # the outage itself
    talk.stack.start_redis()
    run = talk.wait_for_end()

    assert run["status"] == "succeeded"
    assert talk.heard() == list(range(4_000))
    for viewer in viewers:
        assert viewer.wait().faults == []
        assert len(viewer.lines) == talk.stack.query("SELECT line_count FROM webapp_log")[0]["line_count"]


def test_a_run_whose_message_was_lost_with_redis_still_begins(talking: Talking):
    talk = talking(60, 400)
    talk.wait_for_end()
    talk.stack.stop_part("redis", signal.SIGKILL)

    status, _, page = talk.ana.open("/labs/try/verbs/halt", {})
    assert status == 200, page[:500]
    talk.run_id = int(talk.stack.query("SELECT max(id) AS id FROM webapp_run")[0]["id"])
    talk.stack.start_redis()

    assert talk.wait_for_end()["status"] == "succeeded"


def test_the_web_restarted_under_twenty_viewers_leaves_them_complete(talking: Talking):
    talk = talking(5_000, 400)
    viewers = talk.viewers(20)
    wait_until(lambda: all(viewer.lines for viewer in viewers), 30, "all viewers see lines")

    talk.stack.stop_part("web", signal.SIGKILL)
    talk.stack.start_web()
    talk.wait_for_end()

    count = talk.stack.query("SELECT line_count FROM webapp_log")[0]["line_count"]
    for viewer in viewers:
        assert viewer.wait().faults == []
        assert viewer.connections >= 2
        assert len(viewer.lines) == count


def test_a_database_locked_for_three_seconds_delays_lines_only(talking: Talking):
    talk = talking(3_000, 400)

    with contextlib.closing(sqlite3.connect(talk.stack.var / "lab.sqlite3", timeout=20)) as database:
        database.execute("BEGIN IMMEDIATE")
        time.sleep(3)  # the lock itself
        database.rollback()
    run = talk.wait_for_end()

    assert run["status"] == "succeeded"
    assert talk.heard() == list(range(3_000))


def test_a_store_that_cannot_grow_waits_and_loses_nothing(talking: Talking):
    talk = talking(4_000, 400)
    worker = psutil.Process(talk.stack.parts["worker"].pid)
    stored = talk.stack.query("SELECT line_count FROM webapp_log")[0]["line_count"]

    # Every write of the worker beyond 1 KiB into a file now fails, as on a full disk.
    worker.rlimit(resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
    time.sleep(8)  # the outage itself: longer than the pause between two signs of life
    stalled = talk.stack.query("SELECT line_count FROM webapp_log")[0]["line_count"]
    worker.rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    run = talk.wait_for_end()

    assert stalled - stored < 1000  # of 3,200 that were said meanwhile
    assert run["status"] == "succeeded"
    assert talk.heard() == list(range(4_000))


def test_a_stopped_worker_that_wakes_up_late_writes_nothing_more(talking: Talking):
    talk = talking(100_000, 200)
    worker = talk.stack.parts["worker"].pid

    os.kill(worker, signal.SIGSTOP)
    talk.stack.parts["sleeper"] = talk.stack.parts.pop("worker")
    talk.stack.start_worker()
    wait_until(lambda: talk.run["status"] == "interrupted", 40, "the run is found")
    os.kill(worker, signal.SIGCONT)
    talk.wait_for_end()

    heard = talk.heard()
    assert heard == list(range(len(heard)))
    talk.stack.stop_part("sleeper")
