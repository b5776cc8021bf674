"""Followed branches onto labs: what a branch's newest commit became is injected, once, when it is built.

Called by beat. Who asked for it must still have the right to; a lab that is busy gets it at a later turn.
"""

import logging

from django.db.models import F, Q

from webapp.builds.models import Artifact, Build, Follow
from webapp.executions.models import Status
from webapp.inject.actions import InjectError, RunIsOpen, start
from webapp.labs.access import can
from webapp.labs.models import Lab
from webapp.runs.models import Run

logger = logging.getLogger(__name__)


def deliver_follows() -> int:
    """Inject each followed build that has come out since; returns how many runs began."""
    rows = Follow.objects.filter(lab__isnull=False, last_build__status=Status.SUCCEEDED)
    due = rows.filter(Q(injected_build=None) | ~Q(injected_build=F("last_build")))
    return sum(deliver(follow) for follow in due.select_related("lab", "last_build", "added_by"))


def deliver(follow: Follow) -> bool:
    """Ask for the injection; what is refused is told on the page, and tried with the next build only."""
    build, lab = follow.last_build, follow.lab
    assert build is not None and lab is not None  # deliver_follows has filtered
    try:
        run = inject(follow, build, lab)
    except RunIsOpen as error:
        # Two beats at once: the run that is open may be the one that the other has just begun.
        waiting = Follow.objects.filter(pk=follow.pk).exclude(injected_build=build)
        waiting.update(inject_sentence=str(error)[:300])
        return False
    except InjectError as error:
        finished(follow, build, None, str(error))
        return False
    logger.info("follow %s: build %s goes to lab %s by run %s", follow.pk, build.pk, lab.pk, run.number)
    finished(follow, build, run.number, "")
    return True


def inject(follow: Follow, build: Build, lab: Lab) -> Run:
    """Start one run for every machine that the build's binaries are for. Raises InjectError."""
    if lab.destroyed_at is not None:
        raise InjectError(f"{lab.name} has been destroyed.")
    if not can(follow.added_by, "lab.operate", lab):
        raise InjectError(f"{follow.added_by.username} may not change {lab.name} any more.")
    artifacts = list(build.artifacts.filter(removed_at=None))
    machines, fitting = fitting_pair(lab, artifacts)
    if not machines:
        raise InjectError(f"{lab.name} has no machine that these binaries are for.")
    return start(lab, machines, fitting, follow.added_by)


def fitting_pair(lab: Lab, artifacts: list[Artifact]) -> tuple[list[str], list[Artifact]]:
    """Return the lab's machines of one system, Windows first, and the artifacts for it."""
    for is_windows, system in ((True, "windows"), (False, "linux")):
        fitting = [one for one in artifacts if one.target.startswith(f"{system}/")]
        machines = [one.name for one in lab.machines.all() if one.is_windows == is_windows]
        if fitting and machines:
            return machines, fitting
    return [], []


def finished(follow: Follow, build: Build, run: int | None, sentence: str) -> None:
    fields = {"injected_build": build, "injected_run": run, "inject_sentence": sentence[:300]}
    Follow.objects.filter(pk=follow.pk).update(**fields)
