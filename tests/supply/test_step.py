"""The step `builds` without a worker that builds."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.builds.repository import Repository
from tests.factories import LabFactory, RunFactory, StepFactory
from webapp.builds.actions import cancel_build
from webapp.builds.models import Build
from webapp.catalog.variables import parse
from webapp.planning.plan import BUILDS
from webapp.runs.outcome import StepContext
from webapp.supply.step import build_binaries

pytestmark = pytest.mark.django_db
TEXT = 'build: {{ref: fix, repository: "{path}"}}\noverrides: {{windows: {{kubelet: {{source: build}}}}}}\n'


@pytest.fixture
def context(repository: Repository, settings, var: Path) -> StepContext:
    """A step that may take no time."""
    settings.BUILD_HOME = var / "builds"
    settings.BUILD_LOCAL_REPOSITORIES = [str(repository.path)]
    run = RunFactory(lab=LabFactory(spec=parse(TEXT.format(path=repository.path)).to_json()))
    return StepContext(run, replace(BUILDS, limit_s=0), StepFactory(run=run, kind="build"), lambda: False)


def test_build_that_nobody_begins_ends_the_step_in_its_time(context: StepContext) -> None:
    outcome = build_binaries(context)

    assert outcome.status == "failed"
    assert outcome.sentence == f"Build #{Build.objects.get().pk} is pending after 0 min; look at its page."


def test_retry_asks_anew_for_a_build_that_was_canceled(context: StepContext) -> None:
    build_binaries(context)
    canceled = Build.objects.get()
    cancel_build(canceled, context.lab.owner)

    outcome = build_binaries(context)

    newest = Build.objects.first()
    assert newest != canceled
    assert f"Build #{newest.pk} is pending" in outcome.sentence
