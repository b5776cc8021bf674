"""How each binary is built or fetched: kit/components.yaml as frozen values. Contract: docs/builds.md.

Pure. `library.components` reads the file; `builds` makes recipes of it and of what users added.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import yaml

from webapp.catalog.kit_steps import KitError

NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}", re.ASCII)
PACKAGE = re.compile(r"\.(/[A-Za-z0-9_][A-Za-z0-9_.+-]*)*", re.ASCII)
VARIABLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*\.[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
STAMP_VALUE = re.compile(r"[A-Za-z0-9_.+:/{}-]{0,120}", re.ASCII)
TARGETS = ("windows/amd64", "linux/amd64")
RUN_BY = re.compile(r"nobody|(service|pod) [A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
PATH = re.compile(r"(/|[A-Z]:\\)[A-Za-z0-9 _.\\/()-]{1,200}", re.ASCII)
KUBERNETES = "kubernetes"
TAG = re.compile(r"[A-Za-z0-9_.]{1,40}", re.ASCII)


class ComponentError(Exception):
    """A component cannot be used as it is written; a sentence for who wrote it."""


@dataclass(frozen=True)
class Place:
    """Where a binary lies on a node. `run_by`: "service NAME", "pod NAME" or "nobody"."""

    path: str
    run_by: str


@dataclass(frozen=True)
class Component:
    """One Go program. `stamp` is "kubernetes" or pairs of Go variable and value with marks.

    `tags`: Go's build tags, in the order in which go build gets them.
    """

    name: str
    title: str
    repository: str
    packages: tuple[str, ...]
    stamp: str | tuple[tuple[str, str], ...] = ()
    is_stamped: bool = True
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = TARGETS
    places: Mapping[str, Place] = field(default_factory=dict, hash=False)

    @property
    def own_stamp(self) -> tuple[tuple[str, str], ...]:
        """Return the pairs of variable and value; none where the stamp is Kubernetes' own."""
        return () if isinstance(self.stamp, str) else self.stamp

    def to_json(self) -> dict[str, Any]:  # Any: the JSON edge
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:  # Any: the JSON edge
        stamp = value["stamp"]
        return cls(
            name=value["name"],
            title=value["title"],
            repository=value["repository"],
            packages=tuple(value["packages"]),
            stamp=stamp if isinstance(stamp, str) else tuple((pair[0], pair[1]) for pair in stamp),
            is_stamped=value["is_stamped"],
            tags=tuple(value.get("tags", ())),  # rows of before tags were known have none
            targets=tuple(value["targets"]),
            places={system: Place(**place) for system, place in value["places"].items()},
        )


@dataclass(frozen=True)
class Prebuilt:
    """Published binaries: marks {version} {os} {arch} {name} {exe} in both addresses.

    `sha256_url` "": its maker publishes no checksum, so who asks says which one is trusted.
    """

    name: str
    title: str
    url: str
    sha256_url: str
    members: tuple[str, ...]
    targets: tuple[str, ...]

    @property
    def is_rolling(self) -> bool:
        """The same address has something new each night."""
        return "{version}" not in self.url

    @property
    def is_archive(self) -> bool:
        return self.url.endswith((".tar.gz", ".zip"))


@dataclass(frozen=True)
class Components:
    """What the kit knows: repositories by name, components, prebuilt sources."""

    repositories: Mapping[str, str]
    components: tuple[Component, ...]
    prebuilt: tuple[Prebuilt, ...]


def parse_components(text: str, *, file: str = "components.yaml") -> Components:
    """Read components.yaml; KitError names the file, the component and the key."""
    try:
        document = yaml.safe_load(text)
        repositories = dict(document["repositories"])
        components = tuple(_component(item, repositories) for item in document["components"])
        prebuilt = tuple(_prebuilt(item) for item in document["prebuilt"])
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ComponentError) as error:
        raise KitError(f"{file}: {type(error).__name__}: {error}") from error
    names = [component.name for component in components]
    if len(set(names)) < len(names):
        raise KitError(f"{file}: a component's name stands twice.")
    return Components(repositories, components, prebuilt)


def _component(item: dict[str, Any], repositories: Mapping[str, str]) -> Component:  # Any: YAML
    """Take one mapping; its repository's name becomes the address."""
    unknown = set(item) - set(Component.__dataclass_fields__)
    if unknown:
        raise ComponentError(f"{item.get('name')}: unknown key {', '.join(sorted(unknown))}.")
    stamp = item.get("stamp", {})
    values = {**item, "repository": repositories[item["repository"]]}
    values |= {key: tuple(item[key]) for key in ("packages", "targets", "tags") if key in item}
    values["stamp"] = stamp if isinstance(stamp, str) else tuple(sorted(stamp.items()))
    values["places"] = {system: Place(**place) for system, place in item["places"].items()}
    return check_component(Component(**values))


def _prebuilt(item: dict[str, Any]) -> Prebuilt:  # Any: YAML
    return Prebuilt(**{**item, "members": tuple(item["members"]), "targets": tuple(item["targets"])})


def check_component(component: Component) -> Component:
    """Return it, or raise ComponentError with what is wrong. The repository is builds' to check."""
    where = component.name
    if not NAME.fullmatch(where):
        raise ComponentError(
            f"{where!r} is no name: lower-case letters, digits, dots and hyphens, at most 40."
        )
    if not component.packages:
        raise ComponentError(f"{where}: which package is built? For example ./cmd/{where}.")
    for package in component.packages:
        if not PACKAGE.fullmatch(package) or ".." in package.split("/"):
            raise ComponentError(
                f"{where}: {package!r} is no package of the tree; write it like ./cmd/{where}."
            )
    if not component.targets or set(component.targets) - set(TARGETS):
        raise ComponentError(f"{where}: targets are {' and '.join(TARGETS)}.")
    if any(not TAG.fullmatch(tag) for tag in component.tags):
        raise ComponentError(f"{where}: build tags are words of letters, digits, _ and dots.")
    check_stamp(component)
    for system, place in component.places.items():
        check_place(where, system, place)
    return component


def check_stamp(component: Component) -> None:
    """Raise ComponentError for a variable or value that the linker's flags cannot carry as one word."""
    if isinstance(component.stamp, str):
        if component.stamp != KUBERNETES:
            raise ComponentError(
                f"{component.name}: stamp is {KUBERNETES} or pairs, not {component.stamp!r}."
            )
        return
    for variable, value in component.own_stamp:
        if not VARIABLE.fullmatch(variable):
            raise ComponentError(
                f"{component.name}: {variable!r} is no Go variable; "
                "write import/path.Name, like main.version."
            )
        if not STAMP_VALUE.fullmatch(value) or set(re.findall(r"\{[^}]*\}?", value)) - MARKS:
            raise ComponentError(
                f"{component.name}: {value!r} cannot be stamped: letters, digits, {', '.join(sorted(MARKS))}."
            )


MARKS = {"{version}", "{commit}", "{date}"}


def check_place(name: str, system: str, place: Place) -> None:
    if system not in {"windows", "linux"}:
        raise ComponentError(f"{name}: {system!r} is no operating system of a node.")
    if not PATH.fullmatch(place.path) or ".." in re.split(r"[/\\]", place.path):
        raise ComponentError(f"{name}: {place.path!r} is no absolute path on a node.")
    if not RUN_BY.fullmatch(place.run_by):
        raise ComponentError(
            f"{name}: who runs it is 'service NAME', 'pod NAME' or 'nobody', not {place.run_by!r}."
        )
