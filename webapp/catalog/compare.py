"""Two specs, setting by setting. Pure."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from webapp.catalog.spec import LabSpec


class Difference(NamedTuple):
    """One setting that differs; a side that does not have it is ""."""

    key: str
    before: str
    after: str


def compare_specs(before: LabSpec, after: LabSpec) -> tuple[Difference, ...]:
    """Return what differs, in the order in which a definition names it."""
    old, new = settings_of(before), settings_of(after)
    keys = [*old, *(key for key in new if key not in old)]
    return tuple(
        Difference(key, old.get(key, ""), new.get(key, ""))
        for key in keys
        if old.get(key, "") != new.get(key, "")
    )


def settings_of(spec: LabSpec) -> dict[str, str]:
    """Flatten a spec: "machines.winw1.cpus" → "4"; machines and binaries by name, not by place."""
    value = spec.to_json()
    value["machines"] = {machine.pop("name"): machine for machine in value["machines"]}
    value["overrides"] = {f"{item.pop('os')}.{item.pop('binary')}": item for item in value["overrides"]}
    value["rehearsal"]["mishaps"] = ", ".join(value["rehearsal"]["mishaps"])
    return dict(_flat(value, ""))


def _flat(value: Mapping[str, object], path: str) -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{path}{key}.")
        else:
            yield f"{path}{key}", shown(item)


def shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
