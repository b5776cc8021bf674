"""A readiness category as a trial's check: an errand of the lab's cluster, whose report is the verdict.

No state of its own: the errand is the one of this category that was asked for since the check began.
"""

from datetime import datetime

from webapp.bisects.checks import MOST_ATTEMPTS, Check, NoAnswer
from webapp.bisects.models import Trial
from webapp.cluster.actions import cluster_of
from webapp.cluster.errands import ErrandError
from webapp.cluster.models import Errand
from webapp.cluster.readiness import outcomes_of
from webapp.cluster.readiness_run import request_readiness
from webapp.executions.models import Status


def readiness_verdict(trial: Trial, check: Check, now: datetime) -> tuple[str, str] | None:
    """Return verdict and sentence, None while it runs; ask for it first. Raises NoAnswer."""
    errand = errand_of(trial, check)
    if errand is None or errand.status == Status.INTERRUPTED:
        ask(trial, check, now)
        return None
    if errand.is_open:
        return None
    if errand.status != Status.SUCCEEDED:
        raise NoAnswer(f"Readiness {check.script} was not run: {errand.sentence}")
    failed = [name for name, outcome in outcomes_of(errand.result).items() if outcome == "failed"]
    return ("bad", f"{errand.sentence} First: {failed[0][:200]}") if failed else ("good", errand.sentence)


def errand_of(trial: Trial, check: Check) -> Errand | None:
    """Return the errand that this trial waits for."""
    if trial.check_asked_at is None:
        return None
    rows = Errand.objects.filter(
        cluster=cluster_of(trial.bisect.lab),
        kind=Errand.Kind.READINESS,
        argument=check.script,
        requested_at__gte=trial.check_asked_at,
    )
    return rows.order_by("-id").first()


def ask(trial: Trial, check: Check, now: datetime) -> None:
    """Begin it; what somebody else began before is waited for, and does not count."""
    if trial.attempts >= MOST_ATTEMPTS:
        raise NoAnswer(f"Readiness {check.script} was lost with its worker {trial.attempts} times.")
    Trial.objects.filter(pk=trial.pk).update(check_asked_at=now, attempts=trial.attempts + 1)
    try:
        request_readiness(cluster_of(trial.bisect.lab), trial.bisect.asker, category=check.script, focus="")
    except ErrandError as error:
        raise NoAnswer(str(error)) from error
