"""The lists of downloads that guests read (rendered/downloads.json): what is wanted, and what is served here.

Pure. A served entry has the address on the lab's network in `url`, its maker's in `origin` (guests go
there when the lab host does not answer), and the verified hash. An override that comes from the lab
host (source file, build) has no maker's address: it is served, or "" again.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from webapp.downloads.cache import Wanted, url_key
from webapp.downloads.local import SOURCES

Lists = dict[str, Any]  # Any: the JSON edge; {"linux": {ITEM: entry}, "windows": {…}, "apt": …}
Entry = dict[str, str]
GUESTS = ("linux", "windows")


def entries(lists: Lists) -> Iterator[Entry]:
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


def is_local(entry: Entry) -> bool:
    return entry.get("source") in SOURCES


def original(lists: Lists) -> Lists:
    """Undo `served` and `offered`: makers' addresses again, with the hashes that were verified."""
    return with_entries(lists, lambda _os, entry: undone(entry))


def undone(entry: Entry) -> Entry:
    if is_local(entry):
        return {**entry, "url": "", "sha256": ""}
    maker = {**entry, "url": entry.get("origin", entry["url"])}
    return {name: value for name, value in maker.items() if name != "origin"}


def served(lists: Lists, base_url: str, hashes: Mapping[str, str]) -> Lists:
    """Give entries whose address is in `hashes` their address on the lab's network.

    What another step has offered on the same server meanwhile stays.
    """

    def serve(_os: str, found: Entry) -> Entry:
        if is_local(found) and found["url"].startswith(f"{base_url}/"):
            return found
        entry = undone(found)
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

    return with_entries(lists, serve)


def offered(lists: Lists, local: Mapping[tuple[str, str], tuple[str, str]]) -> Lists:
    """Give overrides from this host their address here and hash: `local` is (os, binary) → (url, sha256)."""

    def offer(os: str, entry: Entry) -> Entry:
        if not is_local(entry) or (os, entry["binary"]) not in local:
            return entry
        url, sha256 = local[os, entry["binary"]]
        return {**entry, "url": url, "sha256": sha256}

    return with_entries(lists, offer)


def with_entries(lists: Lists, change: Callable[[str, Entry], Entry]) -> Lists:
    """Return the lists with each entry changed; `change` gets its operating system, too."""
    result = dict(lists)
    for os in GUESTS:
        found = lists.get(os, {})
        if isinstance(found, dict):
            result[os] = {name: change(os, entry) for name, entry in found.items()}
        else:
            result[os] = [change(os, entry) for entry in found]
    return result
