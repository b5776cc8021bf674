"""Overridden binaries, rehearsed: what the lab host serves is truly fetched, checked and remembered.

Reads rendered/overrides.json as the kit's scripts do. Entries without an address are the makers' or were
not offered: the play goes on without them, since a rehearsal downloads nothing from elsewhere.
"""

import json
import re

from stage import inject
from stage.lab import MachineState
from stage.play import Player

STAMP = re.compile(rb"v\d+\.\d+\.\d+[0-9A-Za-z.-]*\+[0-9a-f]{14}")
LOCAL = "http://127.0.0.1:"


def is_overrides(step: str) -> bool:
    return step.endswith("-overrides")


def act(player: Player, state: MachineState) -> None:
    """Put each binary in place. Raises inject.Refused."""
    path = player.lab.folder / "rendered" / "overrides.json"
    lists = json.loads(path.read_text()) if path.exists() else {}
    for item in lists.get("windows" if player.machine.is_windows else "linux", []):
        if item["url"].startswith(LOCAL):
            put(player, state, item)


def put(player: Player, state: MachineState, item: dict[str, str]) -> None:
    name, sha256 = item["binary"], item["sha256"]
    inject.bring(player, state, {"component": name, "url": item["url"], "sha256": sha256, "version": ""})
    place = place_of(player, name)
    found = STAMP.search(inject.content(player.lab, player.machine, state.kept[sha256]))
    version = found[0].decode() if found else inject.number(player.lab, name)
    state.binaries[place] = state.kept[sha256] = {"name": name, "sha256": sha256, "version": version}
    player.guest(f"changed: {place} is {sha256}")


def place_of(player: Player, name: str) -> str:
    """Return where the kit's scripts put a binary of this name."""
    if not player.machine.is_windows:
        return f"/usr/bin/{name}"
    programs = {"containerd": "containerd.exe", "shim": "containerd-shim-runhcs-v1.exe"}
    if name in programs:
        return f"C:\\Program Files\\containerd\\{programs[name]}"
    return f"C:\\k\\{name}.exe"
