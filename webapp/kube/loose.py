"""Read JSON of which nothing is certain: each function takes any value and never raises.

What is not there or has another type is "" or None or nothing at all; it is never guessed.
Times: RFC 3339 (the API's, with up to nine digits of a second) and PowerShell 5.1's "/Date(ms)/".
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
POWERSHELL_DATE = re.compile(r"/Date\((-?\d{1,18})(?:[+-]\d{4})?\)/")
LONG_SECONDS = re.compile(r"(\.\d{6})\d+")
LONGEST_TEXT = 4000
YES, NO = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})


def load(text: str) -> object:
    """Parse JSON; None when it is none (also nested too deeply, or with numbers too long)."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def at(tree: object, *path: str) -> object:
    """Return what lies at the path of keys, None when there is nothing."""
    for key in path:
        if not isinstance(tree, Mapping):
            return None
        tree = tree.get(key)
    return tree


def text(value: object, *path: str) -> str:
    """Return text; numbers as they are written, all else as ""."""
    value = at(value, *path)
    if isinstance(value, str):
        # What a database or a page cannot hold is no text either.
        clean = value.replace("\x00", "").encode("utf-8", "replace").decode()
        return clean if len(clean) <= LONGEST_TEXT else clean[:LONGEST_TEXT] + "…"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    try:
        return str(value)
    except ValueError:  # an integer of thousands of digits
        return ""


def whole(value: object, *path: str) -> int | None:
    """Return a whole number that fits 63 bits; also from text."""
    value = at(value, *path)
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,18}\s*", value):
        value = int(value)
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if -(2**62) < value < 2**62 else None


def number(value: object, *path: str) -> float | None:
    """Return a finite number, also from text with a point."""
    value = at(value, *path)
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,18}(\.[0-9]{1,18})?\s*", value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def truth(value: object, *path: str) -> bool | None:
    """Return True or False only for what clearly says so."""
    value = at(value, *path)
    if isinstance(value, bool):
        return value
    word = text(value).strip().lower()
    return True if word in YES else False if word in NO else None


def when(value: object, *path: str) -> datetime | None:
    """Return an aware UTC time."""
    word = text(value, *path).strip()
    try:
        if found := POWERSHELL_DATE.fullmatch(word):
            return EPOCH + timedelta(milliseconds=int(found[1]))
        if not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:", word):
            return None
        time = datetime.fromisoformat(LONG_SECONDS.sub(r"\1", word))
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def items(value: object, *path: str) -> list[object]:
    """Return a list as it is; a single thing as a list of one (PowerShell 5.1 unwraps those); None as none.

    A list that PowerShell 5.1 wrapped as {"value": […], "Count": n} is unwrapped.
    """
    value = at(value, *path)
    if isinstance(value, Mapping) and set(value) == {"value", "Count"}:
        value = value["value"]
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def texts(value: object, *path: str) -> tuple[str, ...]:
    """Return the texts of a list."""
    return tuple(found for found in map(text, items(value, *path)) if found)


def mapping(value: object, *path: str) -> Mapping[str, object]:
    value = at(value, *path)
    return value if isinstance(value, Mapping) else {}


def objects(value: object, *path: str) -> Iterator[Mapping[str, object]]:
    """Yield the mappings of a list; whatever else is in it is passed over."""
    for item in items(value, *path):
        if isinstance(item, Mapping):
            yield item
