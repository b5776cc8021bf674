"""Runs whose worker is gone: say so, keep its last lines, look at the machines.

Called by beat on each lab host's own queue, every few seconds:
1. a running run whose heartbeat is too old is marked interrupted (one winner);
2. the rest of each spool is stored once its keeper has ended the child;
3. the log is finished, and the machines are looked at.
"""

import logging
from datetime import datetime

from django.db import transaction

from webapp.executions.lost import left_open, silent
from webapp.executions.models import Status
from webapp.executions.record import Recorder, nothing, store_spool
from webapp.hosts.models import Host
from webapp.logs import store
from webapp.logs.models import Spool
from webapp.logs.redact import Redactor
from webapp.runs.actions import announce_run
from webapp.runs.findings import StepWatch
from webapp.runs.looks import look_at
from webapp.runs.models import Run, Step
from webapp.runs.output import VagrantOutput

logger = logging.getLogger(__name__)

SENTENCE = (
    "The worker that ran this was lost; its Vagrant process was stopped. "
    "Look at the machines, then Retry goes on."
)


def reap_host(host: Host, now: datetime) -> None:
    """Do all three for the runs of one lab host."""
    for run in lost_runs(host, now):
        interrupt(run, now)
    for run in unfinished_runs(host, now):
        try:
            if store_rest(run):
                finish(run)
        except (store.ProgressConflict, store.LogComplete) as error:  # its worker lives, or another reaper
            logger.info("run %s lab %s: somebody else stores its rest: %s", run.pk, run.lab_id, error)


def lost_runs(host: Host, now: datetime) -> list[Run]:
    return list(Run.objects.filter(silent(now), lab__host=host))


def interrupt(run: Run, now: datetime) -> None:
    """Mark the run and its running steps; of two reapers one wins."""
    with transaction.atomic():
        if not run.move(Status.INTERRUPTED, (Status.RUNNING,), finished_at=now, sentence=SENTENCE):
            return
        run.steps.filter(status=Step.Status.RUNNING).update(
            status=Step.Status.INTERRUPTED, finished_at=now, sentence="The worker was lost while this ran."
        )
        run.steps.filter(status=Step.Status.WAITING).update(
            status=Step.Status.SKIPPED, sentence="Not run: the worker was lost."
        )
    logger.warning("run %s lab %s: worker %s lost", run.pk, run.lab_id, run.holder)
    announce_run(run)


def unfinished_runs(host: Host, now: datetime) -> list[Run]:
    """Return the ended runs whose log nobody closes any more."""
    runs = Run.objects.filter(left_open(now, SENTENCE), lab__host=host)
    return list(runs.select_related("lab__host", "log"))


def store_rest(run: Run) -> bool:
    """Store what the lost worker had not; False while a keeper still works."""
    spools = Spool.objects.filter(log_id=run.log_id, closed_at=None)
    left = [spool for spool in spools if not store_spool(recorder_for(run, spool))]
    return not left


def recorder_for(run: Run, spool: Spool) -> Recorder:
    """Return what goes on where the spool's lost recorder stopped."""
    step = run.steps.filter(number=spool.step).first()
    output = VagrantOutput(step.machine if step else "")
    look = StepWatch(run, step, name=step.name, role="").look if step else nothing
    return Recorder(spool, output.translate, Redactor(()), look)


def finish(run: Run) -> None:
    store.note(
        run.log_id, f"#{run.number} {run.verb} {Status(run.status).label.lower()}. {run.sentence}".strip()
    )
    store.finish(run.log_id, run.status)
    look_at(run.lab)
    announce_run(run)
