"""Builds whose worker is gone: say so, keep the last lines, clean up, go on in a new build.

Called by beat through the builds' queue, every few seconds, on the host that has the spools.
"""

import logging
from datetime import datetime

from webapp.builds.actions import announce_build, continue_build
from webapp.builds.children import plain
from webapp.builds.execute import clean_up, close_log
from webapp.builds.models import Build
from webapp.executions.lost import left_open, silent
from webapp.executions.models import Status
from webapp.executions.record import Recorder, store_spool
from webapp.logs.models import Spool
from webapp.logs.redact import Redactor

logger = logging.getLogger(__name__)

SENTENCE = "The worker that ran this was lost; its compiler was stopped."


def reap_builds(now: datetime) -> None:
    """Mark lost builds, then finish those whose child has ended, then go on after them."""
    for build in Build.objects.filter(silent(now)):
        interrupt(build, now)
    for build in Build.objects.filter(left_open(now, SENTENCE)):
        if store_rest(build):
            finish(build)


def interrupt(build: Build, now: datetime) -> None:
    """Mark it; of two reapers one wins."""
    fields = {"finished_at": now, "sentence": SENTENCE, "stage": Build.Stage.ENDED}
    if build.move(Status.INTERRUPTED, (Status.RUNNING,), **fields):
        logger.warning("build %s: worker %s lost", build.pk, build.holder)
        announce_build(build)


def store_rest(build: Build) -> bool:
    """Store what the lost worker had not; False while a keeper still works."""
    spools = Spool.objects.filter(log_id=build.log_id, closed_at=None)
    left = [spool for spool in spools if not store_spool(Recorder(spool, plain, Redactor(())))]
    return not left


def finish(build: Build) -> None:
    """Close the log, take the work folder away, go on in a new build if it was interrupted."""
    close_log(build)
    clean_up(build)
    if build.status == Status.INTERRUPTED:
        again = continue_build(build)
        if again is not None:
            logger.info("build %s: goes on as build %s", build.pk, again.pk)
