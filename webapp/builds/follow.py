"""Followed branches: asked for at a polite interval, built again when they moved."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.builds.actions import resolve_ref, store_build
from webapp.builds.errors import BuildError, RequestError
from webapp.builds.models import Build, Follow
from webapp.builds.recipe import Recipe, build_key
from webapp.labs.access import can
from webapp.labs.models import Lab


def follow_branch(build: Build, by: User) -> Follow:
    """Build the same again whenever the branch moves; one follow for the same thing."""
    if build.kind != Build.Kind.COMPILE or not build.ref_name.startswith(("refs/heads/", "refs/pull/")):
        raise RequestError("Only a branch or a pull request moves; this build is of something fixed.")
    found = Follow.objects.filter(url=build.url, ref=build.ref, recipe=build.recipe).first()
    if found is not None:
        return found
    follow = Follow.objects.create(
        url=build.url,
        ref=build.ref,
        recipe=build.recipe,
        commit=build.commit,
        last_build=build,
        added_by=by,
    )
    audit.record(by, "followed branch", f"{build.ref} of {build.url}"[:200])
    return follow


def stop_follow(follow: Follow, by: User) -> None:
    audit.record(by, "stopped following", f"{follow.ref} of {follow.url}"[:200])
    follow.delete()


def inject_into(follow: Follow, lab: Lab | None, by: User) -> None:
    """Put what this follow builds from now on onto a lab's machines; None: only build."""
    Follow.objects.filter(pk=follow.pk).update(
        lab=lab, injected_build=follow.last_build, injected_run=None, inject_sentence=""
    )
    what = f"{follow.ref} of {follow.url}"
    audit.record(by, "followed branch into lab", what[:200], lab_id=lab.pk if lab else None)


def look_at_follows(now: datetime) -> int:
    """Ask for each followed branch whose turn it is; build what moved. Returns how many moved."""
    due = now - timedelta(seconds=settings.BUILD_FOLLOW_S)
    rows = Follow.objects.filter(Q(asked_at=None) | Q(asked_at__lt=due)).select_related("added_by")
    moved = 0
    for follow in rows:
        # Claimed first: two beats at once ask once, and a slow forge is not asked again meanwhile.
        claimed = Follow.objects.filter(pk=follow.pk, asked_at=follow.asked_at).update(asked_at=now)
        moved += bool(claimed) and look_at_follow(follow)
    return moved


def look_at_follow(follow: Follow) -> bool:
    """Build again if the branch moved; what fails is told on the page and tried again at the next turn."""
    try:
        if not can(follow.added_by, "build.request"):
            raise RequestError(f"{follow.added_by.username} may not ask for builds any more.")
        source, resolved = resolve_ref(follow.url, follow.ref)
    except BuildError as error:
        Follow.objects.filter(pk=follow.pk).update(sentence=str(error)[:300])
        return False
    if resolved.commit == follow.commit:
        Follow.objects.filter(pk=follow.pk).update(sentence="")
        return False
    recipe = Recipe.from_json(follow.recipe)
    build = Build(
        key=build_key(source.url, resolved.commit, recipe),
        url=source.url,
        ref=follow.ref,
        ref_name=resolved.name,
        commit=resolved.commit,
        recipe=follow.recipe,
        requested_by=follow.added_by,
    )
    made, _ = store_build(build)
    Follow.objects.filter(pk=follow.pk).update(commit=resolved.commit, last_build=made, sentence="")
    return True
