"""The kit's provisioning steps: steps.yaml as frozen values. Contract: docs/plan.md.

Pure. `library` reads the file, `placing.lab_json` hands the steps to the Vagrantfile,
`planning` orders them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any, cast

import yaml

PLACES = ("control-plane", "linux", "windows", "every-linux", "every")
SCOPES = ("machines", "cluster")
CONDITIONS = ("cni", "os")
# A step of the lab itself, not of a machine: the dashboard's own (planning.plan.DOWNLOADS, BUILDS).
LAB_STEPS = ("lab:downloads", "lab:builds")


class KitError(Exception):
    """The kit itself is broken: our bug or a bad copy, found at start-up."""


@dataclass(frozen=True)
class KitStep:
    """One provisioner of the kit's Vagrantfile; the keys of steps.yaml."""

    name: str
    on: str
    title: str
    script: str
    scope: str = "cluster"
    needs: tuple[str, ...] = ()
    when: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict, hash=False)
    on_verbs: tuple[str, ...] = ("launch",)
    inputs: tuple[str, ...] = ()
    usual_s: int | None = None
    limit_s: int = 900
    attempts: int = 1
    may_reboot: bool = False

    def belongs_on(self, *, role: str, os: str, scope: str, cni: str) -> bool:
        """Tell whether a machine of this role gets this step in a lab of this kind."""
        on = {
            "every": True,
            "every-linux": os == "linux",
        }.get(self.on, self.on == role)
        in_scope = self.scope == "machines" or scope == "cluster"
        facts = {"cni": cni, "os": os}
        return on and in_scope and all(_fits(facts[key], wanted) for key, wanted in self.when.items())


def _fits(fact: str, wanted: str | Sequence[str]) -> bool:
    """`wanted` is one value, several values, or "not-VALUE"."""
    if isinstance(wanted, str):
        return fact != wanted.removeprefix("not-") if wanted.startswith("not-") else fact == wanted
    return fact in wanted


class _Loader(yaml.SafeLoader):
    """YAML 1.2's booleans: the key `on` is a word, not true."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in found if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_steps(text: str, *, file: str = "steps.yaml") -> tuple[KitStep, ...]:
    """Read steps.yaml; KitError names the file, the step and the key."""
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 a SafeLoader
    except yaml.YAMLError as error:
        raise KitError(f"{file} is not YAML: {error}") from error
    if not isinstance(document, list) or not document:
        raise KitError(f"{file} must be a list of steps.")
    steps = tuple(_step(item, f"{file}: step {number}") for number, item in enumerate(document, 1))
    _check_names(steps, file)
    return steps


# Any: what YAML yields is checked key by key below.
_SHAPES: dict[str, tuple[type | tuple[type, ...], str]] = {
    **dict.fromkeys(("name", "on", "title", "script", "scope"), (str, "text")),
    **dict.fromkeys(("needs", "on_verbs", "inputs"), (list, "a list of names")),
    **dict.fromkeys(("usual_s", "limit_s", "attempts"), (int, "a whole number above 0")),
    "when": (dict, "a mapping of cni and os"),
    "may_reboot": (bool, "true or false"),
}


def _step(item: object, where: str) -> KitStep:
    if not isinstance(item, dict):
        raise KitError(f"{where} must be a mapping.")
    if isinstance(item.get("name"), str):
        where = f"{where} ({item['name']})"
    for key, value in item.items():
        _check_value(str(key), value, where)
    missing = [key for key in ("name", "on", "title", "script") if key not in item]
    if missing:
        raise KitError(f"{where} lacks {', '.join(missing)}.")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in item.items()}
    values["when"] = {k: tuple(v) if isinstance(v, list) else v for k, v in item.get("when", {}).items()}
    # Any: each value's shape was checked above.
    step = KitStep(**cast(dict[str, Any], values))
    _check_words(step, where)
    return step


def _check_value(key: str, value: object, where: str) -> None:
    if key not in _SHAPES:
        near = get_close_matches(key, [f.name for f in fields(KitStep)], 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise KitError(f"{where}: unknown key {key!r}.{hint}")
    shape, words = _SHAPES[key]
    is_wrong_number = shape is int and (isinstance(value, bool) or not isinstance(value, int) or value < 1)
    is_wrong_list = shape is list and isinstance(value, list) and not all(isinstance(v, str) for v in value)
    if not isinstance(value, shape) or is_wrong_number or is_wrong_list:
        raise KitError(f"{where}: {key} must be {words}, not {value!r}.")


def _check_words(step: KitStep, where: str) -> None:
    if step.on not in PLACES:
        raise KitError(f"{where}: on is {step.on!r}; allowed: {', '.join(PLACES)}.")
    if step.scope not in SCOPES:
        raise KitError(f"{where}: scope is {step.scope!r}; allowed: {', '.join(SCOPES)}.")
    for key, value in step.when.items():
        if key not in CONDITIONS or not isinstance(value, str | tuple):
            raise KitError(
                f"{where}: when knows {' and '.join(CONDITIONS)} with names, not {key}: {value!r}."
            )


def _check_names(steps: Sequence[KitStep], file: str) -> None:
    names = [step.name for step in steps]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise KitError(f"{file} has {', '.join(twice)} twice.")
    for step in steps:
        for need in step.needs:
            if need not in LAB_STEPS and need.rpartition(":")[2] not in names:
                raise KitError(f"{file}: {step.name} needs {need!r}, which is no step.")
