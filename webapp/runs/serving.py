"""Which runs of this process serve files to their guests: one HTTP server a run, until the run ends.

The step `downloads` serves the lab's downloads; any other step may `offer` one more file. While it
serves, the lab's rendered lists name its address; guests that cannot reach it go to the makers'.
"""

import ipaddress
import json
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from webapp.catalog.render import as_json, flat_lines
from webapp.downloads.cache import Cache, Cached, Wanted, url_key
from webapp.downloads.lists import Lists, offered, original, served, wanted
from webapp.downloads.local import Local, locals_of
from webapp.downloads.server import FileServer

LISTS = ("downloads", "overrides")
Files = Mapping[tuple[str, str], Cached]  # (os, binary) → file


@dataclass
class Serving:
    """One run's server, and what is undone when the run ends. `turn`: one thread changes it at a time."""

    server: FileServer
    stack: ExitStack
    overrides: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)  # what was offered so far
    turn: threading.Lock = field(default_factory=threading.Lock)


_open: dict[int, Serving] = {}
_turn = threading.Lock()


def read_list(folder: Path, name: str) -> Lists:
    """Return one rendered list; an empty one for a lab without Kubernetes."""
    path = folder / "rendered" / f"{name}.json"
    found: Lists = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def write_list(folder: Path, name: str, lists: Lists) -> None:
    """Write a list and its flat twin, each in one rename: a guest may be reading."""
    for suffix, text in (("json", as_json(lists)), ("flat", "".join(flat_lines(lists)))):
        path = folder / "rendered" / f"{name}.{suffix}"
        half = path.with_suffix(f".{suffix}.half")
        half.write_text(text, encoding="utf-8")
        half.replace(path)


def wanted_of(folder: Path) -> list[Wanted]:
    """Return each file that the lab's machines download, once."""
    found = {one.url: one for name in LISTS for one in wanted(read_list(folder, name))}
    return list(found.values())


def locals_in(folder: Path) -> list[Local]:
    """Return the lab's overrides that come from this host's files and builds."""
    return list(locals_of(original(read_list(folder, "overrides"))))


def address_of(folder: Path) -> str:
    """Return the lab host's address on the lab's network; a rehearsal has none, its guests are here."""
    lab = json.loads((folder / "lab.json").read_text(encoding="utf-8"))
    if lab["provider"] == "rehearsal":
        return "127.0.0.1"
    return str(ipaddress.IPv4Address(lab["network"]["gateway"]))


def open_server(run_id: int, folder: Path) -> Serving:
    """Return the run's server on the lab's gateway address, begun now if there is none. Raises OSError."""
    with _turn:
        if run_id not in _open:
            with ExitStack() as stack:
                server = FileServer(address_of(folder), {})
                stack.enter_context(server)
                stack.callback(restore, folder)
                _open[run_id] = Serving(server, stack.pop_all())
        return _open[run_id]


def start(run_id: int, folder: Path, cache: Cache, found: Mapping[str, Cached]) -> str:
    """Serve these downloads (maker's address → file) until `stop`; return the base URL. Raises OSError."""
    serving = open_server(run_id, folder)
    hashes = {url: cached.sha256 for url, cached in found.items()}
    with serving.turn:
        for url, cached in found.items():
            serving.stack.enter_context(cache.using(url))
            serving.server.files[url_key(url)] = cached.path
        for name in LISTS:
            if lists := read_list(folder, name):
                # Builds may have been offered before the downloads were there.
                whole = offered(served(lists, serving.server.url, hashes), serving.overrides)
                write_list(folder, name, whole)
    return serving.server.url


def offer(run_id: int, folder: Path, file: Cached, name: str) -> str:
    """Serve one verified file under this name until `stop`; return its address. Raises OSError."""
    serving = open_server(run_id, folder)
    key = f"files/{file.sha256}/{name}"
    serving.server.files[key] = file.path
    return f"{serving.server.url}/{key}"


def offer_overrides(run_id: int, folder: Path, cache: Cache, found: Files) -> None:
    """Serve this host's overrides and write their addresses into the lab's list. Raises OSError."""
    known = {one.key: one for one in locals_in(folder)}
    serving = open_server(run_id, folder)
    addresses = {
        key: (offer(run_id, folder, file, known[key].file_name), file.sha256)
        for key, file in found.items()
        if key in known
    }
    with serving.turn:
        for file in found.values():
            if file.path.is_relative_to(cache.root):
                serving.stack.enter_context(cache.using(cache.url_of(file.path)))
        serving.overrides |= addresses
        write_list(folder, "overrides", offered(read_list(folder, "overrides"), serving.overrides))


def restore(folder: Path) -> None:
    """Put the makers' addresses back; the lab may be gone by now."""
    for name in LISTS:
        if (folder / "rendered" / f"{name}.json").exists():
            write_list(folder, name, original(read_list(folder, name)))


def stop(run_id: int) -> None:
    """End a run's server, if it has one."""
    with _turn:
        serving = _open.pop(run_id, None)
    if serving is not None:
        serving.stack.close()
