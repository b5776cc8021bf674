"""Read the process's variables, and what is kept beside the data instead of in one. No Django.

What is wrong stops the start with a sentence (SystemExit).
"""

import contextlib
import importlib.util
import os
import re
import secrets
from pathlib import Path


def flag(name: str, *, default: bool) -> bool:
    """Read a yes/no variable; anything but the listed words is an error."""
    value = os.environ.get(name, "").strip().lower()
    if value == "":
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise SystemExit(f"{name}={value!r} is neither yes nor no; write 1 or 0.")


def whole_number(name: str, default: int) -> int:
    value = os.environ.get(name, "").strip()
    if value == "":
        return default
    if not value.isdecimal():
        raise SystemExit(f"{name}={value!r} is not a whole number.")
    return int(value)


def number(name: str, default: float) -> float:
    """Read a number that is not negative."""
    text = os.environ.get(name, "").strip()
    if text and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII) is None:
        raise SystemExit(f"{name}={text!r} is no number; write one like 20 or 0.5.")
    return float(text) if text else default


def plain_name(name: str, default: str) -> str:
    """Read a name that stands in addresses and in the names of queues."""
    value = os.environ.get(name, "").strip() or default
    if re.fullmatch(r"[A-Za-z0-9_-]{1,40}", value) is None:
        raise SystemExit(f"{name}={value!r} is no name; write at most 40 letters, digits, - and _.")
    return value


def package_folder(package: str, below: str) -> list[Path]:
    """Return a folder of an installed package that is never imported; none when it is not installed."""
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return [Path(place) / below for place in list(places or ())[:1]]


def words(name: str, default: str = "") -> list[str]:
    return os.environ.get(name, default).replace(",", " ").split()


def stored_secret(path: Path, octets: int) -> str:
    """Read a secret kept beside the data, or make it (mode 0600) the first time; two at once get the same."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(octets) + "\n")
        with contextlib.suppress(FileExistsError):  # somebody was first
            os.link(made, path)
        made.unlink()
    return path.read_text().strip()
