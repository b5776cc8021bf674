"""A shell that somebody types into: prompts, echo, history, colours, and the guests' usual answers.

Nothing of this computer is run: what is typed goes to the same tables as `vagrant ssh -c` and `winrm -c`.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from stage import linux_guest, windows_guest
from stage.lab import Lab, Machine, find_lab
from stage.ui import REHEARSAL, Failure

try:
    import readline  # editing and history in input()
except ImportError:  # a Python without it: the kernel edits lines
    readline = None  # type: ignore[assignment]

CONNECTION_LOST = 255
RED, GREEN, BLUE, PLAIN = "\x1b[91m", "\x1b[1;32m", "\x1b[1;34m", "\x1b[0m"
COLOURS = "".join(f"\x1b[48;5;{number}m  " for number in range(16, 52)) + f"{PLAIN}\n"
CLEAR = "\x1b[H\x1b[2J\x1b[3J"


def main(argv: Sequence[str]) -> int:
    """Play the shell of one machine until it is left; return its exit code, 255 when the machine goes."""
    signal.signal(signal.SIGHUP, lambda *_: os._exit(CONNECTION_LOST))
    try:
        lab = find_lab(Path.cwd())
        machine = lab.machine(argv[0] if argv else "")
    except Failure as failure:
        print(failure, flush=True)
        return 1
    if lab.state(machine.name).state != "running":
        print(f"{machine.name} is not running.", flush=True)
        return CONNECTION_LOST
    greet(machine)
    return talk(lab, machine)


def greet(machine: Machine) -> None:
    words = (
        "Windows PowerShell"
        if machine.is_windows
        else "Welcome to Ubuntu 24.04.3 LTS (GNU/Linux 6.8.0-87-generic)"
    )
    print(f"{words}\n{REHEARSAL}\n", flush=True)


def prompt(machine: Machine) -> str:
    if machine.is_windows:
        return "PS C:\\Users\\vagrant> "
    # \x01 and \x02 tell readline what takes no room.
    return f"\x01{GREEN}\x02vagrant@{machine.name}\x01{PLAIN}\x02:\x01{BLUE}\x02~\x01{PLAIN}\x02$ "


def talk(lab: Lab, machine: Machine) -> int:
    """Read and obey until the shell is left; an interrupt ends a line, never the shell."""
    while True:
        try:
            code = turn(lab, machine)
        except (KeyboardInterrupt, UnicodeDecodeError):
            print("^C", flush=True)
            continue
        if code is not None:
            return code


def turn(lab: Lab, machine: Machine) -> int | None:
    """Obey one line; return the exit code when it leaves the shell."""
    text = prompt(machine)
    try:
        line = input(text if readline else text.replace("\x01", "").replace("\x02", ""))
    except EOFError:
        print("exit" if machine.is_windows else "logout", flush=True)
        return 0
    words = line.split()
    if lab.state(machine.name).state != "running":
        return CONNECTION_LOST
    if words[:1] == ["exit"]:
        return int(words[1]) if words[1:] and words[1].isdigit() else 0
    if words and words[0].lower() in ("restart-computer", "reboot"):
        print("The machine reboots.", flush=True)
        return CONNECTION_LOST
    if words:
        obey(lab, machine, line.strip())
    return None


def obey(lab: Lab, machine: Machine, line: str) -> None:
    """Carry out one line; Ctrl-C ends what goes on for long."""
    name, *words = line.split()
    if played := OWN.get(name.lower()):
        played(words)
        return
    guest = windows_guest if machine.is_windows else linux_guest
    _, output, errors = guest.answer(lab, machine, lab.state(machine.name), line)
    output = output.replace("\r\n", "\n")  # the terminal adds the carriage returns
    sys.stdout.write(output if output.endswith("\n") or not output else f"{output}\n")
    sys.stdout.write(f"{RED}{errors.rstrip()}{PLAIN}\n" if errors and machine.is_windows else errors)
    sys.stdout.flush()


def clear(_words: list[str]) -> None:
    print(CLEAR, end="", flush=True)


def echo(words: list[str]) -> None:
    print(" ".join(words).strip("'\""), flush=True)


def flood(words: list[str]) -> None:
    """Say one word for ever, as `yes` does."""
    piece = ((" ".join(words) or "y") + "\n") * 2000
    while True:
        sys.stdout.write(piece)


def count(words: list[str]) -> None:
    last = int(words[-1]) if words and words[-1].isdigit() else 10
    print("\n".join(str(number) for number in range(1, last + 1)), flush=True)


def rest(words: list[str]) -> None:
    time.sleep(min(float(words[0]) if words and words[0].replace(".", "", 1).isdigit() else 1, 3600))


def say_size(_words: list[str]) -> None:
    size = shutil.get_terminal_size()
    print(f"{size.lines} {size.columns}", flush=True)


def say_colours(_words: list[str]) -> None:
    print(COLOURS, end="", flush=True)


OWN = {
    "clear": clear,
    "cls": clear,
    "clear-host": clear,
    "echo": echo,
    "write-output": echo,
    "write-host": echo,
    "yes": flood,
    "seq": count,
    "sleep": rest,
    "start-sleep": rest,
    "stty": say_size,
    "colours": say_colours,
}
