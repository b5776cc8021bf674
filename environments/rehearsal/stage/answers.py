"""What only asks: status, the ways in, a command in a guest. No lock is taken."""

import sys
from collections.abc import Callable, Iterable

from stage import linux_guest, windows_guest
from stage.lab import Lab, Machine, MachineState
from stage.ui import REHEARSAL, Failure, Ui

SHORT = {"not_created": "not created", "running": "running", "poweroff": "poweroff", "saved": "saved"}
LONG = {
    "not_created": "The environment has not yet been created. Run `vagrant up` to\ncreate the environment.",
    "running": "The machine is rehearsed as running. To stop it, run `vagrant halt`.",
    "poweroff": "The machine is rehearsed as powered off. To start it, run `vagrant up`.",
    "saved": "The machine is rehearsed as suspended. To resume it, run `vagrant resume`.",
}
NOT_READY = """\
The provider for this Vagrant-managed machine is reporting that it
is not yet ready for SSH. Depending on your provider this can carry
different meanings. Make sure your machine is created and running and
try again. Additionally, check the output of `vagrant status` to verify
that the machine is in the state that you expect. If you continue to
get this error message, please view the documentation for the provider
you're using."""


def status(ui: Ui, lab: Lab, machines: Iterable[Machine]) -> int:
    chosen = list(machines)
    for machine in chosen:
        ui.record("metadata", "provider", "rehearsal", machine=machine.name)
    table = ["Current machine states:", ""]
    for machine in chosen:
        state = lab.state(machine.name).state
        ui.record("provider-name", "rehearsal", machine=machine.name)
        ui.record("state", state, machine=machine.name)
        ui.record("state-human-short", SHORT[state], machine=machine.name)
        ui.record("state-human-long", LONG[state], machine=machine.name)
        table.append(f"{machine.name:25} {SHORT[state]} (rehearsal)")
    ui.say("info", "\n".join([*table, "", REHEARSAL]))
    return 0


def validate(ui: Ui) -> int:
    ui.say("info", f"Vagrantfile validated successfully. {REHEARSAL}")
    return 0


def list_snapshots(ui: Ui, machines: list[Machine]) -> Callable[[Lab], int]:
    def answer(lab: Lab) -> int:
        for machine in machines:
            list_snapshots_of(ui, machine, lab.state(machine.name))
        return 0

    return answer


def list_snapshots_of(ui: Ui, machine: Machine, state: MachineState) -> None:
    if not state.is_created:
        ui.say("info", "VM not created. Moving on...", machine.name)
    elif not state.snapshots:
        ui.say("output", "No snapshots have been taken yet!", machine.name)
        ui.say("detail", "You can take a snapshot using `vagrant snapshot save`. Note that", machine.name)
    else:
        ui.say("output", "", machine.name)
        for name in state.snapshots:
            ui.say("detail", name)


def want_ready(lab: Lab, machine: Machine) -> MachineState:
    """Return the machine's state; Failure when it could not be talked to."""
    state = lab.state(machine.name)
    if not state.is_created:
        raise Failure(
            "VMNotCreatedError", "VM must be created before running this command. Run `vagrant up` first."
        )
    if state.state != "running":
        raise Failure(
            "VMNotRunningError",
            "VM must be running to open SSH connection. Run `vagrant up`\nto start the virtual machine.",
        )
    if not state.booted_at:  # its boot timed out: it runs, and answers nobody
        raise Failure("SSHNotReady", NOT_READY)
    return state


def ssh_config(ui: Ui, lab: Lab, machines: Iterable[Machine]) -> int:
    for machine in machines:
        if lab.state(machine.name).state != "running":
            raise Failure("SSHNotReady", NOT_READY)
        show(
            ui,
            "ssh-config",
            machine,
            f"# {REHEARSAL} Nobody listens there.\n"
            f"Host {machine.name}\n  HostName {machine.ip}\n  User vagrant\n"
            "  Port 22\n  UserKnownHostsFile /dev/null\n  StrictHostKeyChecking no\n"
            "  PasswordAuthentication no\n  IdentitiesOnly yes\n  LogLevel FATAL\n",
        )
    return 0


def winrm_config(ui: Ui, lab: Lab, machines: Iterable[Machine]) -> int:
    for machine in machines:
        if lab.state(machine.name).state != "running":
            raise Failure(
                "VagrantPlugins::CommunicatorWinRM::Errors::WinRMNotReady", NOT_READY.replace("SSH", "WinRM")
            )
        show(
            ui,
            "winrm-config",
            machine,
            f"# {REHEARSAL} Nobody listens there.\n"
            f"Host {machine.name}\n  HostName {machine.ip}\n  User vagrant\n"
            f"  Password vagrant\n  Port 5985\n  RDPHostName {machine.ip}\n"
            "  RDPPort 3389\n  RDPUser vagrant\n  RDPPassword vagrant\n",
        )
    return 0


def show(ui: Ui, kind: str, machine: Machine, text: str) -> None:
    """Give it as a record and as plain text, both, as Vagrant does."""
    ui.record(kind, text, machine=machine.name)
    print(text, flush=True)


def ssh(ui: Ui, lab: Lab, machine: Machine, command: str | None) -> int:
    """Answer as the guest would; the exit code is the command's own."""
    ui.record("metadata", "provider", "rehearsal", machine=machine.name)
    ui.record("action", "ssh_run", "start", machine=machine.name)
    state = want_ready(lab, machine)
    if command is None:
        raise Failure(
            "UIExpectsTTY", "A rehearsal has no guest to log in to; `vagrant ssh -c COMMAND` answers."
        )
    guest = windows_guest if machine.is_windows else linux_guest
    code = tell(*guest.answer(lab, machine, state, command))
    ui.record("action", "ssh_run", "end", machine=machine.name)
    return code


def winrm(ui: Ui, lab: Lab, machine: Machine, command: str) -> int:
    """Answer as the guest would; Vagrant tells 0 from all the rest only."""
    ui.record("metadata", "provider", "rehearsal", machine=machine.name)
    if machine.communicator != "winrm":
        raise Failure(
            "WinRMInvalidCommunicator",
            "The winrm command requires a WinRM communicator to be used when connecting\n"
            "to the guest. Please update your configuration and try the command again.",
        )
    state = want_ready(lab, machine)
    return 0 if tell(*windows_guest.answer(lab, machine, state, command)) == 0 else 1


def tell(code: int, output: str, errors: str = "") -> int:
    """Write what the guest answered, and on standard error what this is."""
    sys.stdout.write(output)
    sys.stdout.flush()
    sys.stderr.write(f"{errors}{REHEARSAL}\n")
    sys.stderr.flush()
    return code


def upload(ui: Ui, lab: Lab, machine: Machine, source: str, destination: str) -> int:
    """Say that a file went into the guest; it goes nowhere."""
    ui.record("metadata", "provider", "rehearsal", machine=machine.name)
    want_ready(lab, machine)
    ui.say("info", f"Uploading {source} to {destination}")
    ui.say("info", f"Upload has completed successfully!\n\n  Source: {source}\n  Destination: {destination}")
    ui.admit(machine.name)
    return 0
