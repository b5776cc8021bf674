"""Followed branches: built again when they move, asked for at a polite interval."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from tests.builds.repository import Repository
from webapp.accounts.models import User
from webapp.builds.actions import request_build
from webapp.builds.errors import RequestError
from webapp.builds.follow import follow_branch, look_at_follows
from webapp.builds.models import Build, Follow

pytestmark = pytest.mark.django_db


@pytest.fixture
def follow(home: Path, repository: Repository, member: User) -> Follow:
    return follow_branch(build_of(repository, "fix", member), member)


def build_of(repository: Repository, ref: str, by: User) -> Build:
    given = {"url": str(repository.path), "ref": ref, "names": ["kubelet"], "targets": ["windows/amd64"]}
    return request_build(**given, by=by)[0]


def test_branch_that_stands_still_is_not_built(follow: Follow) -> None:
    assert look_at_follows(timezone.now()) == 0
    assert Build.objects.count() == 1


def test_branch_that_moved_is_built_once(follow: Follow, repository: Repository) -> None:
    now = timezone.now()
    repository.git("update-ref", "refs/heads/fix", repository.commits["pull"])
    try:
        assert look_at_follows(now) == 1
        assert look_at_follows(now + timedelta(seconds=10)) == 0
        assert look_at_follows(now + timedelta(hours=1)) == 0
    finally:
        repository.git("update-ref", "refs/heads/fix", repository.commits["fix"])

    newest = Build.objects.first()
    assert newest and (newest.commit, newest.ref) == (repository.commits["pull"], "fix")
    assert Follow.objects.get().last_build == newest


def test_branch_that_is_gone_is_told_and_asked_for_again(follow: Follow, settings) -> None:
    settings.BUILD_LOCAL_REPOSITORIES = []

    assert look_at_follows(timezone.now()) == 0

    assert "not among the local repositories" in Follow.objects.get().sentence


def test_branch_is_not_built_for_who_may_not_ask_any_more(
    follow: Follow, repository: Repository, member: User
) -> None:
    User.objects.filter(pk=member.pk).update(is_active=False)

    assert look_at_follows(timezone.now()) == 0

    assert "dora may not ask for builds any more" in Follow.objects.get().sentence


def test_tag_cannot_be_followed(home: Path, repository: Repository, member: User) -> None:
    with pytest.raises(RequestError, match="moves"):
        follow_branch(build_of(repository, "v1.36.1", member), member)
