"""One machine's whole life under real Vagrant, recorded for the tests to look at.

A boot costs most of a minute in QEMU's emulation, so the machine lives once and each test
asserts one thing of what was seen.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.real.fixtures import RealLab
from webapp.process import Child
from webapp.spool import Exit

NAME = "controlplane"
# Runs far longer than the test: only an interruption ends it in time.
TICKS = """#!/bin/bash
for tick in $(seq 600); do echo "tick $tick"; sleep 1; done
"""


@dataclass(frozen=True)
class Seen:
    """What one verb did."""

    exit: Exit
    text: str
    seconds: float


@dataclass
class Life:
    """What was seen, by the name of the moment; `states` are those after it."""

    lab: RealLab
    seen: dict[str, Seen] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)

    def spool(self, moment: str) -> Path:
        return self.lab.folder.with_name(f"spool-{moment}")

    def state(self) -> str:
        return self.lab.driver.status()[NAME].state

    def guest(self, command: str) -> str:
        return self.lab.driver.run(NAME, command, timeout_s=60).output

    def do(self, moment: str, start: Callable[[Path], Child]) -> Seen:
        """Do a verb to its end and record it."""
        began = time.monotonic()
        with start(self.spool(moment)) as child:
            text = read_until(child, lambda text: False)
            assert child.ended is not None
            self.seen[moment] = Seen(child.ended, text, time.monotonic() - began)
        self.states[moment] = self.state()
        return self.seen[moment]


def read_until(child: Child, is_enough: Callable[[str], bool], limit_s: float = 600) -> str:
    """Read a child's output to its end, or until it is enough."""
    deadline, data = time.monotonic() + limit_s, b""
    while child.ended is None and not is_enough(data.decode(errors="replace")):
        assert time.monotonic() < deadline, f"not within {limit_s} s: {data[-2000:]!r}"
        child.wait(1)
        data += child.read()
    return data.decode(errors="replace")


def live(lab: RealLab) -> Life:
    """Lead a machine from nothing to nothing."""
    life = Life(lab)
    add_ticking_step(lab)
    driver = lab.driver
    life.states["before"] = life.state()
    life.do("too early", lambda spool: driver.provision(NAME, "linux-prepare", spool=spool))
    up = life.do("up", lambda spool: driver.up(NAME, provider="libvirt", spool=spool))
    assert up.exit.is_ok, up.text[-3000:]
    provision_twice(life)
    interrupt_a_step(life)
    life.do("suspend", lambda spool: driver.suspend(NAME, spool=spool))
    life.do("resume", lambda spool: driver.resume(NAME, spool=spool))
    save_and_restore(life)
    life.do("halt", lambda spool: driver.halt(NAME, spool=spool))
    life.do("up again", lambda spool: driver.up(NAME, provider="libvirt", spool=spool))
    life.do("post-boot", lambda spool: driver.provision(NAME, "linux-post-boot", spool=spool))
    life.facts["first post-boot"] = life.guest("sudo cat /var/lib/labkit/state/linux-post-boot.json")
    life.do("post-boot again", lambda spool: driver.provision(NAME, "linux-post-boot", spool=spool))
    life.facts["second post-boot"] = life.guest("sudo cat /var/lib/labkit/state/linux-post-boot.json")
    life.do("destroy", lambda spool: driver.destroy(NAME, spool=spool))
    return life


def add_ticking_step(lab: RealLab) -> None:
    (lab.folder / "linux/ticking.sh").write_text(TICKS)
    path = lab.folder / "lab.json"
    value = json.loads(path.read_text())
    value["machines"][0]["steps"] += [
        {"name": "ticking", "script": "linux/ticking.sh"},
        {"name": "linux-post-boot", "script": "linux/post-boot.sh"},
    ]
    path.write_text(json.dumps(value))


def provision_twice(life: Life) -> None:
    driver, inputs = life.lab.driver, life.lab.folder / "inputs" / NAME
    inputs.mkdir(mode=0o700, parents=True)
    (inputs / "join-token.json").write_text('{"token": "abcdef.0123456789abcdef"}')
    life.do("prepare", lambda spool: driver.provision(NAME, "linux-prepare", spool=spool))
    life.facts["left"] = life.guest("sudo grep -rl abcdef.0123456789abcdef /var/lib/labkit /tmp; true")
    (inputs / "join-token.json").unlink()
    life.facts["first state"] = life.guest("sudo cat /var/lib/labkit/state/linux-prepare.json")
    life.do("prepare again", lambda spool: driver.provision(NAME, "linux-prepare", spool=spool))
    life.facts["second state"] = life.guest("sudo cat /var/lib/labkit/state/linux-prepare.json")
    life.facts["addresses"] = life.guest("ip -o -4 address show")
    life.facts["hostname"] = life.guest("hostname")


def interrupt_a_step(life: Life) -> None:
    """Stop a step half way; meanwhile a second command finds the machine locked."""
    driver = life.lab.driver
    began = time.monotonic()
    with driver.provision(NAME, "ticking", spool=life.spool("ticking")) as child:
        text = read_until(child, lambda text: "tick 2" in text)
        life.facts["inputs' mode"] = life.guest(
            "sudo stat -c '%a %U' /var/lib/labkit /var/lib/labkit/kit/lab.json"
        )
        life.do("locked", lambda spool: driver.provision(NAME, "linux-prepare", spool=spool))
        child.stop()
        text += read_until(child, lambda text: False)
        assert child.ended is not None
        life.seen["ticking"] = Seen(child.ended, text, time.monotonic() - began)
    life.states["ticking"] = life.state()
    life.facts["still ticking"] = life.guest("pgrep -fc '[t]icking.sh' || true").strip()


def save_and_restore(life: Life) -> None:
    driver = life.lab.driver
    life.do("save", lambda spool: driver.snapshot_save(NAME, "clean", spool=spool))
    life.facts["snapshots"] = " ".join(driver.snapshots(NAME))
    life.do("restore", lambda spool: driver.snapshot_restore(NAME, "clean", spool=spool))
    life.do("delete", lambda spool: driver.snapshot_delete(NAME, "clean", spool=spool))
