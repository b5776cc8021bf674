"""Ask for builds, cancel them, keep what they left. Carrying one out is `builds.execute`."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from webapp import live
from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.background import enqueue
from webapp.builds import git
from webapp.builds.errors import RequestError
from webapp.builds.models import ANSWERS, Build, Follow
from webapp.builds.queries import all_components
from webapp.builds.recipe import build_key, make_recipe
from webapp.builds.sources import Source, check_ref, check_url
from webapp.executions.models import Status
from webapp.logs import store
from webapp.logs.models import Log

QUEUE = "builds"
TASK = "webapp.execute_build"
MOST_CONTINUATIONS = 3


def check_source(url: str) -> Source:
    return check_url(url, settings.BUILD_HOSTS, settings.BUILD_LOCAL_REPOSITORIES)


def resolve_ref(url: str, ref: str) -> tuple[Source, git.Resolved]:
    """Ask the repository which commit a ref is now; RequestError or GitError, nothing is stored."""
    source = check_source(url)
    return source, git.resolve(Path(settings.BUILD_HOME), source, check_ref(ref))


def request_build(
    *, url: str, ref: str, names: Sequence[str], targets: Sequence[str], by: User | None, again: bool = False
) -> tuple[Build, bool]:
    """Make a build and hand it to the builds' queue, or return the one that answers and False.

    `again`: what is there already does not answer. Raises RequestError or GitError, and makes nothing.
    """
    known = all_components()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise RequestError(f"There is no component {unknown[0][:40]!r}.")
    recipe = make_recipe([known[name] for name in dict.fromkeys(names)], targets)
    source, resolved = resolve_ref(url, ref)
    build = Build(
        key=build_key(source.url, resolved.commit, recipe),
        url=source.url,
        ref=check_ref(ref),
        ref_name=resolved.name,
        commit=resolved.commit,
        recipe=recipe.to_json(),
        requested_by=by,
    )
    return store_build(build, again=again)


def store_build(build: Build, *, again: bool = False) -> tuple[Build, bool]:
    """Store a prepared build and enqueue it; or return the one whose key it has, and False."""
    answers = Build.objects.filter(key=build.key, status__in=ANSWERS, is_outdated=False)
    if again:
        answers.filter(status=Status.SUCCEEDED).update(is_outdated=True)
    found = answers.first()
    if found is not None:
        return found, False
    try:
        with transaction.atomic():
            build.log = Log.objects.create()
            build.save(force_insert=True)
            audit.record(build.requested_by, "asked build", describe(build)[:200])
            enqueue(TASK, build.pk, queue=QUEUE)
    except IntegrityError:
        found = answers.first()  # somebody asked for the same thing at the same moment
        if found is None:
            raise
        return found, False
    announce_build(build)
    return build, True


def describe(build: Build) -> str:
    return f"{', '.join(build.names)} of {build.ref} for {', '.join(build.targets)}"


def cancel_build(build: Build, by: User) -> bool:
    """Ask a build to stop, or end it at once when no worker has it; False when it had ended."""
    now = timezone.now()
    sentence = f"Canceled by {by.username} before it began."
    fields = {"finished_at": now, "sentence": sentence, "stage": Build.Stage.ENDED, "cancel_requested_by": by}
    if build.move(Status.CANCELED, (Status.PENDING,), **fields):
        store.note(build.log_id, sentence)
        store.finish(build.log_id, Status.CANCELED)
        canceled = True
    else:
        waiting = Build.objects.filter(pk=build.pk, status=Status.RUNNING, cancel_requested_at=None)
        canceled = bool(waiting.update(cancel_requested_at=now, cancel_requested_by=by))
    if canceled:
        audit.record(by, "canceled build", str(build))
        announce_build(build)
    return canceled


def rebuild(build: Build, by: User) -> tuple[Build, bool]:
    """Ask for the same commit and recipe anew: after a failure, or although there is a result."""
    return store_build(same_again(build, requested_by=by), again=True)


def continue_build(build: Build) -> Build | None:
    """Go on after a lost worker with a new build; None when that happened too often, or nobody wants it.

    Somebody may have asked for the same thing meanwhile: then that build is the one that goes on.
    """
    if (
        build.cancel_requested_at is not None
        or build.continued_by.exists()
        or depth(build) >= MOST_CONTINUATIONS
    ):
        return None
    made, is_new = store_build(same_again(build, requested_by=build.requested_by, continues=build))
    if not is_new:
        Build.objects.filter(pk=made.pk, continues=None).update(continues=build)
    Follow.objects.filter(last_build=build).update(last_build=made)  # what it becomes is to be injected
    return made


def same_again(build: Build, **fields: Any) -> Build:  # Any: Django's own fields
    """Return an unsaved build of the same thing."""
    same = ("kind", "key", "url", "ref", "ref_name", "commit", "recipe")
    return Build(**{name: getattr(build, name) for name in same}, **fields)


def depth(build: Build) -> int:
    """Return how many interrupted builds this one goes on after."""
    count = 0
    while build.continues is not None and count < MOST_CONTINUATIONS:
        build, count = build.continues, count + 1
    return count


def announce_build(build: Build) -> None:
    live.announce({"type": "build.changed", "build": build.pk})


def enqueue_forgotten(now: datetime, older_than_s: float) -> int:
    """Hand pending builds to the queue again: Redis may have lost the message, or all places were taken."""
    if Build.objects.filter(status=Status.RUNNING).count() >= settings.BUILD_AT_ONCE:
        return 0
    pending = Build.objects.filter(status=Status.PENDING).order_by("id")
    old = [build for build in pending if (now - build.requested_at).total_seconds() > older_than_s]
    for build in old[: settings.BUILD_AT_ONCE]:
        enqueue(TASK, build.pk, queue=QUEUE)
    return len(old)


def enqueue_next() -> None:
    """A place has become free: give it to the build that waits longest."""
    build = Build.objects.filter(status=Status.PENDING).order_by("id").first()
    if build is not None:
        enqueue(TASK, build.pk, queue=QUEUE)
