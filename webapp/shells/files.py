"""Files into and out of a machine, by scp; in a rehearsal in a folder of the lab's. In the PTYs' process."""

import re
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings

from webapp.labs.actions import lab_folder
from webapp.process import capture
from webapp.shells import store
from webapp.shells.actions import LIVE
from webapp.shells.client import socket_folder
from webapp.shells.models import Terminal
from webapp.shells.ways import WayError, known_ssh_config, shell_env

COPY_S = 300.0
LEFT_S = 24 * 3600.0
# No slashes to climb with, no quotes or spaces for scp's and PowerShell's own reading of a path.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,99}")
SSH = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "LogLevel=ERROR")


class FileError(Exception):
    """It was not copied; a sentence."""


def transfer_folder() -> Path:
    """Return where files wait between the browser and the machine, readable by this user only."""
    folder = socket_folder() / "files"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def is_good_name(name: str) -> bool:
    return NAME.fullmatch(name) is not None


def carry_out(message: dict[str, Any]) -> dict[str, str]:  # Any: the JSON edge
    """Copy {"file": "up" | "down", "terminal", "name", "local"}; answer {"error": ""} or a sentence."""
    try:
        name, local = str(message["name"]), transfer_folder() / Path(str(message["local"])).name
        if not is_good_name(name):
            raise FileError("A file's name may hold letters, digits, dots, dashes and underscores only.")
        copy(store.get(int(message["terminal"])), str(message["file"]), name, local)
    except (FileError, WayError, Terminal.DoesNotExist, KeyError, OSError) as error:
        return {"error": str(error)[:300] or "It was not copied."}
    return {"error": ""}


def copy(terminal: Terminal, way: str, name: str, local: Path) -> None:
    """Copy one file; in the machine it lies in the home folder of `vagrant`. Raises FileError."""
    if terminal.lab.is_rehearsal:
        home = lab_folder(terminal.lab) / ".vagrant" / "rehearsal" / terminal.machine.name / "files"
        home.mkdir(parents=True, exist_ok=True)
        source, target = (local, home / name) if way == "up" else (home / name, local)
        if not source.is_file():
            raise FileError(f"There is no file {name} in the home folder of {terminal.machine.name}.")
        shutil.copyfile(source, target)
        return
    far = f"{terminal.machine.name}:{name}"
    scp = ["scp", "-q", "-F", str(known_ssh_config(terminal)), *SSH, "--"]
    if way == "up":
        run_scp([*scp, str(local), far])
    else:
        fetch([*scp, far, str(local)], local, settings.SHELL_FILE_MIB)


def fetch(scp: list[str], local: Path, most_mib: int) -> None:
    """Copy into `local`, which is not there afterwards if that failed. Raises FileError."""
    most_bytes, said = most_mib * 1024 * 1024, ""
    try:
        run_scp(bounded(scp, most_bytes))
    except FileError as error:
        said = str(error)
    if local.exists() and local.stat().st_size > most_bytes:
        said = f"The file is larger than {most_mib} MiB."
    if said:
        local.unlink(missing_ok=True)
        raise FileError(said)


def run_scp(command: list[str]) -> None:
    """Raises FileError."""
    done = capture(command, cwd=transfer_folder(), env=shell_env(), timeout_s=COPY_S)
    if done.timed_out:
        raise FileError(f"It was not copied within {COPY_S:g} s.")
    if done.code != 0:
        said = " ".join((done.errors or done.output).split())
        raise FileError(said or f"It was not copied; scp ended with code {done.code}.")


def bounded(command: list[str], limit: int) -> list[str]:
    """Have a command die of a file that it writes beyond `limit` bytes: nobody knows a far file's size."""
    return ["sh", "-c", 'ulimit -f "$0" && exec "$@"', str(limit // 512 + 1), *command]


def sweep(now: float) -> None:
    """Remove what nobody comes back for: files of copies that were cut off, ways to closed terminals.

    `now`: seconds since the epoch; a day, so that a clock that is set ends no copy.
    """
    for path in transfer_folder().iterdir():
        if now - path.stat().st_mtime > LEFT_S:
            path.unlink(missing_ok=True)
    live = {f"{pk}.ssh" for pk in Terminal.objects.filter(status__in=LIVE).values_list("pk", flat=True)}
    for path in socket_folder().glob("*.ssh"):
        if path.name not in live:
            path.unlink(missing_ok=True)
