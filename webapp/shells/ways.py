"""How to get a shell on a machine: what to run on the lab host, in a PTY.

A real machine is reached by OpenSSH with the parameters that `vagrant ssh-config` gives; a rehearsed one by
the rehearsal's own player. No shell of the lab host itself is ever started.
"""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from webapp.cluster.guests import GuestError, driver_of
from webapp.labs.actions import lab_folder
from webapp.shells.client import socket_folder
from webapp.shells.models import Terminal
from webapp.spool import SpoolError
from webapp.vagrant.driver import OWN_PYTHON, vagrant_env
from webapp.vagrant.errors import VagrantError

# -e none: no escape character, or whoever types could open forwardings on the lab host.
SSH_SETTINGS = (
    "BatchMode=yes",
    "ConnectTimeout=10",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "ClearAllForwardings=yes",
    # Run here once the far end has been reached: connection.py waits for what it writes.
    "PermitLocalCommand=yes",
    "LocalCommand=printf '\\033_reached\\033\\134'",
    "UpdateHostKeys=no",
    "LogLevel=ERROR",
)
REACHED = b"\x1b_reached\x1b\\"
SSH_OPTIONS = ("-e", "none", "-tt", "-x", "-a", *(f"-o{setting}" for setting in SSH_SETTINGS))


class WayError(Exception):
    """There is no way to the machine now; a sentence."""


@dataclass(frozen=True)
class Way:
    """A command that gives a shell, and where and with what it is started."""

    argv: tuple[str, ...]
    cwd: Path
    env: dict[str, str] = field(default_factory=dict)
    mark: bytes = b""  # what it writes when the machine has been reached; nothing: it is there at once


def way_to(terminal: Terminal) -> Way:
    """Return the way; asks Vagrant, which takes about 2 s. Raises WayError."""
    folder = lab_folder(terminal.lab)
    if terminal.lab.is_rehearsal:
        player = Path(settings.ENVIRONMENTS_DIR) / "rehearsal" / "shell"
        if not (folder / "lab.json").exists():
            raise WayError("The lab has no folder on this lab host yet.")
        return Way((*OWN_PYTHON, str(player), terminal.machine.name), folder, shell_env())
    config = ssh_config(terminal)
    command = ("powershell -NoLogo",) if terminal.machine.is_windows else ()
    ssh = ("ssh", "-F", str(config), *SSH_OPTIONS, terminal.machine.name, *command)
    return Way(ssh, folder, shell_env(), REACHED)


def known_ssh_config(terminal: Terminal) -> Path:
    """Return what the open terminal itself was connected with; else ask Vagrant. Raises WayError."""
    path = config_path(terminal)
    return path if terminal.status == Terminal.Status.OPEN and path.exists() else ssh_config(terminal)


def config_path(terminal: Terminal) -> Path:
    return socket_folder() / f"{terminal.pk}.ssh"


def ssh_config(terminal: Terminal) -> Path:
    """Store what Vagrant says of reaching the machine, readable by this user only. Raises WayError."""
    try:
        text = driver_of(terminal.lab).ssh_config(terminal.machine.name)
    except (GuestError, VagrantError, SpoolError, OSError) as error:
        raise WayError(" ".join(str(error).split())[:180]) from error
    path = config_path(terminal)
    # Put in its place whole: a file is copied while the terminal is connected anew.
    fresh = path.with_suffix(f".{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return fresh.rename(path)


def shell_env() -> dict[str, str]:
    """Return all the variables the command gets: nothing of the dashboard's own."""
    return {**vagrant_env(Path(settings.LAB_VAGRANT_HOME), os.environ), "TERM": "xterm-256color"}
