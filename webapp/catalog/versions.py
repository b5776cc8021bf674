"""Versions as a definition writes them. Pure text, no network: labels are resolved elsewhere."""

import re


def plain(version: str) -> str:
    """Drop the v of an exact version; labels and CI builds stay as they are."""
    return version[1:] if re.match(r"v[0-9]", version) else version


def minor_of(version: str) -> str:
    """Return "1.36" for every form that names a minor release, else "" (stable, ci/latest)."""
    found = re.search(r"(?:^|[/v-])(1\.[0-9]+)", version)
    return found[1] if found else ""


def is_exact(version: str) -> bool:
    return re.search(r"(?:^v?|/v)1\.[0-9]+\.[0-9]+", version) is not None


def is_ci(version: str) -> bool:
    return version.startswith("ci/")


def git_ref_of(version: str) -> str:
    """Return the tag or branch of kubernetes/kubernetes that a version is built from.

    A CI build's commit is the part after "+"; a label without a minor is the main branch.
    """
    if "+" in version:
        return version.rpartition("+")[2]
    if is_exact(version):
        return "v" + version.rpartition("/")[2].removeprefix("v")
    minor = minor_of(version)
    return f"release-{minor}" if minor and not is_ci(version) else "master"
