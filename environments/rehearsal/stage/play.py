"""Plays a provisioning step: its lines from plays.json, spread over its usual duration.

A line may begin with `~N ` (it comes after N shares of the time, default 1). Marks in braces are filled from
lab.json. Lines that begin with `@` are directions:
    @reboot TEXT      the guest restarts, Vagrant waits for it
    @progress TEXT    a download with a bar that rewrites itself by carriage returns
    @err TEXT         the guest's standard error; Vagrant shows it like the rest, a terminal in red
"""

import json
import re
import time
from pathlib import Path

from stage.clock import Clock
from stage.lab import Lab, Machine
from stage.ui import Ui

PLAYS = Path(__file__).with_name("plays.json")
SHARE = re.compile(r"~(\d+(?:\.\d+)?) ")
MARK = re.compile(r"\{([a-z_0-9]+)\}")


class Player:
    """Says lines on behalf of one machine of a lab."""

    def __init__(self, ui: Ui, clock: Clock, lab: Lab, machine: Machine) -> None:
        self.ui = ui
        self.clock = clock
        self.lab = lab
        self.machine = machine
        self.marks = marks(lab, machine)

    def play(self, lines: list[str], seconds: float) -> None:
        """Say the lines within about so many real-lab seconds."""
        shares = [share_of(line) for line in lines]
        total = sum(share for share, _ in shares) or 1.0
        for share, line in shares:
            self.clock.wait(seconds * share / total)
            self.direct(self.fill(line))

    def fill(self, line: str) -> str:
        return MARK.sub(lambda found: self.marks.get(found[1], found[0]), line)

    def direct(self, line: str) -> None:
        """Say one line, or do what a direction asks for."""
        word, _, rest = line.partition(" ")
        if word == "@reboot":
            self.guest(rest)
            self.ui.say("info", "Waiting for machine to reboot...", self.machine.name)
        elif word == "@progress":
            self.progress(rest)
        elif word == "@vagrant":
            self.ui.say("info", rest, self.machine.name)
        else:
            self.guest(rest if word == "@err" else line)

    def guest(self, text: str) -> None:
        """Say what a program in the guest wrote: Vagrant shows both of its streams as details."""
        self.ui.say("detail", text, self.machine.name)

    def progress(self, text: str) -> None:
        """Play curl's bar: many states of one line, a carriage return between them."""
        bars = [f"{text} {percent:3d}% [{'#' * (percent // 5):20}]" for percent in range(0, 101, 20)]
        for bar in bars:
            self.clock.wait(0.4)
            self.guest("\r" + bar)


def share_of(line: str) -> tuple[float, str]:
    found = SHARE.match(line)
    return (float(found[1]), line[found.end() :]) if found else (1.0, line)


def load_play(step: str) -> list[str]:
    """Return the lines of a step; one that is not written yet gets a plain play."""
    plays: dict[str, list[str]] = json.loads(PLAYS.read_text(encoding="utf-8"))
    return plays.get(step) or [f"{step}: begins", f"{step}: works", f"{step}: done"]


def marks(lab: Lab, machine: Machine) -> dict[str, str]:
    """Return what the marks of a play stand for in this lab."""
    version = lab.fact("kubernetes", "version", default="1.36.1").removeprefix("v")
    workers = [m.name for m in lab.machines.values() if m.role != "control-plane"]
    windows = [m.name for m in lab.machines.values() if m.is_windows]
    return {
        "name": machine.name,
        "ip": machine.ip,
        "version": version,
        "minor": ".".join(version.split(".")[:2]),
        "containerd": lab.fact("containerd", "version", default="2.3.4"),
        "cni": lab.fact("cni", "name", default="calico"),
        "cni_version": lab.fact("cni", "version", default="3.32.1"),
        "pod_cidr": lab.fact("network", "pod_cidr", default="10.244.0.0/16"),
        "service_cidr": lab.fact("network", "service_cidr", default="10.96.0.0/12"),
        "control_plane": lab.control_plane.name,
        "control_plane_ip": lab.control_plane.ip,
        "workers": " ".join(workers),
        "worker": (windows or workers or [machine.name])[0],
        "count": str(len(lab.machines)),
        "now": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "yesterday": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 93_600)),
        "clock": time.strftime("%m%d %H:%M:%S", time.gmtime()),
    }
