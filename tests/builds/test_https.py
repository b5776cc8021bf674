"""Repositories over https: smart protocol, partial clones, passwords, redirects, silence, certificates."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builds.forge import Forge
from tests.builds.repository import Repository
from webapp.accounts.models import User
from webapp.builds.actions import request_build
from webapp.builds.errors import GitError, RequestError
from webapp.builds.execute import execute_build
from webapp.builds.git import Mirror, Resolved, ls_remote, resolve
from webapp.builds.models import Build
from webapp.builds.sources import Source
from webapp.executions.models import Status
from webapp.logs import store


@pytest.fixture(scope="session")  # tests with a transaction of their own come later, among other modules'
def served(open_folder: Path, repository: Repository) -> Iterator[Forge]:
    folder = open_folder / "forge"
    folder.mkdir()
    forge = Forge(folder, repository).start()
    yield forge
    forge.stop()


@pytest.fixture
def forge(served: Forge, home: Path, settings, monkeypatch: pytest.MonkeyPatch) -> Forge:
    """The forge, on the administrator's list and trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(served.certificate))
    settings.BUILD_HOSTS = [served.host]
    served.asked.clear()
    return served


def text_of(build: Build) -> str:
    return b"".join(store.iter_text(build.log_id, stamps=False)).decode()


def built(forge: Forge, name: str, ref: str, by: User) -> Build:
    build, _ = request_build(url=forge.url(name), ref=ref, names=["kubelet"], targets=["linux/amd64"], by=by)
    execute_build(build.pk)
    return build.refreshed()


def missing_objects(home: Path, forge: Forge, name: str, commit: str) -> int:
    """Count what the mirror has never fetched."""
    mirror = Mirror(home / "builds", Source(forge.url(name)))
    said = mirror.ask("rev-list", "--objects", "--missing=print", commit)
    return sum(line.startswith("?") for line in said.splitlines())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("name", "is_partial"), [("open", True), ("plain", False)])
def test_build_over_https_fetches_only_what_its_tree_has(
    forge: Forge, home: Path, repository: Repository, member: User, *, name: str, is_partial: bool
) -> None:
    build = built(forge, name, "fix", member)

    assert build.status == Status.SUCCEEDED, text_of(build)
    assert build.version == f"v1.36.1-1+{build.commit[:14]}"
    # The main.go of the tag lies behind the branch: no tree of this build has it.
    assert bool(missing_objects(home, forge, name, build.commit)) is is_partial


@pytest.mark.django_db(transaction=True)
def test_second_build_of_a_mirror_asks_for_the_new_commit_only(
    forge: Forge, repository: Repository, member: User
) -> None:
    first = built(forge, "plain", "v1.36.1", member)
    forge.asked.clear()

    again = built(forge, "plain", repository.commits["v1.36.1"], member)

    assert (again.pk, first.status) == (first.pk, Status.SUCCEEDED)
    assert forge.asked == []  # a commit is its own answer, and the build is in the store


@pytest.mark.parametrize(
    ("ref", "commit", "name"),
    [
        ("v1.36.1", "v1.36.1", "refs/tags/v1.36.1"),
        ("fix", "fix", "refs/heads/fix"),
        ("pull/7", "pull", "refs/pull/7/head"),
    ],
)
def test_ref_is_asked_of_the_forge(
    forge: Forge, home: Path, repository: Repository, ref: str, commit: str, name: str
) -> None:
    found = resolve(home / "builds", Source(forge.url("open")), ref)

    assert found == Resolved(repository.commits[commit], name)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("secret", "there is no such repository, or it is not public"),
        ("nothing", "there is no such repository, or it is not public"),
        ("moved", "leads on to another address"),
    ],
)
def test_forge_that_refuses_is_told_at_once(forge: Forge, home: Path, name: str, sentence: str) -> None:
    with pytest.raises(GitError, match=sentence):
        ls_remote(home / "builds", Source(forge.url(name)), ["HEAD"])

    assert all(path.startswith(f"/{name}.git/") for path in forge.asked) and forge.asked


def test_forge_that_says_nothing_is_given_up(forge: Forge, home: Path) -> None:
    with pytest.raises(GitError, match="did not answer within 1 s"):
        ls_remote(home / "builds", Source(forge.url("hangs")), ["HEAD"], timeout_s=1)


@pytest.mark.django_db(transaction=True)
def test_fetch_from_a_forge_that_says_nothing_ends_with_the_builds_time(
    forge: Forge, settings, repository: Repository, member: User
) -> None:
    settings.BUILD_LIMIT_S = 2

    build = built(forge, "hangs", repository.commits["fix"], member)

    assert (build.status, "took longer" in build.sentence) == (Status.FAILED, True), build.sentence
    assert not list((settings.BUILD_HOME / "work").iterdir())


def test_unknown_certificate_is_refused(forge: Forge, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")

    with pytest.raises(GitError, match="its certificate is not signed by an authority that is known here"):
        ls_remote(home / "builds", Source(forge.url("open")), ["HEAD"])
    assert forge.asked == []


@pytest.mark.django_db
def test_port_that_is_not_listed_is_refused(forge: Forge, settings, member: User) -> None:
    settings.BUILD_HOSTS = ["127.0.0.1"]

    with pytest.raises(RequestError, match="not on the administrator's list"):
        built(forge, "open", "fix", member)
    assert forge.asked == []
