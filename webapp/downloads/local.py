"""Overridden binaries that no address has: files of the lab host, and what builds made.

    definition: {source: file, path: tools/kubelet.exe}  →  FILES/tools/kubelet.exe
    definition: {source: build}                          →  what LAB/brought.json names

Both go to guests by the lab's file server: `collect` finds and verifies them, `lists.served` writes
their addresses.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webapp.downloads.cache import Cache, Cached, file_sha256

SOURCES = ("file", "build")
BROUGHT = "brought.json"


class LocalError(Exception):
    """A binary is not there or not what it was; the text says which and what to do."""


@dataclass(frozen=True)
class Local:
    """One overridden binary of one operating system; `path` is below the host's files (source file)."""

    os: str
    binary: str
    source: str
    path: str

    @property
    def key(self) -> tuple[str, str]:
        return (self.os, self.binary)

    @property
    def file_name(self) -> str:
        """Return the name under which a guest gets it; Windows runs nothing without its suffix."""
        return f"{self.binary}.exe" if self.os == "windows" else self.binary

    @property
    def setting(self) -> str:
        return f"overrides.{self.os}.{self.binary}"


def locals_of(lists: dict[str, Any]) -> Iterator[Local]:  # Any: rendered/overrides.json
    """Yield the overrides that come from this host."""
    for os in ("linux", "windows"):
        for entry in lists.get(os, []):
            if entry["source"] in SOURCES:
                yield Local(os, entry["binary"], entry["source"], entry["path"])


def collect(
    wanted: Iterator[Local], *, cache: Cache, files: Path, folder: Path
) -> dict[tuple[str, str], Cached]:
    """Return (os, binary) → verified file; builds that have not been brought yet are left out.

    Raises LocalError.
    """
    brought = read_brought(folder)
    found = {}
    for one in wanted:
        if one.source == "file":
            found[one.key] = keep_file(one, cache, files)
        elif one.key in brought:
            found[one.key] = verified(one, brought[one.key])
    return found


def keep_file(one: Local, cache: Cache, files: Path) -> Cached:
    try:
        return cache.keep(files / one.path, one.file_name)
    except OSError as error:
        raise LocalError(missing_sentence(one, files)) from error


def missing_sentence(one: Local, files: Path) -> str:
    return (
        f"{one.setting}: there is no readable file {one.path} below {files} on this lab host. "
        "Put it there and press Retry."
    )


def verified(one: Local, cached: Cached) -> Cached:
    try:
        got = file_sha256(cached.path)
    except OSError as error:
        raise LocalError(f"{one.setting}: the build's file {cached.path} is gone. Build it again.") from error
    if got != cached.sha256:
        raise LocalError(
            f"{one.setting}: checksum wrong: {cached.path} has sha256 {got}, its build made {cached.sha256}."
        )
    return cached


# -- what builds brought to a lab ---------------------------------------------------------


def read_brought(folder: Path) -> dict[tuple[str, str], Cached]:
    """Return (os, binary) → file of the lab's brought.json. Raises LocalError for one that is torn."""
    try:
        value = json.loads((folder / BROUGHT).read_text(encoding="utf-8"))
        return {
            (os, binary): Cached(Path(item["path"]), item["sha256"])
            for os, items in value.items()
            for binary, item in items.items()
        }
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise LocalError(
            f"{folder / BROUGHT} cannot be read: delete it and press Retry, the builds are then brought anew."
        ) from error


def write_brought(folder: Path, os: str, binary: str, file: Cached) -> None:
    """Note that this lab's machines get this file; in one rename."""
    found = {**read_brought(folder), (os, binary): file}
    value: dict[str, dict[str, dict[str, str]]] = {}
    for (system, name), cached in found.items():
        value.setdefault(system, {})[name] = {"path": str(cached.path), "sha256": cached.sha256}
    half = folder / f".{BROUGHT}.half"
    half.write_text(json.dumps(value, indent=2), encoding="utf-8")
    half.replace(folder / BROUGHT)
