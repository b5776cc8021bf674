"""The lab's folder: lab.json, what was rehearsed so far, and the lock on each machine."""

import contextlib
import fcntl
import json
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stage.ui import Failure

NOT_CREATED = "not_created"
LOCKED = """\
An action '{action}' was attempted on the machine '{name}',
but another process is already executing an action on the machine.
Vagrant locks each machine for access by only one process at a time.
Please wait until the other Vagrant process finishes modifying this
machine, then try again.

If you believe this message is in error, please check the process
listing for any "ruby" or "vagrant" processes and kill them. Then
try again."""
NO_LAB = """\
A Vagrant environment or target machine is required to run this
command. Run `vagrant init` to create a new Vagrant environment. Or,
get an ID of a target machine from `vagrant global-status` to run
this command on. A final option is to change to a directory with a
Vagrantfile and to try again."""


@dataclass(frozen=True)
class Machine:
    """One machine of lab.json. `steps` maps a provisioner's name to its usual seconds."""

    name: str
    role: str
    os: str
    ip: str
    communicator: str
    steps: dict[str, float]

    @property
    def is_windows(self) -> bool:
        return self.os == "windows"


@dataclass
class MachineState:
    """What was rehearsed on a machine. `done` maps a step's name to the epoch second of its end."""

    state: str = NOT_CREATED
    id: str = ""
    booted_at: float = 0.0
    done: dict[str, float] = field(default_factory=dict)
    snapshots: dict[str, dict[str, Any]] = field(default_factory=dict)  # Any: states as JSON
    failed: dict[str, str] = field(default_factory=dict)  # step → the mishap that its last play ended in
    stopped: list[str] = field(default_factory=list)  # services that somebody stopped
    clock_off_s: float = 0.0
    # Injections: path → what lies there; sha256 → what was kept; injection → what lay there before it.
    binaries: dict[str, dict[str, str]] = field(default_factory=dict)
    kept: dict[str, dict[str, str]] = field(default_factory=dict)
    noted: dict[str, dict[str, str]] = field(default_factory=dict)
    restarted: dict[str, int] = field(default_factory=dict)  # pods that were deleted to be made anew

    @property
    def is_created(self) -> bool:
        return self.state != NOT_CREATED

    def create(self) -> None:
        self.id = str(uuid.uuid4())


class Lab:
    """A lab's folder, found from the working folder upwards as Vagrant finds its Vagrantfile."""

    def __init__(self, folder: Path, facts: dict[str, Any]) -> None:  # Any: the JSON edge
        self.folder = folder
        self.facts = facts
        self.machines = {value["name"]: read_machine(value) for value in facts["machines"]}

    def machine(self, name: str) -> Machine:
        if name not in self.machines:
            raise Failure(
                "MachineNotFound",
                f"The machine with the name '{name}' was not found configured for\nthis Vagrant environment.",
            )
        return self.machines[name]

    @property
    def control_plane(self) -> Machine:
        return next(machine for machine in self.machines.values() if machine.role == "control-plane")

    def fact(self, *path: str, default: str = "") -> str:
        """Return a value of lab.json as text, e.g. fact("cni", "name")."""
        value: Any = self.facts
        for key in path:
            value = value.get(key, "") if isinstance(value, dict) else ""
        return str(value or default)

    # -- what was rehearsed ---------------------------------------------------------

    def home(self, name: str) -> Path:
        home = self.folder / ".vagrant" / "rehearsal" / name
        home.mkdir(parents=True, exist_ok=True)
        return home

    def state(self, name: str) -> MachineState:
        try:
            return MachineState(**json.loads((self.home(name) / "state.json").read_text()))
        except FileNotFoundError:
            return MachineState()

    def save(self, name: str, state: MachineState) -> None:
        path = self.home(name) / "state.json"
        new = path.with_suffix(f".{os.getpid()}.new")
        new.write_text(json.dumps(asdict(state), indent=1))
        new.replace(path)

    def has_done(self, name: str, step: str) -> bool:
        return step in self.state(name).done

    @contextlib.contextmanager
    def locked(self, machine: Machine, action: str) -> Iterator[None]:
        """Hold the machine's lock; it falls with the process, as Vagrant's does."""
        with (self.home(machine.name) / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise locked(machine, action) from None
            yield


def locked(machine: Machine, action: str) -> Failure:
    return Failure("MachineActionLockedError", LOCKED.format(action=action, name=machine.name))


def read_machine(value: dict[str, Any]) -> Machine:  # Any: the JSON edge
    steps = {step["name"]: float(step.get("usual_s") or 10) for step in value.get("steps", [])}
    return Machine(
        name=value["name"],
        role=value.get("role", "linux"),
        os=value.get("os", "linux"),
        ip=value.get("ip", "") or "192.168.56.10",
        communicator=value.get("communicator", "ssh"),
        steps=steps,
    )


def find_lab(folder: Path) -> Lab:
    """Return the lab of a folder or of one above it; Failure where there is none or it cannot be read."""
    for place in (folder, *folder.parents):
        path = place / "lab.json"
        if path.exists():
            try:
                return Lab(place, json.loads(path.read_text()))
            except (ValueError, KeyError, TypeError) as error:
                raise Failure(
                    "VagrantfileLoadError", f"There was an error loading {path.name}: {error}"
                ) from error
    raise Failure("NoEnvironmentError", NO_LAB)


def now() -> float:
    return round(time.time(), 3)
