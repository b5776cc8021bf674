"""What changes a machine: up, provision, reload, halt, suspend, resume, destroy, snapshots.

Each takes the machine's lock, says what Vagrant would say, and notes the new state at its end.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from stage import inject, mishaps, overrides
from stage.flood import flood
from stage.lab import MachineState, now
from stage.play import Player, load_play
from stage.ui import Failure

NOT_CREATED = "VM not created. Moving on..."
NOT_RUNNING = (
    "VM is not currently running. Please, first bring it up with `vagrant up` then run this command."
)
CANNOT_SAVE = "Machine '{name}' has not been created yet, and therefore cannot save snapshots. Skipping..."
IMPORT_S = {"linux": 60.0, "windows": 150.0}
BOOT_S = {"linux": 40.0, "windows": 180.0}
BOOT_TIMEOUT_S = {"linux": 300.0, "windows": 1200.0}

IMPORT = [
    "@vagrant Preparing machine for the rehearsal...",
    "~4 @vagrant Importing base box...",
    "~1 @vagrant Matching MAC address for NAT networking...",
    "@vagrant Setting the name of the VM: {name}",
    "@vagrant Preparing network interfaces based on configuration...",
]
BOOT = [
    "@vagrant Booting VM...",
    "@vagrant Waiting for machine to boot. This may take a few minutes...",
]
ADDRESS = {
    "linux": ["SSH address: {ip}:22", "~0.1 SSH username: vagrant", "~0.1 SSH auth method: private key"],
    "windows": [
        "WinRM address: {ip}:5985",
        "~0.1 WinRM username: vagrant",
        "~0.1 WinRM execution_time_limit: PT4H",
        "~0.1 WinRM transport: negotiate",
    ],
}
BOOTED = ["~9 @vagrant Machine booted and ready!"]
# A Windows guest restarts once for its name.
NAMED = {
    "linux": ["@vagrant Setting hostname..."],
    "windows": ["@vagrant Setting hostname...", "~4 @vagrant Waiting for machine to reboot..."],
}
NETWORKS = ["@vagrant Configuring and enabling network interfaces..."]


@contextlib.contextmanager
def acting(player: Player, action: str) -> Iterator[MachineState]:
    """Hold the machine for one action; its state is saved when the block ends, however it ends."""
    machine = player.machine
    player.clock.heed_interrupts(machine.name)
    with player.lab.locked(machine, action):
        player.ui.record("metadata", "provider", "rehearsal", machine=machine.name)
        player.ui.record("action", action, "start", machine=machine.name)
        player.ui.admit(machine.name)
        state = player.lab.state(machine.name)
        try:
            yield state
        finally:
            player.lab.save(machine.name, state)
        player.clock.give_way()
        player.ui.record("action", action, "end", machine=machine.name)


def say(player: Player, text: str) -> None:
    player.ui.say("info", text, player.machine.name)


def up(player: Player, *, is_kept_on_error: bool) -> None:
    """Create the machine, or boot it; a first boot that fails destroys it unless told otherwise."""
    with acting(player, "up") as state:
        if state.state == "running":
            say(player, "Machine is already running.")
            return
        if state.state == "saved":
            resume_within(player, state)
            return
        is_first = not state.is_created
        if is_first:
            player.play(IMPORT, IMPORT_S[player.machine.os])
            state.create()
        try:
            boot(player, state, "up")
        except Failure:
            if is_first and not is_kept_on_error:
                say(player, "Destroying VM and associated drives...")
                forget(state)
            raise


def boot(player: Player, state: MachineState, action: str) -> None:
    """Let the machine start; a boot that times out leaves it running, but deaf."""
    system = player.machine.os
    first = [] if state.booted_at else [*NAMED[system], *NETWORKS]
    lines = [*BOOT, *ADDRESS[system], *BOOTED, *first]
    state.state = "running"
    mishap = mishaps.due(player.lab, player.machine, action)
    if mishap is None:
        player.play(lines, BOOT_S[system])
    elif mishap.kind == "boot-timeout":
        player.play([*BOOT, *ADDRESS[system]], BOOT_TIMEOUT_S[system])
        player.play(mishaps.kinds()["boot-timeout"]["lines"], 10)
        raise Failure("VMBootTimeout", mishaps.BOOT_TIMEOUT)
    else:
        mishaps.strike(mishap, player, lines, BOOT_S[system], action)
    state.booted_at = now()


def provision(player: Player, named: list[str]) -> None:
    """Run the named provisioners; without a name none runs, as the kit marks all of them `run: "never"`."""
    with acting(player, "provision") as state:
        if not state.is_created:
            say(player, NOT_CREATED)
            return
        if state.state != "running":
            say(player, NOT_RUNNING)
            return
        for name in named:
            if (
                name in player.machine.steps
            ):  # Vagrant passes over a name that it does not know, and ends with 0
                run_step(player, state, name)


def run_step(player: Player, state: MachineState, name: str) -> None:
    """Play one provisioner, with the mishap that is due; note that it was done."""
    seconds = player.machine.steps[name]
    kind = "powershell" if player.machine.is_windows else "shell"
    say(player, f"Running provisioner: {name} (shell)...")
    player.guest(f"Running: /tmp/vagrant-{kind} as {name}")
    setting = os.environ.get("REHEARSAL_FLOOD", "")
    lines = load_play(name)
    mishap = mishaps.due(player.lab, player.machine, name)
    if setting:
        flood(player.ui, player.clock, player.machine.name, setting)
    elif mishap is None:
        player.play(lines, seconds)
    else:
        state.failed[name] = mishap.kind
        state.clock_off_s = -86_400.0 if mishap.kind == "clock-skew" else state.clock_off_s
        mishaps.strike(mishap, player, lines, seconds, "provision")
    if inject.is_injection(name):
        do_injection(player, state, name, mishap.kind if mishap else "")
    if overrides.is_overrides(name):
        do_overrides(player, state, name)
    state.failed.pop(name, None)
    state.done[name] = now()


def do_injection(player: Player, state: MachineState, name: str, mishap: str) -> None:
    """Let an injection's step have its effect, or fail as its script does."""
    try:
        inject.act(player, state, name, mishap)
    except inject.Refused as refused:
        state.failed[name] = "refused"
        player.guest(str(refused))
        raise mishaps.bad_exit(player.machine) from refused


