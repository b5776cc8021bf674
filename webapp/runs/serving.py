"""Which runs of this process serve downloads to their guests: one HTTP server a run, from step to end.

While it serves, the lab's rendered lists name its address; guests that cannot reach it go to the makers'.
"""

import ipaddress
import json
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from webapp.catalog.render import as_json, flat_lines
from webapp.downloads.cache import Cache, Cached, Wanted, url_key
from webapp.downloads.lists import Lists, original, served, wanted
from webapp.downloads.server import FileServer

LISTS = ("downloads", "overrides")

_open: dict[int, ExitStack] = {}
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


def start(run_id: int, folder: Path, cache: Cache, found: Mapping[str, Cached]) -> str:
    """Serve these files on the lab's gateway address until `stop`; return the base URL. Raises OSError."""
    network = json.loads((folder / "lab.json").read_text(encoding="utf-8"))["network"]
    files = {url_key(url): cached.path for url, cached in found.items()}
    with ExitStack() as stack:
        for url in found:
            stack.enter_context(cache.using(url))
        server = stack.enter_context(FileServer(str(ipaddress.IPv4Address(network["gateway"])), files))
        stack.callback(restore, folder)
        hashes = {url: cached.sha256 for url, cached in found.items()}
        for name in LISTS:
            write_list(folder, name, served(read_list(folder, name), server.url, hashes))
        with _turn:
            _open[run_id] = stack.pop_all()
    return server.url


def restore(folder: Path) -> None:
    """Put the makers' addresses back; the lab may be gone by now."""
    for name in LISTS:
        if (folder / "rendered" / f"{name}.json").exists():
            write_list(folder, name, original(read_list(folder, name)))


def stop(run_id: int) -> None:
    """End a run's server, if it has one."""
    with _turn:
        stack = _open.pop(run_id, None)
    if stack is not None:
        stack.close()
