"""Carry bisects on: each turn makes at most one small step of each, and stores it.

Called by beat on the builds' host, which has the mirrors. Everything that a turn knows is in the rows, so a
lost worker costs one turn: builds and runs go on by themselves, a lost check is asked for again.
"""

import contextlib
import fcntl
import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from webapp.background import enqueue
from webapp.bisects import search
from webapp.bisects.actions import end_bisect
from webapp.bisects.checks import UNREACHED, Check, NoAnswer, verdict_of
from webapp.bisects.history import list_commits
from webapp.bisects.models import Bisect, Trial
from webapp.bisects.readiness_check import readiness_verdict
from webapp.bisects.workload_check import workload_verdict
from webapp.builds.actions import request_build
from webapp.builds.errors import BuildError
from webapp.builds.models import Build
from webapp.executions.models import Status
from webapp.inject.actions import InjectError, RunIsOpen, start
from webapp.planning.plan import PlanError, Verb
from webapp.runs.actions import RunError, request_run, retry_run
from webapp.runs.models import Run

logger = logging.getLogger(__name__)

CHECK_TASK = "webapp.check_trial"
MOST_ATTEMPTS = 3
MOST_TURNS = 8  # of one bisect at one beat
CHECK_GRACE_S = 20  # beyond its limit a check's worker was lost
OPEN = (Bisect.State.RUNNING,)


def carry_on_bisects(now: datetime) -> None:
    """Give each running bisect its turn."""
    for bisect in Bisect.objects.filter(state__in=OPEN).select_related("lab__host", "asked_by"):
        with held(bisect) as is_mine:
            turns = 0
            while is_mine and turns < MOST_TURNS and has_moved(bisect, now):
                turns += 1


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
    try:
        if not bisect.commits:
            bisect.commits = list_commits(bisect)
            Bisect.objects.filter(pk=bisect.pk, state__in=OPEN).update(commits=bisect.commits)
            return
        trial = bisect.trials.exclude(stage=Trial.Stage.ENDED).first() or next_trial(bisect)
        if trial is not None:
            trial.bisect = bisect
            STAGES[Trial.Stage(trial.stage)](trial, now)
    except BuildError as error:
        end_bisect(bisect, Bisect.State.FAILED, str(error))


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
    """Ask for the commit's build and wait for its end; what cannot be built is skipped."""
    bisect = trial.bisect
    if trial.build is None:
        try:
            made, _ = request_build(
                url=bisect.url,
                ref=trial.commit,
                names=[bisect.component],
                targets=[bisect.target],
                by=bisect.asked_by,
            )
        except BuildError as error:
            judge(trial, search.SKIPPED, str(error), now)
            return
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
    by = bisect.asked_by

    def ask() -> Run:
        assert by is not None
        found, is_new = request_run(
            bisect.lab, Verb.SNAPSHOT_RESTORE, by, machine=bisect.machine, snapshot=bisect.snapshot
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
    by = bisect.asked_by

    def ask() -> Run:
        assert by is not None and trial.build is not None
        artifacts = list(trial.build.artifacts.filter(target=bisect.target, removed_at=None))
        return start(bisect.lab, [bisect.machine], artifacts, by, is_forced=True)

    run = ended_run(trial, ask)
    if run is None:
        return
    if run.status == Status.SUCCEEDED:
        move(trial, Trial.Stage.CHECKING)
    elif run.status == Status.FAILED:
        verdict = search.SKIPPED if bisect.skips_crashes else search.BAD
        judge(trial, verdict, f"Run #{run.number}, which injects it, failed: {run.sentence}", now)
    else:
        give_up(trial, f"Run #{run.number}, which injects it, was {run.status}.")


def ended_run(trial: Trial, ask: Callable[[], Run]) -> Run | None:
    """Return the stage's run when it has ended; begin it, or go on after a lost worker, if need be."""
    if trial.bisect.asked_by is None:
        give_up(trial, "The person who asked for this bisect has no account any more.")
        return None
    try:
        if trial.run is None:
            Trial.objects.filter(pk=trial.pk).update(run=ask(), sentence="")
            return None
        if trial.run.status == Status.INTERRUPTED and trial.attempts < MOST_ATTEMPTS:
            again, _ = retry_run(trial.run, trial.bisect.asked_by)
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
    """Have the check carried out on the lab host, again if its worker was lost; read the verdict."""
    wanted = Check.from_json(trial.bisect.trial_check)
    if wanted.kind in BY_CLUSTER:
        check_by_cluster(trial, wanted, now)
        return
    if trial.finished_at is not None and trial.exit_code == UNREACHED and trial.attempts < MOST_ATTEMPTS:
        Trial.objects.filter(pk=trial.pk).update(finished_at=None, check_asked_at=None)
        return
    if trial.finished_at is not None and trial.exit_code == UNREACHED:
        give_up(trial, f"{wanted.machine} could not be asked: {trial.output[:200]}")
        return
    if trial.finished_at is not None:  # the check's worker has written what it found
        verdict, sentence = verdict_of(wanted, trial.exit_code, trial.output)
        judge(trial, verdict, sentence, now)
        return
    lost_at = now - timedelta(seconds=wanted.limit_s + CHECK_GRACE_S)
    if trial.check_asked_at is not None and trial.check_asked_at > lost_at:
        return
    if trial.attempts >= MOST_ATTEMPTS:
        give_up(trial, "The check was lost with its worker too often.")
        return
    Trial.objects.filter(pk=trial.pk).update(check_asked_at=now, attempts=trial.attempts + 1)
    enqueue(CHECK_TASK, trial.pk, queue=trial.bisect.lab.host.queue, expires_s=wanted.limit_s)


BY_CLUSTER = {"readiness": readiness_verdict, "workload": workload_verdict}


def check_by_cluster(trial: Trial, wanted: Check, now: datetime) -> None:
    """Have the lab's cluster tell; what cannot be carried out ends the search."""
    try:
        found = BY_CLUSTER[wanted.kind](trial, wanted, now)
    except NoAnswer as error:
        give_up(trial, str(error))
        return
    if found is not None:
        judge(trial, *found, now)


def give_up(trial: Trial, sentence: str) -> None:
    """End the whole bisect: this is no answer about the commit."""
    wait(trial, sentence)
    end_bisect(trial.bisect, Bisect.State.FAILED, sentence)


STAGES: dict[Trial.Stage, Callable[[Trial, datetime], None]] = {
    Trial.Stage.BUILDING: build,
    Trial.Stage.RESETTING: reset,
    Trial.Stage.INJECTING: inject,
    Trial.Stage.CHECKING: check,
}
