"""Which version a binary says it is: from git describe to the linker's flags. Pure.

Source: kubernetes hack/lib/version.sh (rules for gitVersion, gitMajor, gitMinor). The date is the commit's,
so that two builds of one commit are the same bytes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from webapp.catalog.components import KUBERNETES, Component

# A tag that is longer than any version is none.
DESCRIBED = re.compile(
    r"(?P<tag>v[0-9A-Za-z.+-]{1,80}?)(?:-(?P<ahead>\d{1,9})-g(?P<short>[0-9a-f]{7,20}))?", re.ASCII
)
KUBERNETES_TAG = re.compile(r"v(\d+)\.(\d+)(?:\.\d+)?(-[^+]*)?(?:\+.*)?", re.ASCII)
PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")


@dataclass(frozen=True)
class Version:
    """What is stamped. `text` like v1.37.0-alpha.1.15+abc…; `date` in UTC, seconds."""

    text: str
    commit: str
    date: str

    @property
    def major(self) -> str:
        found = KUBERNETES_TAG.fullmatch(self.text)
        return found[1] if found else "0"

    @property
    def minor(self) -> str:
        """The minor, with a "+" after whatever is not a plain release."""
        found = KUBERNETES_TAG.fullmatch(self.text)
        if not found:
            return "0"
        return found[2] + ("+" if found[3] else "")


def version_of(described: str, commit: str, committed_s: int) -> Version:
    """Turn `git describe --tags --match=v* --abbrev=14` into a version; "" when no tag is near."""
    date = datetime.fromtimestamp(committed_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = DESCRIBED.fullmatch(described.strip())
    if not found:
        return Version(f"v0.0.0-master+{commit}", commit, date)
    if not found["ahead"]:
        return Version(found["tag"], commit, date)
    tag, ahead, short = found["tag"], found["ahead"], found["short"]
    # Upstream's two cases: v1.1.0-alpha.0-6-gabc → v1.1.0-alpha.0.6+abc, v1.0.0-12-gabc → v1.0.0-12+abc.
    return Version(f"{tag}.{ahead}+{short}" if "-" in tag else f"{tag}-{ahead}+{short}", commit, date)


def stamp_values(component: Component, version: Version) -> tuple[tuple[str, str], ...]:
    """Return Go variable and value, in a stable order."""
    if component.stamp == KUBERNETES:
        values = (
            ("buildDate", version.date),
            ("gitCommit", version.commit),
            ("gitMajor", version.major),
            ("gitMinor", version.minor),
            ("gitTreeState", "clean"),
            ("gitVersion", version.text),
        )
        return tuple((f"{package}.{name}", value) for package in PACKAGES for name, value in values)
    marks = {"version": version.text, "commit": version.commit, "date": version.date}
    return tuple((variable, fill(value, marks)) for variable, value in component.own_stamp)


def fill(value: str, marks: Mapping[str, str]) -> str:
    """Put the marks' values in; anything else in braces was refused by catalog.components."""
    return re.sub(r"\{(\w+)\}", lambda found: marks[found[1]], value)


def ldflags(values: tuple[tuple[str, str], ...], prefix: str = "") -> str:
    """Return the linker's flags. `prefix`: "MODULE/vendor/" in a tree that is built in GOPATH mode."""
    return " ".join(["-s", "-w", *(f"-X={prefixed(variable, prefix)}={value}" for variable, value in values)])


def prefixed(variable: str, prefix: str) -> str:
    return variable if variable.startswith("main.") else f"{prefix}{variable}"


def wanted_in_binary(component: Component, version: Version) -> tuple[str, ...]:
    """Return the texts that have to be found in the binary, so that a wrong variable is noticed."""
    if not component.is_stamped:
        return ()
    if component.stamp == KUBERNETES:
        return (version.text, version.commit)
    return tuple(sorted({value for _, value in stamp_values(component, version) if len(value) >= 4}))
