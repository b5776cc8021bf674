"""A lost worker: its build is marked, closed, cleaned up after, and gone on with."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from tests.builds.repository import Repository
from webapp.accounts.models import User
from webapp.builds.actions import MOST_CONTINUATIONS, enqueue_forgotten, rebuild, request_build
from webapp.builds.follow import follow_branch
from webapp.builds.models import Build
from webapp.builds.reap import interrupt, reap_builds
from webapp.executions.models import Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def lost(home: Path, repository: Repository, member: User) -> Build:
    given = {"url": str(repository.path), "ref": "fix", "names": ["kubelet"], "targets": ["windows/amd64"]}
    build, _ = request_build(**given, by=member)
    lose(build)
    (settings.BUILD_HOME / "work" / str(build.pk) / "tree").mkdir(parents=True)
    return build


def lose(build: Build) -> None:
    build.start("gone:1:x", timezone.now() - timedelta(minutes=5))


def test_lost_build_goes_on_in_a_new_one(lost: Build) -> None:
    reap_builds(timezone.now())

    again = Build.objects.first()
    assert again and (again.continues, again.key, again.status) == (lost, lost.key, Status.PENDING)
    assert lost.refreshed().status == lost.log.__class__.objects.get(pk=lost.log_id).complete == "interrupted"
    assert not (settings.BUILD_HOME / "work" / str(lost.pk)).exists()


def test_reaping_twice_changes_nothing(lost: Build) -> None:
    reap_builds(timezone.now())
    reap_builds(timezone.now())

    assert Build.objects.count() == 2


def test_build_that_is_lost_again_and_again_ends(lost: Build) -> None:
    for _ in range(MOST_CONTINUATIONS + 2):
        reap_builds(timezone.now())
        for build in Build.objects.filter(status=Status.PENDING):
            lose(build)

    assert Build.objects.count() == MOST_CONTINUATIONS + 1


def test_canceled_one_does_not_go_on(lost: Build) -> None:
    Build.objects.update(cancel_requested_at=timezone.now())

    reap_builds(timezone.now())

    assert Build.objects.count() == 1


def test_living_build_is_left_alone(lost: Build) -> None:
    Build.objects.update(heartbeat_at=timezone.now())

    reap_builds(timezone.now())

    assert lost.refreshed().status == Status.RUNNING


def test_forgotten_build_is_handed_over_when_a_place_is_free(lost: Build) -> None:
    later = timezone.now() + timedelta(minutes=1)
    assert enqueue_forgotten(later, 15) == 0

    reap_builds(timezone.now())

    assert enqueue_forgotten(later, 15) == 1


def test_build_that_somebody_asked_for_meanwhile_is_the_one_that_goes_on(lost: Build, owner: User) -> None:
    interrupt(lost, timezone.now())
    asked, is_new = rebuild(lost, owner)

    reap_builds(timezone.now())

    assert is_new and asked.refreshed().continues == lost
    assert Build.objects.count() == 2


def test_follow_goes_on_with_the_build_that_goes_on(lost: Build, member: User) -> None:
    follow = follow_branch(lost, member)

    reap_builds(timezone.now())

    follow.refresh_from_db()
    assert follow.last_build == lost.continued_by.get()
