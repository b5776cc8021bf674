"""The commits between good and bad, from the repository's mirror, along first parents: what was merged."""

from pathlib import Path

from django.conf import settings

from webapp.bisects.models import Bisect
from webapp.builds.errors import GitError
from webapp.builds.git import FETCH_S, Mirror, Resolved, run_git
from webapp.builds.sources import Source

MOST_COMMITS = 20_000
SEPARATOR = "\x1f"


class MirrorBusy(Exception):
    """A build is bringing something into the mirror; the next turn is soon enough."""


def busy() -> None:
    raise MirrorBusy


def list_commits(bisect: Bisect) -> list[dict[str, str]]:
    """Return commit and subject from the good to the bad one. Raises GitError, MirrorBusy."""
    source = Source(bisect.url, is_local=bisect.url.startswith("/"))
    mirror = Mirror(Path(settings.BUILD_HOME), source)
    with mirror.held(busy):
        mirror.make()
        for resolved in (Resolved(bisect.good_commit, ""), Resolved(bisect.bad_commit, "")):
            if not mirror.has(resolved):
                run_git(mirror, mirror.fetch_command(resolved), FETCH_S)
    if mirror.ask("merge-base", bisect.good_commit, bisect.bad_commit) != bisect.good_commit:
        raise GitError(f"{bisect.good_ref} is no ancestor of {bisect.bad_ref}: bad comes after good.")
    found = between(mirror, bisect.good_commit, bisect.bad_commit)
    if len(found) > MOST_COMMITS:
        raise GitError(f"Between the two lie more than {MOST_COMMITS} commits.")
    return found


def between(mirror: Mirror, good: str, bad: str) -> list[dict[str, str]]:
    """Read the first parents of `bad` down to `good`, oldest first, `good` itself in front."""
    options = ["--first-parent", "--reverse", f"--format=%H{SEPARATOR}%s"]
    text = run_git(mirror, mirror.git("log", *options, f"{good}..{bad}", "--"))
    first = run_git(mirror, mirror.git("log", "-1", f"--format=%H{SEPARATOR}%s", good, "--"))
    lines = [line.partition(SEPARATOR) for line in (first + text).splitlines() if line]
    return [{"commit": commit, "subject": subject[:120]} for commit, _, subject in lines]
