"""What goes wrong on purpose: `[once:][MACHINE[ STEP]:]KIND` in lab.json or REHEARSAL_MISHAPS.

Without a machine a mishap strikes each machine it can; without a step it strikes where mishaps.json says.
`once:` strikes the first time only, so that a second attempt or Retry succeeds.
"""

import hashlib
import json
import os
import resource
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stage.lab import Lab, Machine, locked
from stage.play import Player
from stage.ui import Failure

MISHAPS = Path(__file__).with_name("mishaps.json")
MUTED = """\
The SSH command responded with a non-zero exit status. Vagrant
assumes that this means the command failed. The output for this command
should be in the log above. Please read the output to determine what
went wrong."""
WINRM_BAD_EXIT = "VagrantPlugins::CommunicatorWinRM::Errors::WinRMBadExitStatus"
BOOT_TIMEOUT = """\
Timed out while waiting for the machine to boot. This means that
Vagrant was unable to communicate with the guest machine within
the configured ("config.vm.boot_timeout" value) time period.

If you look above, you should be able to see the error(s) that
Vagrant had when attempting to connect to the machine. These errors
are usually good hints as to what may be wrong.

If you're using a custom box, make sure that networking is properly
working and you're able to connect to the machine. It is a common
problem that networking isn't setup properly in these boxes.
Verify that authentication configurations are also setup properly,
as well.

If the box appears to be booting properly, you may want to increase
the timeout ("config.vm.boot_timeout") value."""
NEVER_ENDING_RATE = 50  # lines a second, whatever the speed


@dataclass(frozen=True)
class Mishap:
    """One entry. Empty machine or step: wherever the kind can strike."""

    kind: str
    machine: str
    step: str
    is_once: bool
    text: str


def parse(text: str) -> Mishap:
    """Read one entry; Failure when its kind is not known."""
    rest = text.strip()
    is_once = rest.startswith("once:")
    place, _, kind = rest.removeprefix("once:").rpartition(":")
    machine, _, step = place.strip().partition(" ")
    if kind.strip() not in kinds():
        raise Failure(
            "VagrantfileLoadError",
            f"lab.json: there is no mishap {kind.strip()!r}; there are {', '.join(sorted(kinds()))}.",
        )
    return Mishap(kind.strip(), machine, step.strip(), is_once, text.strip())


def kinds() -> dict[str, Any]:  # Any: the JSON edge
    loaded: dict[str, Any] = json.loads(MISHAPS.read_text(encoding="utf-8"))
    return loaded


def of_lab(lab: Lab) -> list[Mishap]:
    """Return the lab's mishaps, those of REHEARSAL_MISHAPS (comma between) first."""
    wanted: list[str] = [text for text in os.environ.get("REHEARSAL_MISHAPS", "").split(",") if text.strip()]
    return [parse(text) for text in [*wanted, *lab.facts.get("rehearsal", {}).get("mishaps", [])]]


def due(lab: Lab, machine: Machine, step: str) -> Mishap | None:
    """Return the mishap that strikes this machine now; `step` is a provisioner's name or up, halt, …"""
    for mishap in of_lab(lab):
        if strikes(mishap, machine, step) and (not mishap.is_once or is_first_time(lab, machine, mishap)):
            return mishap
    return None


def strikes(mishap: Mishap, machine: Machine, step: str) -> bool:
    if mishap.machine not in ("", machine.name):
        return False
    if mishap.step:
        return mishap.step == step
    places: list[str] = kinds()[mishap.kind]["on"]
    return step in places or ("any-step" in places and step in machine.steps)


def is_first_time(lab: Lab, machine: Machine, mishap: Mishap) -> bool:
    """Note that it struck; False when it had before."""
    mark = hashlib.sha256(mishap.text.encode()).hexdigest()[:16]
    try:
        os.close(os.open(lab.home(machine.name) / f"once-{mark}", os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


def strike(mishap: Mishap, player: Player, lines: list[str], seconds: float, step: str) -> None:
    """Play the first half of the step, then let it go wrong; returns when the step survives it."""
    known = kinds()[mishap.kind]
    player.play(lines[: len(lines) // 2], seconds / 2)
    player.play(known.get("lines", []), known.get("seconds", 10))
    how = known["ends"]
    if how == "fails":
        raise bad_exit(player.machine)
    if how == "loses-winrm":
        raise Failure(
            "VagrantPlugins::CommunicatorWinRM::Errors::ExecutionError",
            player.fill("\n".join(known["error"])),
        )
    if how == "crashes":
        crash()
    if how == "hangs":
        player.clock.hang()
    if how == "never-ends":
        talk_for_ever(player)
    if how == "is-garbage":
        player.ui.raw(b"".join(garbage()))
    if how == "is-locked":
        raise locked(player.machine, step)
    player.play(lines[len(lines) // 2 :], seconds / 2)


def bad_exit(machine: Machine) -> Failure:
    """Return what Vagrant says when a provisioning script ends with another code than 0."""
    return Failure(WINRM_BAD_EXIT if machine.communicator == "winrm" else "VagrantError", MUTED)


def crash() -> None:
    """End as a segmentation fault does, without a core file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.abort()


def talk_for_ever(player: Player) -> None:
    number = 0
    while True:
        number += 1
        player.guest(
            f"W{player.fill('{clock}')}.000000    1234 reflector.go:569] still waiting, attempt {number}"
        )
        time.sleep(1 / NEVER_ENDING_RATE)
        player.clock.wait(0)


def garbage() -> Iterable[bytes]:
    """What real guests were seen to send: every piece once, the last 10 MB without a newline."""
    yield b"\xff\xfe\xfa invalid \xc3\x28 UTF-8 \xed\xa0\x80 here\n"
    yield "PowerShell writes UTF-16: Größe 42 °C ✓\r\n".encode("utf-16")
    yield CLIXML.encode() + b"\r\n"
    yield b"".join(b"\rExtracting %3d%%" % percent for percent in range(0, 101, 5)) + b"\n"
    yield b"\x1b[K\x1b[0mProgress: 37%\x1b[K\rProgress: 100%\x1b[K\n"
    yield b"\x1b[1;31merror:\x1b[0m \x1b[38;5;208morange\x1b[0m \x1b]0;a title\x07and \x1b[2J\x1b[Hcleared\n"
    yield b"a NUL \x00 a bell \x07 a form feed \x0c a next line \xc2\x85 a line separator \xe2\x80\xa8 end\n"
    yield b"1700000000,broken,ui\n1700000000,,\n,,,\n12,a,ui,detail,not escaped, with, commas\n"
    yield b"ten megabytes without a newline: " + b"0123456789abcdef" * 655_360 + b"\n"


CLIXML = (
    '#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
    '<Obj S="progress" RefId="0"><TN RefId="0"><T>System.Management.Automation.PSCustomObject</T>'
    '<T>System.Object</T></TN><MS><I64 N="SourceId">1</I64><PR N="Record">'
    "<AV>Preparing modules for first use."
    "</AV><AI>0</AI><Nil /><PI>-1</PI><PC>-1</PC><T>Completed</T><SR>-1</SR><SD> </SD></PR></MS></Obj>"
    '<S S="Error">Get-Service : Cannot find any service with service name '
    "'kubelet'._x000D__x000A_</S></Objs>"
)
