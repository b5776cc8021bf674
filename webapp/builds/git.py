"""Git, held short: one bare mirror per repository, no configuration of a user.

Hooks, prompts, credential helpers, submodules and every protocol but the source's own are off. Refs come from
`sources.check_ref`; commits are 40 hexadecimal digits. Long commands are returned as argument lists, for
`execute` to record; short ones run here.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from webapp.builds.errors import GitError, RequestError
from webapp.builds.sources import COMMIT, SHORT_COMMIT, Source, candidates, choose, redact_url
from webapp.process import Completed, capture

LS_REMOTE_S = 30
SHORT_S = 120
FETCH_S = 3600  # of a history that is not here yet
ASK_AGAIN_S = 0.2
PASSED_ON = ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY")
# Git's libcurl reads neither of OpenSSL's two names.
TRUSTED = {"SSL_CERT_FILE": "GIT_SSL_CAINFO", "SSL_CERT_DIR": "GIT_SSL_CAPATH"}
CONFIG = """\
[core]
\thooksPath = /dev/null
\tfsmonitor = false
\tsymlinks = true
[safe]
\tdirectory = *
[submodule]
\trecurse = false
[credential]
\thelper =
[http]
\tfollowRedirects = false
\tlowSpeedLimit = 1000
\tlowSpeedTime = 120
[gc]
\tauto = 0
[maintenance]
\tauto = false
[advice]
\tdetachedHead = false
"""


@dataclass(frozen=True)
class Resolved:
    """A ref as the repository has it now. `name`: its full name, "" for a commit given as such."""

    commit: str
    name: str


@dataclass(frozen=True)
class Mirror:
    """The one bare clone of a repository, below `home`; it need not exist yet."""

    home: Path
    source: Source

    @property
    def path(self) -> Path:
        words = re.sub(r"[^a-z0-9]+", "-", self.source.url.lower().removesuffix(".git")).strip("-")
        digest = hashlib.sha256(self.source.url.encode()).hexdigest()[:12]
        return self.home / "mirrors" / f"{words[-40:].strip('-')}-{digest}.git"

    @property
    def lock_path(self) -> Path:
        return self.path.with_suffix(".lock")

    def git(self, *arguments: str) -> list[str]:
        return ["git", "--git-dir", str(self.path), *arguments]

    def make(self) -> None:
        """Make the empty mirror once; a half-made one of a lost worker is replaced."""
        if self.path.exists():
            return
        new = self.path.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        run_git(self, ["git", "init", "--quiet", "--bare", str(new)])
        run_git(self, ["git", "--git-dir", str(new), "config", "remote.origin.url", self.source.url])
        new.rename(self.path)

    def fetch_command(self, resolved: Resolved) -> list[str]:
        """Fetch one commit and the version tags; blobs come when a tree needs them."""
        refspecs = [f"+{resolved.commit}:{kept_ref(resolved.commit)}", "+refs/tags/v*:refs/tags/v*"]
        options = ["--progress", "--no-tags", "--no-recurse-submodules", "--no-auto-maintenance"]
        return self.git("fetch", *options, "--no-write-fetch-head", "--filter=blob:none", "origin", *refspecs)

    @contextlib.contextmanager
    def held(self, wait: Callable[[], None]) -> Iterator[None]:
        """Hold the mirror while it is changed; `wait` is called while another does so, and may raise.

        Two fetches at once would meet at the same refs; the kernel frees the lock with the process.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.lock_path.open("a") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    wait()
                    time.sleep(ASK_AGAIN_S)
            yield

    def has(self, resolved: Resolved) -> bool:
        """Tell whether the commit was fetched before, and the tag that it was asked for by is on it."""
        names = [
            kept_ref(resolved.commit),
            *([resolved.name] if resolved.name.startswith("refs/tags/v") else []),
        ]
        return self.path.exists() and all(
            self.ask("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}") == resolved.commit
            for name in names
        )

    def ask(self, *arguments: str) -> str:
        """Return what a short command says, "" when it fails."""
        done = ask_git(self.git(*arguments), self.home, git_env(self.home, self.source), SHORT_S)
        return done.output.strip() if done.code == 0 else ""

    def describe(self, commit: str) -> str:
        return self.ask("describe", "--tags", "--match=v*", "--abbrev=14", f"{commit}^{{commit}}")

    def committed_s(self, commit: str) -> int:
        """Return the commit's time, seconds since 1970; 0 when it is not known."""
        said = self.ask("show", "--no-patch", "--format=%ct", commit, "--")
        return int(said) if said.isdecimal() else 0


