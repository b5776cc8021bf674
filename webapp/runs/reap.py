"""Runs whose worker is gone: say so, keep its last lines, look at the machines.

Called by beat on each lab host's own queue, every few seconds:
1. a running run whose heartbeat is too old is marked interrupted (one winner);
2. the rest of each spool is stored once its keeper has ended the child;
3. the log is finished, and the machines are looked at.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings

from webapp.executions.models import ENDED, Status
from webapp.executions.record import Recorder, nothing, store_spool
from webapp.hosts.models import Host
from webapp.labs.actions import record_states
from webapp.labs.models import Lab
from webapp.logs import store
from webapp.logs.models import Spool
from webapp.logs.redact import Redactor
from webapp.runs.actions import announce_run
from webapp.runs.findings import StepWatch
from webapp.runs.models import Run, Step
from webapp.runs.output import VagrantOutput
from webapp.runs.steps import driver_for
from webapp.vagrant.errors import VagrantError

logger = logging.getLogger(__name__)

SENTENCE = (
    "The worker that ran this was lost; its Vagrant process was stopped. "
    "Look at the machines, then Retry goes on."
)


def reap_host(host: Host, now: datetime) -> None:
    """Do all three for the runs of one lab host."""
    for run in lost_runs(host, now):
        interrupt(run, now)
    for run in unfinished_logs(host):
        if store_rest(run):
            finish(run, now)


def lost_runs(host: Host, now: datetime) -> list[Run]:
    silent_since = now - timedelta(seconds=settings.LAB_LOST_AFTER_S)
    return list(
        Run.objects.filter(
            lab__host=host, status=Status.RUNNING, heartbeat_at__lt=silent_since
        ).select_related("lab")
    )


def interrupt(run: Run, now: datetime) -> None:
    """Mark the run and its running steps; of two reapers one wins."""
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


def unfinished_logs(host: Host) -> list[Run]:
    return list(
        Run.objects.filter(lab__host=host, status__in=ENDED, log__complete="").select_related(
            "lab__host", "log"
        )
    )


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


def finish(run: Run, now: datetime) -> None:
    store.note(
        run.log_id, f"#{run.number} {run.verb} {Status(run.status).label.lower()}. {run.sentence}".strip()
    )
    store.finish(run.log_id, run.status)
    look_at(run.lab, now)
    announce_run(run)


def look_at(lab: Lab, now: datetime) -> None:
    """Store the machines' states; what cannot be seen stays as it was, with its old time."""
    try:
        states = driver_for(lab).status()
    except (VagrantError, OSError) as error:
        logger.warning("lab %s: not seen: %s", lab.pk, error)
        return
    record_states(lab, {name: status.state for name, status in states.items()}, now)
