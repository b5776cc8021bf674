"""On the lab host: run a trial's check on its machine and store what it said. Next: `walk.check` judges."""

from django.utils import timezone

from webapp.bisects.checks import KEPT_OUTPUT, UNREACHED, Check
from webapp.bisects.models import Trial
from webapp.logs.redact import redact_text
from webapp.runs.steps import driver_for
from webapp.vagrant.errors import CommandTimedOut, VagrantError


def check_trial(trial_id: int) -> None:
    """Run the check once; a trial that has moved on meanwhile is left alone."""
    waiting = Trial.objects.filter(pk=trial_id, stage=Trial.Stage.CHECKING, finished_at=None)
    trial = waiting.select_related("bisect__lab__host").first()
    if trial is None:
        return
    code, output = run_check(trial, Check.from_json(trial.bisect.trial_check))
    output = redact_text(output)[-KEPT_OUTPUT:]
    waiting.update(exit_code=code, output=output, finished_at=timezone.now())


def run_check(trial: Trial, check: Check) -> tuple[int | None, str]:
    """Return exit code and output; None when it did not end in time."""
    try:
        done = driver_for(trial.bisect.lab).run(check.machine, check.script, timeout_s=check.limit_s)
    except CommandTimedOut as error:
        return None, str(error)
    except VagrantError as error:
        return UNREACHED, str(error)
    return done.code, done.output + done.errors
