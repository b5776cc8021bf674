"""What identifies a build: commit, recipe, Go and flags. Pure.

Two requests with the same key are one build; the second is answered with the first.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from webapp.builds.errors import RequestError
from webapp.catalog.components import Component

FLAGS = ("-trimpath", "-buildvcs=false", "-v")
ENVIRONMENT = {"CGO_ENABLED": "0"}
# Raised when the way of building changes, so that old artifacts do not answer new requests.
GENERATION = 1


@dataclass(frozen=True)
class Recipe:
    """Components of one repository for some targets ("windows/amd64"). `go`: "" = the ref's own."""

    components: tuple[Component, ...]
    targets: tuple[str, ...]
    go: str = ""

    def to_json(self) -> dict[str, Any]:  # Any: the JSON edge
        return {
            "components": [component.to_json() for component in self.components],
            "targets": list(self.targets),
            "go": self.go,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:  # Any: the JSON edge
        components = tuple(Component.from_json(item) for item in value["components"])
        return cls(components, tuple(value["targets"]), value["go"])

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(component.name for component in self.components)


def make_recipe(components: Sequence[Component], targets: Sequence[str], go: str = "") -> Recipe:
    """Return the recipe in its one order; raises RequestError for what cannot be built together."""
    if not components:
        raise RequestError("Choose at least one component.")
    if not targets:
        raise RequestError("Choose at least one target.")
    for component in components:
        missing = set(targets) - set(component.targets)
        if missing:
            raise RequestError(f"{component.name} is not built for {', '.join(sorted(missing))}.")
    ordered = sorted(components, key=lambda component: component.name)
    return Recipe(tuple(ordered), tuple(sorted(set(targets))), go)


def build_key(url: str, commit: str, recipe: Recipe) -> str:
    """Return the sha256 that identifies a build: equal keys mean equal binaries with equal toolchains."""
    parts = {
        "generation": GENERATION,
        "url": url,
        "commit": commit,
        "recipe": recipe.to_json(),
        "flags": FLAGS,
        "env": ENVIRONMENT,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
