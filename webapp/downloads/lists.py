"""The lists of downloads that guests read (rendered/downloads.json): what is wanted, and what is served here.

Pure. A served entry has the address on the lab's network in `url`, its maker's in `origin` (guests go
there when the lab host does not answer), and the verified hash.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from webapp.downloads.cache import Wanted, url_key

Lists = dict[str, Any]  # Any: the JSON edge; {"linux": {ITEM: entry}, "windows": {…}, "apt": …}
GUESTS = ("linux", "windows")


def entries(lists: Lists) -> Iterator[dict[str, str]]:
    """Yield the entries that are files; the package repository is none."""
    for os in GUESTS:
        found = lists.get(os, {})
        yield from found.values() if isinstance(found, dict) else found


def wanted(lists: Lists) -> list[Wanted]:
    """Return each file once."""
    found = {
        entry["url"]: Wanted(entry["url"], entry["sha256"], entry["sha256_url"])
        for entry in entries(original(lists))
        if entry["url"]
    }
    return list(found.values())


def original(lists: Lists) -> Lists:
    """Undo `served`: makers' addresses again; hashes that were verified stay."""
    return with_entries(
        lists, lambda entry: {**entry, "url": entry.get("origin", entry["url"])}, drop="origin"
    )


def served(lists: Lists, base_url: str, hashes: Mapping[str, str]) -> Lists:
    """Give entries whose address is in `hashes` their address on the lab's network."""

    def serve(entry: dict[str, str]) -> dict[str, str]:
        url = entry["url"]
        if url not in hashes:
            return entry
        return {
            **entry,
            "url": f"{base_url}/{url_key(url)}",
            "origin": url,
            "sha256": hashes[url],
            "sha256_url": "",
        }

    return with_entries(original(lists), serve)


def with_entries(lists: Lists, change: Any, drop: str = "") -> Lists:  # Any: a function of one entry
    def changed(entry: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in change(entry).items() if name != drop}

    result = dict(lists)
    for os in GUESTS:
        found = lists.get(os, {})
        if isinstance(found, dict):
            result[os] = {name: changed(entry) for name, entry in found.items()}
        else:
            result[os] = [changed(entry) for entry in found]
    return result
