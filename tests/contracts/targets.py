"""What the contract's cases run against: the rehearsal, or real Vagrant with libvirt on plain QEMU."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from webapp.process import Child
from webapp.spool import Exit
from webapp.vagrant.driver import RehearsalDriver, VagrantDriver
from webapp.vagrant.errors import VagrantError, error_for
from webapp.vagrant.machine_readable import Event, find_error, parse_line

REHEARSAL = Path(__file__).parents[2] / "environments" / "rehearsal" / "vagrant"
NAME = "controlplane"
TICKING = "#!/bin/bash\nfor tick in $(seq 600); do echo tick $tick; sleep 1; done\n"
STEPS = [
    {"name": "linux-prepare", "script": "linux/prepare.sh", "may_reboot": False, "usual_s": 10},
    {"name": "ticking", "script": "linux/ticking.sh", "may_reboot": False, "usual_s": 600},
]


@dataclass(frozen=True)
class Said:
    """What one verb said and how it ended."""

    ended: Exit
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def events(self) -> list[Event]:
        return [event for event in map(parse_line, self.lines) if event is not None]

    @property
    def error(self) -> VagrantError | None:
        found = find_error(self.lines)
        return error_for(found.error_class, found.text) if found else None


@dataclass
class Target:
    """One machine, controlplane, not created, with the steps linux-prepare and ticking (without an end)."""

    driver: VagrantDriver
    provider: str
    spools: Path
    limit_s: float = 30.0
    count: int = field(default=0)

    def spool(self) -> Path:
        self.count += 1
        return self.spools / str(self.count)

    def do(self, start: Callable[[Path], Child]) -> Said:
        """Do a verb to its end."""
        with start(self.spool()) as child:
            return self.finish(child)

    def finish(self, child: Child, said: str = "") -> Said:
        said += read_until(child, lambda text: False, self.limit_s)
        assert child.ended is not None
        return Said(child.ended, said)

    def up(self) -> Said:
        return self.do(lambda spool: self.driver.up(NAME, provider=self.provider, spool=spool))

    def provision(self, step: str = "linux-prepare", machine: str = NAME) -> Said:
        return self.do(lambda spool: self.driver.provision(machine, step, spool=spool))

    def state(self) -> str:
        return self.driver.status()[NAME].state


def read_until(child: Child, is_enough: Callable[[str], bool], limit_s: float) -> str:
    """Read a child to its end, or until it is enough."""
    deadline, said = time.monotonic() + limit_s, bytearray()
    while child.ended is None and not is_enough(said.decode(errors="replace")):
        assert time.monotonic() < deadline, f"not within {limit_s} s: {bytes(said[-2000:])!r}"
        child.wait(1)
        said += child.read()
    return said.decode(errors="replace")


def rehearsal_target(folder: Path) -> Target:
    """Return a rehearsed lab that does not wait, but for the step `ticking`."""
    machine = {
        "name": NAME,
        "role": "control-plane",
        "os": "linux",
        "ip": "192.168.56.10",
        "communicator": "ssh",
    }
    rehearsal = {"speed": 0, "mishaps": [f"{NAME} ticking:never-ending"]}
    lab = {"provider": "rehearsal", "machines": [{**machine, "steps": STEPS}], "rehearsal": rehearsal}
    (folder / "lab").mkdir()
    (folder / "lab" / "lab.json").write_text(json.dumps(lab))
    driver = RehearsalDriver(folder / "lab", executable=REHEARSAL, vagrant_home=folder / "vagrant.d")
    return Target(driver, "rehearsal", folder / "spools")


def real_target(folder: Path, driver: VagrantDriver) -> Target:
    """Return a lab of real Vagrant whose kit got the step `ticking`."""
    root = Path(driver.root)
    (root / "linux" / "ticking.sh").write_text(TICKING)
    lab = json.loads((root / "lab.json").read_text())
    lab["machines"][0]["steps"] = STEPS
    (root / "lab.json").write_text(json.dumps(lab))
    return Target(driver, "libvirt", folder / "spools", limit_s=300)
