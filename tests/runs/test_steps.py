"""Single steps, on a lab that Vagrant knows and whose machines are gone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from webapp.accounts.models import User
from webapp.labs.actions import lab_folder
from webapp.labs.folder import prepare_folder
from webapp.labs.models import Lab
from webapp.planning.plan import Plan, StepKind
from webapp.runs.actions import request_run
from webapp.runs.outcome import StepContext
from webapp.runs.steps import KINDS, try_once

StoredLab = Callable[..., Lab]


@pytest.fixture
def wait(stored_lab: StoredLab, owner: User, settings) -> StepContext:
    """The wait for winw1, which somebody has destroyed behind our back."""
    lab = stored_lab()
    prepare_folder(lab, lab_folder(lab), Path(settings.ENVIRONMENTS_DIR))
    run, _ = request_run(lab, "resume", owner, machine="winw1")
    step = next(step for step in Plan.from_json(run.plan).steps if step.kind == StepKind.WAIT_FOR)
    return StepContext(run, step, run.steps.get(key=step.key), lambda: False)


def test_a_wait_for_a_machine_that_is_gone_ends_at_once(wait: StepContext):
    outcome = try_once(wait, KINDS)

    assert (outcome.status, outcome.signature.partition(":")[0]) == ("failed", "MachineNotCreated")
    assert "created" in outcome.sentence
