"""A script as a trial's check: asked for on the lab host, again after a lost worker or a silent machine.

`carry_check` runs it there and stores what it said in the trial's row.
"""

from datetime import datetime, timedelta

from webapp.background import enqueue
from webapp.bisects.checks import MOST_ATTEMPTS, UNREACHED, Check, NoAnswer, verdict_of
from webapp.bisects.models import Trial

TASK = "webapp.check_trial"
GRACE_S = 20  # beyond its limit a check's worker was lost


def script_verdict(trial: Trial, check: Check, now: datetime) -> tuple[str, str] | None:
    """Return verdict and sentence, None while it runs; ask for it first. Raises NoAnswer."""
    if trial.finished_at is not None and trial.exit_code != UNREACHED:
        return verdict_of(check, trial.exit_code, trial.output)
    if trial.finished_at is not None and trial.attempts >= MOST_ATTEMPTS:
        raise NoAnswer(f"{check.machine} could not be asked: {trial.output[:200]}")
    if trial.finished_at is not None:
        Trial.objects.filter(pk=trial.pk).update(finished_at=None, check_asked_at=None)
        return None
    lost_at = now - timedelta(seconds=check.limit_s + GRACE_S)
    if trial.check_asked_at is not None and trial.check_asked_at > lost_at:
        return None
    if trial.attempts >= MOST_ATTEMPTS:
        raise NoAnswer("The check was lost with its worker too often.")
    Trial.objects.filter(pk=trial.pk).update(check_asked_at=now, attempts=trial.attempts + 1)
    enqueue(TASK, trial.pk, queue=trial.bisect.lab.host.queue, expires_s=check.limit_s)
    return None
