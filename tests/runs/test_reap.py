"""Runs whose worker is gone are ended truthfully; those of a living one are left alone."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from tests.factories import HostFactory, RunFactory, StepFactory
from webapp.hosts.models import Host
from webapp.logs import store
from webapp.logs.models import Spool
from webapp.runs.models import Run, Step
from webapp.runs.reap import SENTENCE, reap_host

pytestmark = pytest.mark.usefixtures("transactional_db", "var")


@pytest.fixture
def host(transactional_db: None) -> Host:
    return HostFactory(name="local")


def lost_run(host: Host) -> Run:
    long_ago = timezone.now() - timedelta(minutes=5)
    return RunFactory(lab__host=host, status="running", heartbeat_at=long_ago, holder="gone:1:x")


def spool(run: Run, folder: Path, said: bytes, *, stored: int = 0) -> Spool:
    """Make what a lost worker left: the keeper has ended, `stored` bytes are in the log."""
    folder.mkdir(parents=True)
    (folder / f"{0:016d}.out").write_bytes(said)
    (folder / "keeper.lock").touch()
    return Spool.objects.create(log=run.log, step=1, folder=str(folder), offset=stored)


def texts(run: Run) -> list[str]:
    return [line[4] for line in store.read(run.log_id, -1, 100).lines]


def test_lost_run_is_marked_with_its_steps_and_its_last_lines(host: Host, tmp_path: Path):
    run = lost_run(host)
    steps = [StepFactory(run=run, number=n, status=s) for n, s in enumerate(("running", "waiting"), 1)]
    spool(run, tmp_path / "spool", b"last words\n")

    reap_host(host, timezone.now())

    run.refresh_from_db()
    assert (run.status, run.sentence, run.log.__class__.objects.get().complete) == (
        "interrupted",
        SENTENCE,
        "interrupted",
    )
    assert [Step.objects.get(pk=step.pk).status for step in steps] == ["interrupted", "skipped"]
    assert texts(run) == ["last words", f"#{run.number} launch interrupted. {SENTENCE}"]
    assert not (tmp_path / "spool").exists()


def test_log_of_a_run_that_has_just_ended_is_left_to_its_walker(host: Host):
    run = RunFactory(lab__host=host, status="succeeded", finished_at=timezone.now())

    reap_host(host, timezone.now())

    assert store.size(run.log_id) == (0, "")


@pytest.mark.parametrize(
    "away", [timedelta(minutes=-5), timedelta(minutes=50)], ids=["old", "clock-set-back"]
)
def test_log_that_a_walker_did_not_close_is_closed(host: Host, away: timedelta):
    run = RunFactory(lab__host=host, status="succeeded", finished_at=timezone.now() + away)

    reap_host(host, timezone.now())

    assert store.size(run.log_id) == (1, "succeeded")


def test_spool_that_lost_its_end_is_told_and_holds_up_no_other_run(host: Host, tmp_path: Path):
    torn, whole = lost_run(host), lost_run(host)
    spool(torn, tmp_path / "torn", b"a line\n", stored=7000)
    spool(whole, tmp_path / "whole", b"last words\n")

    reap_host(host, timezone.now())

    assert [store.size(run.log_id).complete for run in (torn, whole)] == ["interrupted"] * 2
    assert texts(torn)[0].startswith("The rest of what was said here is lost")
    assert texts(whole)[0] == "last words"


def test_reaping_again_says_nothing_twice(host: Host):
    run = lost_run(host)

    for _ in range(2):
        reap_host(host, timezone.now())

    assert len(texts(run)) == 1
