"""What a user may name as a repository and as a ref. Pure; nothing that fails here reaches a process.

No name can be read as an option, a glob or a revision expression. Next: `git.resolve`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from webapp.builds.errors import RequestError

# First match counts. Rules of git-check-ref-format(1), then what no program may read as something else.
REFUSED = (
    (re.compile(r"\A-"), "it begins with “-”, so a program could take it for an option."),
    (re.compile(r"[\x00-\x1f\x7f]"), "it holds a control character."),
    (re.compile(r"\s"), "it holds a space."),
    (re.compile(r"\.\.|@\{|\A@\Z"), "“..”, “@{” and a lone “@” are expressions, not names."),
    (re.compile(r"[^A-Za-z0-9._/+@#=,-]"), "letters, digits and . _ / + @ # = , - are allowed."),
    (re.compile(r"\A.{201}", re.DOTALL), "it has more than 200 characters, at most so many are allowed."),
    (re.compile(r"\A/|//|/\Z|(?:\A|/)\."), "no part of it may be empty or begin with a dot."),
    (re.compile(r"(?:\.lock|\.)(?:/|\Z)"), "no part of it may end in a dot or in .lock."),
)
COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)
SHORT_COMMIT = re.compile(r"[0-9a-f]{7,39}", re.ASCII)
PULL = re.compile(r"(?:refs/)?pull/(\d{1,8})(?:/(head|merge))?", re.ASCII)
URL_PATH = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9_.+-]*)+/?", re.ASCII)
URL_CREDENTIALS = re.compile(r"(?<=//)[^/@\s]+@")


@dataclass(frozen=True)
class Source:
    """A repository that may be used. `is_local`: a folder on the builds' host."""

    url: str
    is_local: bool = False


def redact_url(text: str) -> str:
    """Take a user name and password out of an address."""
    return URL_CREDENTIALS.sub("[redacted]@", text)


def check_ref(text: str) -> str:
    """Return the ref as it is asked for, or raise RequestError that says what is wrong with it."""
    ref = text.strip()
    if not ref:
        raise RequestError("Name a branch, a tag, a commit or pull/N.")
    reason = refusal(ref)
    if reason:
        raise RequestError(f"{ref[:60]!r} is no ref: {reason}")
    return ref


def refusal(ref: str) -> str:
    """Return why a ref is refused, "" if it is not."""
    return next((reason for pattern, reason in REFUSED if pattern.search(ref)), "")


def check_url(text: str, hosts: Sequence[str], local: Sequence[str]) -> Source:
    """Return the repository, or raise RequestError. `local`: folders that the administrator allowed."""
    url = text.strip()
    if any(ord(char) < 32 or char.isspace() for char in url) or url.startswith("-") or not url:
        raise RequestError(
            "A repository is one address without spaces, for example https://github.com/you/kubernetes.git."
        )
    if url.startswith("/"):
        return check_local(url, local)
    return check_https(url, hosts)


def check_local(path: str, allowed: Sequence[str]) -> Source:
    if ".." in PurePosixPath(path).parts or path.rstrip("/") not in {
        folder.rstrip("/") for folder in allowed
    }:
        raise RequestError(f"{path} is not among the local repositories that the administrator allowed.")
    return Source(path.rstrip("/"), is_local=True)


def check_https(url: str, hosts: Sequence[str]) -> Source:
    """Hold an address to https, a listed host, no credentials, no query."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise RequestError("This address cannot be read.") from error
    if parts.scheme != "https" or "::" in url.partition("/")[0]:
        raise RequestError(f"Only https addresses are fetched, not {redact_url(url)[:80]}.")
    if parts.username is not None or parts.password is not None:
        raise RequestError(f"Leave the user and password out of the address: {redact_url(url)[:80]}.")
    host = (parts.hostname or "").lower() + ("" if port in {None, 443} else f":{port}")
    if host not in hosts:
        raise RequestError(
            f"{host or 'This host'} is not on the administrator's list ({', '.join(hosts) or 'empty'})."
        )
    if parts.query or parts.fragment or not URL_PATH.fullmatch(parts.path) or ".." in parts.path.split("/"):
        raise RequestError("The address of a repository is a path of plain names, without ? and #.")
    return Source(f"https://{host}{parts.path.rstrip('/')}")


def candidates(ref: str) -> tuple[str, ...]:
    """Return the full names a ref may have, the wanted one first; none for a commit."""
    if COMMIT.fullmatch(ref):
        return ()
    pull = PULL.fullmatch(ref)
    if pull:
        return (f"refs/pull/{pull[1]}/{pull[2] or 'head'}",)
    if ref == "HEAD":
        return ("HEAD",)
    if ref.startswith("refs/"):
        return (ref,)
    return (f"refs/tags/{ref}", f"refs/heads/{ref}")


def choose(ref: str, advertised: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """Pick (commit, full name) out of ls-remote's lines (commit, name); an annotated tag is peeled."""
    found = {name: commit for commit, name in advertised}
    for name in candidates(ref):
        if name in found:
            return found.get(f"{name}^{{}}", found[name]), name
    return None


def kind_of(name: str) -> str:
    """Name what a full ref is, for people."""
    for prefix, kind in (("refs/heads/", "branch"), ("refs/tags/", "tag"), ("refs/pull/", "pull request")):
        if name.startswith(prefix):
            return kind
    return "ref" if name else "commit"


def forge_link(url: str, commit: str, path: str = "", line: int = 0) -> str:
    """Return where a forge shows a file of a commit; "" for a local repository."""
    base = url.removesuffix(".git")
    if not base.startswith("https://"):
        return ""
    dash = "/-" if "gitlab" in base.split("/")[2] else ""
    if not path:
        return f"{base}{dash}/commit/{commit}"
    return f"{base}{dash}/blob/{commit}/{path}" + (f"#L{line}" if line else "")
