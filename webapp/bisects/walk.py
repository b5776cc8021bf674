"""Carry bisects on: each turn makes at most one small step of each, and stores it.

Called by beat on the builds' host, which has the mirrors. Everything that a turn knows is in the rows, so a
lost worker costs one turn: builds and runs go on by themselves, a lost check is asked for again.
"""

import contextlib
import fcntl
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from django.conf import settings

from webapp.bisects import search
from webapp.bisects.actions import end_bisect
from webapp.bisects.checks import MOST_ATTEMPTS, Check, NoAnswer
from webapp.bisects.history import MirrorBusy, list_commits
from webapp.bisects.models import Bisect, Trial
from webapp.bisects.readiness_check import readiness_verdict
from webapp.bisects.script_check import script_verdict
from webapp.bisects.workload_check import workload_verdict
from webapp.builds.actions import request_build
from webapp.builds.errors import BuildError
from webapp.builds.models import Build
from webapp.executions.models import Status
from webapp.inject.actions import InjectError, RunIsOpen, start
from webapp.inject.models import Injection
from webapp.inject.queries import injections_of
from webapp.labs.access import can
from webapp.planning.plan import PlanError, StepKind, Verb
from webapp.runs.actions import RunError, request_run, retry_run
from webapp.runs.models import Run, Step

logger = logging.getLogger(__name__)

MOST_TURNS = 8  # of one bisect at one beat
OPEN = (Bisect.State.RUNNING,)


def carry_on_bisects(now: datetime) -> None:
    """Give each running bisect its turns; a fault of ours in one keeps none of the others waiting."""
    for bisect in Bisect.objects.filter(state__in=OPEN).select_related("lab__host", "asked_by"):
        try:
            with held(bisect) as is_mine:
                turns = 0
                while is_mine and turns < MOST_TURNS and has_moved(bisect, now):
                    turns += 1
        except Exception:
            logger.exception("%s: a fault of ours; its next turn comes with the next beat", bisect)


def has_moved(bisect: Bisect, now: datetime) -> bool:
    """Take a turn; False when nothing changed by it, so that the next beat is soon enough."""
    before = place_of(bisect)
    turn(bisect, now)
    bisect.refresh_from_db(fields=["state", "commits"])
    return bisect.is_open and place_of(bisect) != before


def place_of(bisect: Bisect) -> tuple[object, ...]:
    rows = bisect.trials.order_by("-number").values_list("number", "stage", "build_id", "run_id", "attempts")
    return (bool(bisect.commits), rows.first())


@contextlib.contextmanager
def held(bisect: Bisect) -> Iterator[bool]:
    """Hold a bisect for this turn; the kernel frees it with the process. False: another one has it."""
    folder = Path(settings.BUILD_HOME) / "bisects"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{bisect.pk}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def turn(bisect: Bisect, now: datetime) -> None:
    """List the commits, or go on with the open trial, or begin the next one, or end."""
    if sentence := refusal(bisect):
        end_bisect(bisect, Bisect.State.FAILED, sentence)
        return
    try:
        if not bisect.commits:
            bisect.commits = list_commits(bisect)
            Bisect.objects.filter(pk=bisect.pk, state__in=OPEN).update(commits=bisect.commits)
            return
        trial = bisect.trials.exclude(stage=Trial.Stage.ENDED).first() or next_trial(bisect)
        if trial is not None:
            trial.bisect = bisect
            STAGES[Trial.Stage(trial.stage)](trial, now)
    except MirrorBusy:
        return
    except BuildError as error:
        end_bisect(bisect, Bisect.State.FAILED, str(error))


def refusal(bisect: Bisect) -> str:
    """Return why the search may not go on, "" while it may: labs end and rights are taken away meanwhile."""
    by, lab = bisect.asked_by, bisect.lab
    if lab.destroyed_at is not None:
        return f"{lab.name} has been destroyed."
    if by is None:
        return "The person who asked for this bisect has no account any more."
    if not can(by, "build.request") or not can(by, "lab.operate", lab):
        return f"{by.username} may not ask for builds, or not change {lab.name}, any more."
    return ""


def verdicts_of(bisect: Bisect) -> dict[int, str]:
    return dict(bisect.trials.exclude(verdict="").values_list("position", "verdict"))


def next_trial(bisect: Bisect) -> Trial | None:
    """Begin the next commit's trial, or end the bisect."""
    verdicts, count = verdicts_of(bisect), len(bisect.commits)
    if sentence := search.wrong_end(count, verdicts):
        end_bisect(bisect, Bisect.State.FAILED, sentence)
        return None
    position = search.next_position(count, verdicts, tries_ends=bisect.tries_ends)
    if position is None:
        conclude(bisect, search.outcome(count, verdicts))
        return None
    return Trial.objects.create(bisect=bisect, number=bisect.trials.count() + 1, position=position)


def conclude(bisect: Bisect, found: search.Outcome) -> None:
    """Name the first bad commit, or those that could not be told apart."""
    commits = [bisect.commits[position] for position in found.suspects]
    if len(commits) == 1:
        only = commits[0]
        sentence = f"{only['commit'][:12]} is the first bad commit: {only['subject']}"
        end_bisect(bisect, Bisect.State.FOUND, sentence, first_bad=only["commit"])
        return
    names = ", ".join(commit["commit"][:12] for commit in commits[:8])
    sentence = f"The first bad commit is one of {len(commits)}; those between could not be tried: {names}"
    end_bisect(bisect, Bisect.State.FOUND, sentence)


# -- the stages of a trial ----------------------------------------------------------