def kept_ref(commit: str) -> str:
    """Return the ref that keeps a fetched commit from being collected."""
    return f"refs/lab/{commit}"


def git_env(home: Path, source: Source) -> dict[str, str]:
    """Return all that git gets to know: no system or user configuration, nobody to ask, one protocol."""
    config = home / "gitconfig"
    if not config.exists() or config.read_text() != CONFIG:
        home.mkdir(parents=True, exist_ok=True)
        new = home / f"gitconfig.{os.getpid()}"
        new.write_text(CONFIG)
        new.replace(config)
    return {
        **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        **{its: os.environ[name] for name, its in TRUSTED.items() if name in os.environ},
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "SSH_ASKPASS": "/bin/false",
        "GIT_SSH_COMMAND": "/bin/false",
        "GIT_ALLOW_PROTOCOL": "file" if source.is_local else "https",
        "GIT_PROTOCOL_FROM_USER": "0",
    }


def ask_git(argv: Sequence[str], cwd: Path, env: Mapping[str, str], timeout_s: float) -> Completed:
    """Run git to its end; GitError where it is not installed."""
    try:
        return capture(argv, cwd=cwd, env=env, timeout_s=timeout_s)
    except FileNotFoundError as error:
        raise GitError("Git is not installed where this runs.") from error


def run_git(mirror: Mirror, argv: Sequence[str], timeout_s: float = SHORT_S) -> str:
    """Run a command to its end; GitError with git's last line when it fails."""
    env = git_env(mirror.home, mirror.source)
    done = ask_git(argv, mirror.home, env, timeout_s)
    if done.timed_out:
        raise GitError(f"Git did not end within {timeout_s / 60:.0f} min.")
    if done.code != 0:
        raise GitError(f"Git failed: {last_line(done.errors)}")
    return done.output


def ls_remote(
    home: Path, source: Source, names: Sequence[str], *, timeout_s: float = LS_REMOTE_S
) -> list[tuple[str, str]]:
    """Ask a repository for refs by their full names: (commit, name), and `name^{}` for annotated tags."""
    peeled = [f"{name}^{{}}" for name in names if name.startswith("refs/tags/")]
    argv = ["git", "ls-remote", "--quiet", "--", source.url, *names, *peeled]
    done = ask_git(argv, Path("/"), git_env(home, source), timeout_s)
    if done.timed_out:
        raise GitError(f"{source.url} did not answer within {timeout_s:.0f} s.")
    if done.code != 0:
        raise GitError(f"{source.url} cannot be read: {explain(done.errors)}")
    return [(line[:40], line[41:]) for line in done.output.splitlines() if COMMIT.fullmatch(line[:40])]


def resolve(home: Path, source: Source, ref: str) -> Resolved:
    """Turn a checked ref into a commit by asking the repository; RequestError when there is none such."""
    if COMMIT.fullmatch(ref):
        return Resolved(ref, "")
    found = choose(ref, ls_remote(home, source, candidates(ref)))
    if found:
        return Resolved(*found)
    mirror = Mirror(home, source)
    if SHORT_COMMIT.fullmatch(ref) and mirror.path.exists():
        commit = mirror.ask("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        if COMMIT.fullmatch(commit):
            return Resolved(commit, "")
    hint = " A commit is named by all its 40 digits." if SHORT_COMMIT.fullmatch(ref) else ""
    raise RequestError(f"{source.url} has no branch, tag or pull request {ref!r}.{hint}")


def explain(errors: str) -> str:
    """Turn git's complaint into a sentence; credentials never stand in it."""
    low = errors.lower()
    if "could not read username" in low or "authentication failed" in low or "not found" in low:
        return "there is no such repository, or it is not public."
    if "could not resolve host" in low:
        return "its host is not known to this network."
    if "returned error: 30" in low:
        return "it leads on to another address; write the one that it has now, with .git where it wants that."
    if "certificate" in low:
        return "its certificate is not signed by an authority that is known here (SSL_CERT_FILE)."
    return last_line(errors)


def last_line(errors: str) -> str:
    lines = [line for line in errors.splitlines() if line.strip()]
    return redact_url(lines[-1].strip())[:300] if lines else "it gave no reason"
