"""Understands Kubernetes versions and labels and resolves a label, once, at launch.

Pure: whoever resolves brings `fetch`. The exact version goes into the lab's spec, so that
all of its machines get the same one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass


class VersionError(Exception):
    """A version label cannot be understood or resolved; the text says why."""


EXACT = re.compile(r"v?(\d{1,3}\.\d{1,3})\.\d{1,4}(-[0-9A-Za-z.-]{1,40})?(\+[0-9A-Za-z.-]{1,64})?")
MINOR = re.compile(r"v?(\d{1,3}\.\d{1,3})")
NAMED = re.compile(r"(?:fast/)?(?:stable|latest)(?:-(\d{1,3}(?:\.\d{1,3})?))?")
ALLOWED = "1.36, v1.36.1, stable-1.36, latest-1.37, ci/latest-1.38, ci/v1.38.0-alpha.1.5+0123abc"


@dataclass(frozen=True)
class Label:
    """What a person wrote. `exact` has no "v"; `path` is where dl.k8s.io answers for a label."""

    is_ci: bool = False
    minor: str = ""
    exact: str = ""
    path: str = ""


def parse_label(text: str) -> Label:
    """Understand every form of a Kubernetes version. Raises VersionError."""
    is_ci = text.startswith("ci/")
    rest = text.removeprefix("ci/")
    if found := EXACT.fullmatch(rest):
        return Label(is_ci, found[1], exact=rest.removeprefix("v"))
    if (found := MINOR.fullmatch(rest)) and not is_ci:
        return Label(False, found[1], path=f"release/stable-{found[1]}.txt")
    if found := NAMED.fullmatch(rest):
        minor = found[1] if found[1] and "." in found[1] else ""
        return Label(is_ci, minor, path=f"{'ci' if is_ci else 'release'}/{rest}.txt")
    raise VersionError(f"{text!r} is no Kubernetes version; allowed are {ALLOWED}")


def resolve_version(text: str, fetch: Callable[[str], str]) -> str:
    """Return the one exact version that a label means now: "1.36.1" or "ci/v1.38.0-alpha.1.5+0abc".

    `fetch` gets a URL and returns its text. Raises VersionError for a bad label or answer.
    """
    label = parse_label(text)
    if label.exact:
        return exact_text(label.is_ci, label.exact)
    url = f"https://dl.k8s.io/{label.path}"
    found = EXACT.fullmatch(fetch(url).strip())
    if not found or (label.minor and found[1] != label.minor):
        raise VersionError(f"{url} did not answer with a version of Kubernetes {label.minor}".rstrip())
    return exact_text(label.is_ci, found[0].removeprefix("v"))


def exact_text(is_ci: bool, exact: str) -> str:
    return f"ci/v{exact}" if is_ci else exact


def minor_of(version: str) -> str:
    """Return "1.36" of a version or label; "" when it names no minor or is none."""
    try:
        return parse_label(version).minor
    except VersionError:
        return ""


def series_of(version: str) -> str:
    """Return "2.3" of "2.3.4" or "v2.3"; the text itself when it is no version."""
    found = MINOR.match(version)
    return found[1] if found else version


def version_key(version: str) -> tuple[int, ...]:
    """Order versions by their numbers; what follows a hyphen or plus does not count."""
    numbers = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(int(part) for part in numbers[1].split(".")) if numbers else ()