def do_overrides(player: Player, state: MachineState, name: str) -> None:
    """Put the binaries in place that the lab host serves; a wrong one fails the step."""
    try:
        overrides.act(player, state)
    except inject.Refused as refused:
        state.failed[name] = "refused"
        player.guest(str(refused))
        raise mishaps.bad_exit(player.machine) from refused


def halt(player: Player) -> None:
    with acting(player, "halt") as state:
        if not state.is_created:
            say(player, NOT_CREATED)
            return
        halt_within(player, state)


def halt_within(player: Player, state: MachineState) -> None:
    if state.state == "running":
        say(player, "Attempting graceful shutdown of VM...")
        player.clock.wait(45 if player.machine.is_windows else 12)
        state.state = "poweroff"
    elif state.state == "saved":
        say(player, "Discarding saved state of VM...")
        state.state = "poweroff"


def reload(player: Player) -> None:
    with acting(player, "reload") as state:
        if not state.is_created:
            say(player, NOT_CREATED)
            return
        halt_within(player, state)
        boot(player, state, "reload")


def suspend(player: Player) -> None:
    with acting(player, "suspend") as state:
        if not state.is_created:
            say(player, NOT_CREATED)
            return
        if state.state != "running":
            say(player, NOT_RUNNING)
            return
        say(player, "Saving VM state and suspending execution...")
        player.clock.wait(15)
        state.state = "saved"


def resume(player: Player) -> None:
    with acting(player, "resume") as state:
        if not state.is_created:
            say(player, NOT_CREATED)
            return
        resume_within(player, state)


def resume_within(player: Player, state: MachineState) -> None:
    if state.state != "saved":
        say(player, "Resume only makes sense for a suspended machine; this one is not.")
        return
    say(player, "Resuming suspended VM...")
    boot(player, state, "resume")


def destroy(player: Player, *, is_forced: bool) -> None:
    if not is_forced:
        raise Failure(
            "UIExpectsTTY",
            "Vagrant is attempting to interface with the UI in a way that requires\na TTY. "
            "Add --force: nobody can answer here.",
        )
    with acting(player, "destroy") as state:
        if not state.is_created:
            say(player, NOT_CREATED)
            return
        if state.state == "running":
            say(player, "Forcing shutdown of VM...")
            player.clock.wait(4)
        say(player, "Destroying VM and associated drives...")
        player.clock.wait(4)
        forget(state)


def forget(state: MachineState) -> None:
    """Make the state that of a machine that never was."""
    state.__dict__.update(MachineState().__dict__)


def save_snapshot(player: Player, name: str) -> None:
    with acting(player, "snapshot_save") as state:
        if not state.is_created:
            player.ui.say("warn", CANNOT_SAVE.format(name=player.machine.name))
            return
        say(player, f"Snapshotting the machine as '{name}'...")
        player.clock.wait(20)
        kept = {
            "state": state.state,
            "done": deepcopy(state.done),
            "binaries": deepcopy(state.binaries),
            "kept": deepcopy(state.kept),
        }
        state.snapshots[name] = kept
        say(
            player,
            "Snapshot saved! You can restore the snapshot at any time by\nusing `vagrant snapshot restore`. "
            "You can delete it using\n`vagrant snapshot delete`.",
        )


def restore_snapshot(player: Player, name: str) -> None:
    with acting(player, "snapshot_restore") as state:
        kept = want_snapshot(player, state, name)
        if state.state == "running":
            say(player, "Forcing shutdown of VM...")
            player.clock.wait(4)
        say(player, f"Restoring the snapshot '{name}'...")
        player.clock.wait(15)
        state.done = deepcopy(kept["done"])
        state.binaries, state.kept = deepcopy(kept.get("binaries", {})), deepcopy(kept.get("kept", {}))
        state.state = "saved"
        say(player, "Resuming suspended VM...")
        boot(player, state, "snapshot-restore")


def delete_snapshot(player: Player, name: str) -> None:
    with acting(player, "snapshot_delete") as state:
        want_snapshot(player, state, name)
        say(player, f"Deleting the snapshot '{name}'...")
        player.clock.wait(5)
        del state.snapshots[name]
        say(player, "Snapshot deleted!")


def want_snapshot(player: Player, state: MachineState, name: str) -> dict[str, Any]:  # Any: a state as JSON
    if name not in state.snapshots:
        raise Failure(
            "SnapshotNotFound",
            f"The snapshot name `{name}` was not found for the\nvirtual machine `{player.machine.name}`.",
        )
    return state.snapshots[name]


SNAPSHOT_VERBS: dict[str, Callable[[Player, str], None]] = {
    "save": save_snapshot,
    "restore": restore_snapshot,
    "delete": delete_snapshot,
}
