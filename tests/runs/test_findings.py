"""Known failures while lines are stored: rows within bounds, what is held, what is counted."""

from collections.abc import Sequence

import pytest

from tests.factories import LabFactory, RunFactory, StepFactory
from webapp.diagnosis.rules import Rule
from webapp.logs.lines import LogLine
from webapp.runs.findings import MOST_A_RULE, MOST_A_RUN, StepWatch, main_cause, noise_lines, rules
from webapp.runs.models import Finding, Step

TOKEN = "could not find a JWS signature in the cluster-info ConfigMap for token ID"
NOT_READY = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady"
NOISE = next(rule for rule in rules().rules if rule.kind == "noise" and not rule.steps and not rule.roles)


@pytest.fixture
def step(db: None) -> Step:
    return StepFactory(run=RunFactory(lab=LabFactory()), machine="winw1", key="winw1 windows-join")


def watch_of(step: Step) -> StepWatch:
    return StepWatch(step.run, step, name="windows-join", role="windows")


def lines(texts: Sequence[str]) -> list[LogLine]:
    return [LogLine("winw1", "output", text) for text in texts]


def test_a_known_failure_is_stored_at_its_line(step: Step):
    watch_of(step).look(40, lines(["fine", TOKEN]))

    finding = Finding.objects.get()
    assert (finding.line, finding.rule, finding.machine, finding.step) == (41, "token-expired", "winw1", step)
    assert finding.title
    assert finding.advice


def test_what_is_normal_for_a_while_counts_only_when_the_attempt_fails(step: Step):
    watch = watch_of(step)
    watch.look(0, lines([NOT_READY]))
    assert not Finding.objects.exists()

    cause = watch.end_attempt(is_failed=True)

    assert cause is not None
    assert Finding.objects.get().rule == cause.id


def test_what_was_held_is_forgotten_when_the_attempt_succeeds(step: Step):
    watch = watch_of(step)
    watch.look(0, lines([NOT_READY]))

    assert watch.end_attempt(is_failed=False) is None
    assert watch.end_attempt(is_failed=True) is None
    assert not Finding.objects.exists()


def test_noise_is_counted_and_makes_no_finding(step: Step):
    watch_of(step).look(0, lines([NOISE.samples[0], "fine", NOISE.samples[0]]))

    step.refresh_from_db()
    assert step.noise_count == 2
    assert not Finding.objects.exists()


def test_a_failure_that_repeats_itself_is_stored_a_few_times(step: Step):
    watch_of(step).look(0, lines([TOKEN] * 1000))

    assert Finding.objects.count() == MOST_A_RULE


def test_a_run_has_no_more_findings_than_its_bound(step: Step):
    Finding.objects.bulk_create(
        Finding(run=step.run, step=step, line=n, rule="other", kind="failure", title="x")
        for n in range(MOST_A_RUN - 1)
    )

    watch_of(step).look(5000, lines([TOKEN] * 3))

    assert Finding.objects.count() == MOST_A_RUN


def rule(id: str, *, retry: bool, when_failed: bool = False) -> Rule:
    return Rule(id, "x", id, id, retry=retry, when_failed=when_failed)


@pytest.mark.parametrize(
    ("found", "main"),
    [
        ([], None),
        ([rule("a", retry=True), rule("b", retry=True)], "b"),
        ([rule("a", retry=False), rule("b", retry=True)], "a"),
        ([rule("a", retry=True), rule("b", retry=True, when_failed=True)], "a"),
        ([rule("b", retry=True, when_failed=True)], "b"),
    ],
    ids=["none", "the last", "what no retry mends", "not what is usual for a while", "unless it is alone"],
)
def test_the_main_cause_is_the_most_telling(found: list[Rule], main: str | None):
    cause = main_cause(found)

    assert (cause.id if cause else None) == main


def test_noise_lines_are_told_by_their_step():
    page = [(0, 1, "winw1", "output", "fine"), (0, 2, "winw1", "output", NOISE.samples[0])]

    assert noise_lines(70, page, {1: ("up", "windows"), 2: ("windows-join", "windows")}) == [71]
