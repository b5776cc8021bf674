"""Which packages of a tree are built, from which of its modules, and what the binaries are called. Pure.

Read are the names of a tree's files, and go.work. Next: `compile` prepares the module, `gobuild` builds.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from webapp.builds.errors import RequestError
from webapp.builds.toolchains import counts_work, read_text, read_tree
from webapp.catalog.components import Component

USED = re.compile(r"^\s*(?:use\s+)?\"?(\.(?:/[\w.+-]+)*)/?\"?\s*(?://.*)?$", re.MULTILINE | re.ASCII)
VERSION_ELEMENT = re.compile(r"v\d+", re.ASCII)  # example.org/tool/v2: Go calls the program tool
VENDOR = "./vendor/"
ROOT = "."


@dataclass(frozen=True)
class Programs:
    """What is built: a package for each component's name, as seen from the module's `folder` in the tree."""

    folder: str
    packages: Mapping[str, str]


def find_programs(tree: Path, components: Sequence[Component]) -> Programs:
    """Find every component's package; raises RequestError for none, and for those of different modules."""
    found = {component.name: find_package(tree, component) for component in components}
    folders = sorted({folder for folder, _ in found.values()})
    if len(folders) > 1:
        raise RequestError(f"These lie in different modules ({', '.join(folders)}): build them one by one.")
    return Programs(folders[0], {name: package for name, (_, package) in found.items()})


def find_package(tree: Path, component: Component) -> tuple[str, str]:
    """Return module folder and package: the first that the tree has, the main module's before others."""
    there = [package for package in component.packages if is_there(tree, package)]
    places = [(module_of(tree, package), package) for package in there]
    own = next((place for place in places if place[0] == ROOT), None)
    if own is None and not places:
        asked = " or ".join(component.packages)
        raise RequestError(f"This tree has no package {asked}; {component.name} cannot be built from it.")
    folder, package = own or places[0]
    inner = PurePosixPath(package).relative_to(folder)
    return folder, ROOT if inner == PurePosixPath(ROOT) else f"./{inner}"


def is_there(tree: Path, package: str) -> bool:
    """Tell whether the tree has Go files there; a link that leads out of it leads nowhere."""
    place = tree / package
    return place.resolve().is_relative_to(tree.resolve()) and any(place.glob("*.go"))


def module_of(tree: Path, package: str) -> str:
    """Return the folder where a package is built: the tree's own, unless a module outside go.work has it.

    What is vendored counts as the tree's own, also where vendor/ leads to staging/ by a link.
    """
    if package.startswith(VENDOR):
        return ROOT
    inner = PurePosixPath(package)
    nearest = next((up for up in (inner, *inner.parents) if (tree / up / "go.mod").is_file()), None)
    if nearest is None or nearest == PurePosixPath(ROOT) or str(nearest) in used_modules(tree):
        return ROOT
    return str(nearest)


def used_modules(tree: Path) -> set[str]:
    """Return the folders that go.work uses; none where it does not count."""
    if not counts_work(read_tree(tree)):
        return set()
    return {str(PurePosixPath(found)) for found in USED.findall(read_text(tree / "go.work"))}


@dataclass(frozen=True)
class Batch:
    """Components that one call of go build makes; `name` "" where Go calls each after its package."""

    components: tuple[Component, ...]
    name: str = ""


def batches(components: Sequence[Component], packages: Mapping[str, str]) -> list[Batch]:
    """Build together what Go names well; by itself what is called like another, or like nothing."""
    names = {component.name: name_of(packages[component.name]) for component in components}
    counts = Counter(names.values())
    alone = [one for one in components if not names[one.name] or counts[names[one.name]] > 1]
    together = tuple(one for one in components if one not in alone)
    return [*([Batch(together)] if together else []), *(Batch((one,), one.name) for one in alone)]


def name_of(package: str) -> str:
    """Return what Go calls the program of a package, "" where the package's path does not tell."""
    last = PurePosixPath(package).name
    return "" if VERSION_ELEMENT.fullmatch(last) else last
