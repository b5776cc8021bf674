"""Git held short, against a real repository."""

from pathlib import Path

import pytest

from tests.builds.repository import Repository
from webapp.builds.errors import GitError, RequestError
from webapp.builds.git import Mirror, Resolved, git_env, kept_ref, ls_remote, resolve, run_git
from webapp.builds.sources import Source


@pytest.fixture
def mirror(home: Path, repository: Repository) -> Mirror:
    return Mirror(home / "builds", Source(str(repository.path), is_local=True))


def fetched(mirror: Mirror, commit: str) -> Resolved:
    resolved = Resolved(commit, "")
    mirror.make()
    run_git(mirror, mirror.fetch_command(resolved))
    return resolved


@pytest.mark.parametrize(
    ("ref", "commit", "name"),
    [
        ("v1.36.1", "v1.36.1", "refs/tags/v1.36.1"),
        ("fix", "fix", "refs/heads/fix"),
        ("refs/heads/fix", "fix", "refs/heads/fix"),
        ("pull/7", "pull", "refs/pull/7/head"),
        ("HEAD", "v1.36.1", "HEAD"),
    ],
)
def test_resolve_asks_the_repository(
    mirror: Mirror, repository: Repository, ref: str, commit: str, name: str
) -> None:
    assert resolve(mirror.home, mirror.source, ref) == Resolved(repository.commits[commit], name)


def test_resolve_says_which_ref_is_missing(mirror: Mirror) -> None:
    with pytest.raises(RequestError, match="no branch, tag or pull request 'nowhere'"):
        resolve(mirror.home, mirror.source, "nowhere")
    with pytest.raises(RequestError, match="40 digits"):
        resolve(mirror.home, mirror.source, "abcdef12")


def test_ls_remote_says_that_a_repository_is_missing(home: Path) -> None:
    with pytest.raises(GitError, match="cannot be read"):
        ls_remote(home / "builds", Source(str(home / "none"), is_local=True), ["HEAD"])


def test_mirror_keeps_the_commit_and_describes_it(mirror: Mirror, repository: Repository) -> None:
    resolved = fetched(mirror, repository.commits["fix"])

    assert mirror.has(resolved)
    assert mirror.ask("rev-parse", kept_ref(resolved.commit)) == resolved.commit
    assert mirror.describe(resolved.commit) == f"v1.36.1-1-g{resolved.commit[:14]}"
    assert mirror.committed_s(resolved.commit) == 1767323045


def test_fetch_fails_for_a_commit_that_is_not_there(mirror: Mirror) -> None:
    with pytest.raises(GitError):
        fetched(mirror, "f" * 40)


def test_foreign_protocols_are_off(mirror: Mirror, home: Path) -> None:
    remote = Source("ext::sh -c touch% " + str(home / "ran"))

    with pytest.raises(GitError, match="not allowed"):
        ls_remote(mirror.home, remote, ["HEAD"])
    assert not (home / "ran").exists()


def test_environment_holds_no_secret(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hush")
    monkeypatch.setenv("GIT_SSH", "/tmp/evil")

    env = git_env(mirror.home, mirror.source)

    assert "SECRET_KEY" not in env and "GIT_SSH" not in env and env["GIT_TERMINAL_PROMPT"] == "0"


def test_missing_git_is_told(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(GitError, match="not installed"):
        resolve(mirror.home, mirror.source, "fix")


def test_tag_that_was_moved_is_fetched_anew(mirror: Mirror, repository: Repository) -> None:
    fetched(mirror, repository.commits["fix"])
    assert not mirror.has(Resolved(repository.commits["fix"], "refs/tags/v1.36.1"))
    assert mirror.has(Resolved(fetched(mirror, repository.commits["v1.36.1"]).commit, "refs/tags/v1.36.1"))


def test_mirror_is_changed_by_one_at_a_time(mirror: Mirror) -> None:
    waited = list[int]()

    def wait() -> None:
        waited.append(1)
        raise GitError("enough")

    with mirror.held(wait), pytest.raises(GitError, match="enough"), mirror.held(wait):
        pass
    with mirror.held(wait):
        pass
    assert waited == [1]
