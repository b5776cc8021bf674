"""Frozen facts ↔ JSON for a database row; only what differs from a fact's default is written. Pure.

Rows of an older version are read as far as they go: keys that are gone are passed over, new ones
get their default.
"""

from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from webapp.kube import loose

Fact = TypeVar("Fact")


def to_json(fact: Any) -> Any:  # Any: the JSON edge
    """Return plain lists, dicts and values."""
    if is_dataclass(fact):
        pairs = ((field, getattr(fact, field.name)) for field in fields(fact))
        return {field.name: to_json(value) for field, value in pairs if value != default_of(field)}
    if isinstance(fact, tuple | list):
        return [to_json(item) for item in fact]
    return fact.isoformat() if isinstance(fact, datetime) else fact


def default_of(field: Any) -> Any:  # Any: dataclasses' own Field[Any]
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


def from_json(fact_type: type[Fact], value: object) -> Fact:
    """Undo `to_json`; a needed value that is missing becomes ""."""
    return cast(Fact, read_dataclass(fact_type, value))


@lru_cache(maxsize=64)
def hints_of(fact_type: type) -> dict[str, Any]:  # Any: types
    return get_type_hints(fact_type)


def read_dataclass(fact_type: Any, value: object) -> object:  # Any: a type
    given = loose.mapping(value)
    hints = hints_of(fact_type)
    values = {
        field.name: read(hints[field.name], given[field.name])
        for field in fields(fact_type)
        if field.name in given
    }
    for field in fields(fact_type):
        if field.name not in values and field.default is MISSING and field.default_factory is MISSING:
            values[field.name] = ""
    return fact_type(**values)


def read(hint: Any, value: object) -> object:  # Any: a type
    """Read one value of a field's type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return None if value is None else read(next(a for a in arguments if a is not NoneType), value)
    if origin is tuple:
        return tuple(read(arguments[0], item) for item in loose.items(value))
    if origin is Literal:
        return value if value in arguments else arguments[-1]
    if is_dataclass(hint):
        return read_dataclass(hint, value)
    return READERS[hint](value)


READERS: dict[Any, Any] = {  # Any: types and their readers
    str: loose.text,
    int: loose.whole,
    float: loose.number,
    bool: loose.truth,
    datetime: loose.when,
}