def move(trial: Trial, stage: Trial.Stage) -> None:
    """Enter a stage; its run and its attempts begin anew."""
    Trial.objects.filter(pk=trial.pk).update(stage=stage, run=None, attempts=0, sentence="")


def judge(trial: Trial, verdict: str, sentence: str, now: datetime) -> None:
    fields = {"verdict": verdict, "sentence": sentence[:500], "finished_at": now}
    Trial.objects.filter(pk=trial.pk).update(stage=Trial.Stage.ENDED, **fields)
    logger.info("%s: %s is %s", trial, trial.commit[:12], verdict)


def wait(trial: Trial, sentence: str) -> None:
    Trial.objects.filter(pk=trial.pk).update(sentence=sentence[:500])


def build(trial: Trial, now: datetime) -> None:
    """Ask for the commit's build and wait for its end; what does not build is skipped.

    Raises BuildError for a request that is refused: each other commit's would be as well.
    """
    bisect = trial.bisect
    if trial.build is None:
        made, _ = request_build(
            url=bisect.url,
            ref=trial.commit,
            names=[bisect.component],
            targets=[bisect.target],
            by=bisect.asked_by,
        )
        Trial.objects.filter(pk=trial.pk).update(build=made)
        return
    wait_for_build(trial, trial.build, now)


def wait_for_build(trial: Trial, made: Build, now: datetime) -> None:
    following = made.continued_by.first()
    if following is not None:
        Trial.objects.filter(pk=trial.pk).update(build=following)
    elif made.is_open or (made.status == Status.INTERRUPTED and not made.log.complete):
        return
    elif made.status == Status.SUCCEEDED:
        move(trial, Trial.Stage.RESETTING if trial.bisect.snapshot else Trial.Stage.INJECTING)
    else:
        judge(trial, search.SKIPPED, f"Build #{made.pk} {made.status}: {made.sentence}", now)


def reset(trial: Trial, _now: datetime) -> None:
    """Bring the machine back to where every trial begins."""
    bisect = trial.bisect

    def ask() -> Run:
        found, is_new = request_run(
            bisect.lab,
            Verb.SNAPSHOT_RESTORE,
            bisect.asker,
            machine=bisect.machine,
            snapshot=bisect.snapshot,
        )
        if not is_new:
            raise RunIsOpen(found)
        return found

    run = ended_run(trial, ask)
    if run is not None and run.status == Status.SUCCEEDED:
        move(trial, Trial.Stage.INJECTING)
    elif run is not None:
        give_up(trial, f"The snapshot {bisect.snapshot} could not be restored: {run.sentence}")


def inject(trial: Trial, now: datetime) -> None:
    """Put the build's binary on the machine; one that does not come up has a verdict already."""
    bisect = trial.bisect

    def ask() -> Run:
        assert trial.build is not None
        artifacts = list(trial.build.artifacts.filter(target=bisect.target, removed_at=None))
        return start(bisect.lab, [bisect.machine], artifacts, bisect.asker, is_forced=True)

    run = ended_run(trial, ask)
    if run is None:
        return
    if run.status == Status.SUCCEEDED:
        move(trial, Trial.Stage.CHECKING)
    elif has_crashed(run):
        verdict = search.SKIPPED if bisect.skips_crashes else search.BAD
        judge(trial, verdict, f"Run #{run.number}, which injects it, failed: {run.sentence}", now)
    else:
        give_up(trial, f"Run #{run.number}, which injects it, ended as {run.status}: {run.sentence}")


def has_crashed(run: Run) -> bool:
    """Tell whether the new binary did not come up where the old one then did.

    Whatever else fails (the file cannot be brought or is in use, the machine is silent) is no fault of it.
    """
    starts = run.steps.filter(kind=StepKind.INJECT, key__endswith="-inject-start", status=Step.Status.FAILED)
    states = {row.state for row in injections_of(run)}
    return starts.exists() and states == {Injection.State.BACK}


def ended_run(trial: Trial, ask: Callable[[], Run]) -> Run | None:
    """Return the stage's run when it has ended; begin it, or go on after a lost worker, if need be."""
    try:
        if trial.run is None:
            Trial.objects.filter(pk=trial.pk).update(run=ask(), sentence="")
            return None
        if trial.run.status == Status.INTERRUPTED and trial.attempts < MOST_ATTEMPTS:
            again, _ = retry_run(trial.run, trial.bisect.asker)
            Trial.objects.filter(pk=trial.pk).update(run=again, attempts=trial.attempts + 1)
            return None
    except RunIsOpen as error:
        wait(trial, f"Waiting for run #{error.run.number} of the lab.")
        return None
    except (RunError, PlanError, InjectError) as error:
        give_up(trial, str(error))
        return None
    return None if trial.run.is_open else trial.run


def check(trial: Trial, now: datetime) -> None:
    """Have the check carried out and read its verdict; what cannot be carried out ends the search."""
    wanted = Check.from_json(trial.bisect.trial_check)
    try:
        found = CHECKS[wanted.kind](trial, wanted, now)
    except NoAnswer as error:
        give_up(trial, str(error))
        return
    if found is not None:
        judge(trial, *found, now)


def give_up(trial: Trial, sentence: str) -> None:
    """End the whole bisect: this is no answer about the commit."""
    wait(trial, sentence)
    end_bisect(trial.bisect, Bisect.State.FAILED, sentence)


CHECKS = {"script": script_verdict, "readiness": readiness_verdict, "workload": workload_verdict}
STAGES: dict[Trial.Stage, Callable[[Trial, datetime], None]] = {
    Trial.Stage.BUILDING: build,
    Trial.Stage.RESETTING: reset,
    Trial.Stage.INJECTING: inject,
    Trial.Stage.CHECKING: check,
}
