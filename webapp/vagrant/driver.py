"""Drive one lab's folder through Vagrant. Contract, errors, interruption: docs/driver.md.

python-vagrant with what it lacks: verbs that stream into a spool and can be stopped, a time limit on every
captured command, `--machine-readable` throughout, an environment that holds nothing of the dashboard's.
"""

# Its methods are untyped and most of ours differ on purpose: they stream, and they need a spool.
# mypy: disable-error-code="override,no-untyped-call,misc"

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import vagrant

from webapp.process import Child, Completed, capture, start_child
from webapp.vagrant.errors import (
    CommandTimedOut,
    MachineLocked,
    MachineNotCreated,
    MachineNotFound,
    MachineNotReady,
    SnapshotNotFound,
    VagrantError,
    WinrmMissing,
    error_for,
    error_from_crash,
)
from webapp.vagrant.machine_readable import Other, State, Ui, find_error, parse_line

__all__ = [
    "CommandTimedOut",
    "MachineLocked",
    "MachineNotCreated",
    "MachineNotFound",
    "MachineNotReady",
    "MachineStatus",
    "RehearsalDriver",
    "SnapshotNotFound",
    "VagrantDriver",
    "VagrantError",
    "WinrmMissing",
    "find_vagrant",
    "vagrant_env",
]

ASK_TIMEOUT_S = 60.0
# Only these variables of the dashboard reach Vagrant: how to find programs, the network, the provider.
PASSED_ON = (
    "PATH",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "LIBVIRT_DEFAULT_URI",
    "VAGRANT_LIBVIRT_OVMF_CODE",
    "VBOX_INSTALL_PATH",
    "REHEARSAL_SPEED",
    "REHEARSAL_FLOOD",
    "REHEARSAL_MISHAPS",
)
FIXED = {
    "LANG": "C.UTF-8",
    "VAGRANT_CHECKPOINT_DISABLE": "1",
    # Windows installs features while it reboots: Vagrant's own 120 s are too short.
    "VAGRANT_MAX_REBOOT_RETRY_DURATION": "900",
}
# Plays the rehearsal: `python3` of the PATH may be older than it needs. Without `site`: it takes the standard
# library only, and looking for packages is a tenth of its start.
OWN_PYTHON = (sys.executable, "-S")
# Vagrant's records around a guest's output; the last may follow an output without a newline.
OWN_RECORD = re.compile(r"(?m)^\d{9,},[^,\n]*,(?:metadata|action|ui|error-exit),.*\n?")
LAST_RECORD = re.compile(r"\d{10},[^,\n]*,action,(?:ssh_run|winrm_run),end\n?\Z")


@dataclass(frozen=True)
class MachineStatus:
    """What `vagrant status` says of one machine; `state` is the provider's own id."""

    name: str
    provider: str = ""
    state: str = ""
    short: str = ""
    long: str = ""


STATE_FIELDS = {
    "provider-name": "provider",
    "state": "state",
    "state-human-short": "short",
    "state-human-long": "long",
}


def find_vagrant(setting: str) -> Path | None:
    """Return the executable that the setting names, or the one on the PATH; None when there is none."""
    found = shutil.which(setting or "vagrant")
    return Path(found).absolute() if found else None


def vagrant_env(vagrant_home: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return all the variables a Vagrant child gets: a closed list, never the dashboard's secrets."""
    passed = {name: environ[name] for name in PASSED_ON if environ.get(name)}
    return {**passed, **FIXED, "HOME": str(vagrant_home / "user"), "VAGRANT_HOME": str(vagrant_home)}


class VagrantDriver(vagrant.Vagrant):
    """Vagrant in one lab's folder. Holds no state of its own; safe to make anew for each call."""

    def __init__(self, root: Path, *, executable: Path, vagrant_home: Path) -> None:
        super().__init__(root=str(root), env=vagrant_env(vagrant_home, os.environ))
        self._vagrant_exe = str(executable)
        (vagrant_home / "user").mkdir(mode=0o700, parents=True, exist_ok=True)

    # -- verbs: stream into a spool ---------------------------------------------------

    def up(self, machine: str, *, provider: str, spool: Path) -> Child:
        """Create or boot a machine without provisioning it; a failed first boot leaves it for a look."""
        options = ("--no-provision", "--no-destroy-on-error", "--no-parallel", "--provider", provider)
        return self._start("up", machine, *options, spool=spool)

    def provision(self, machine: str, with_: str, *, spool: Path) -> Child:
        """Run one named provisioner. Ends with 0, having done nothing, when the machine is not created."""
        return self._start("provision", machine, "--provision-with", with_, spool=spool)

    def reload(self, machine: str, *, spool: Path) -> Child:
        return self._start("reload", machine, "--no-provision", spool=spool)

    def halt(self, machine: str, *, spool: Path, force: bool = False) -> Child:
        return self._start("halt", machine, *(("--force",) if force else ()), spool=spool)

    def suspend(self, machine: str, *, spool: Path) -> Child:
        return self._start("suspend", machine, spool=spool)

    def resume(self, machine: str, *, spool: Path) -> Child:
        return self._start("resume", machine, "--no-provision", spool=spool)

    def destroy(self, machine: str, *, spool: Path) -> Child:
        return self._start("destroy", machine, "--force", spool=spool)

    def snapshot_save(self, machine: str, name: str, *, spool: Path) -> Child:
        return self._start("snapshot", "save", "--force", machine, name, spool=spool)

    def snapshot_restore(self, machine: str, name: str, *, spool: Path) -> Child:
        return self._start("snapshot", "restore", "--no-provision", machine, name, spool=spool)

    def snapshot_delete(self, machine: str, name: str, *, spool: Path) -> Child:
        return self._start("snapshot", "delete", machine, name, spool=spool)

    def _start(self, *args: str, spool: Path) -> Child:
        argv = self._make_vagrant_command([*args, "--machine-readable"])
        return start_child(argv, cwd=Path(self.root), env=self.env, spool=spool)

    # -- questions: captured, each with a time limit ------------------------------------

    def status(self, timeout_s: float = ASK_TIMEOUT_S) -> dict[str, MachineStatus]:
        """Return every machine of the folder. Costs about 2 s: never poll with it."""
        facts: dict[str, dict[str, str]] = {}
        for text in self._ask("status", timeout_s=timeout_s).splitlines():
            event = parse_line(text)
            if isinstance(event, State):
                facts.setdefault(event.machine, {})[STATE_FIELDS[event.key]] = event.value
        return {name: MachineStatus(name, **seen) for name, seen in facts.items()}

    def snapshots(self, machine: str) -> list[str]:
        """Return a machine's snapshots, as the provider orders them; none when it is not created."""
        events = map(parse_line, self._ask("snapshot", "list", machine).splitlines())
        details = [event.text for event in events if isinstance(event, Ui) and event.level == "detail"]
        return [text for text in details if not text.startswith("    ")]

    def ssh_config(self, machine: str) -> str:
        """Return OpenSSH's configuration for the machine; MachineNotReady when it is off."""
        return self._record("ssh-config", machine)

    def winrm_config(self, machine: str) -> str:
        """Return Vagrant's WinRM parameters, password included: never log it."""
        return self._record("winrm-config", machine)

    def _record(self, command: str, machine: str) -> str:
        for text in self._ask(command, machine).splitlines():
            event = parse_line(text)
            if isinstance(event, Other) and event.type == command:
                return event.data[0] if event.data else ""
        raise VagrantError("", f"vagrant {command} {machine} said nothing.")

    def version(self) -> str:
        """Return Vagrant's version, e.g. "2.4.9"."""
        done = self._capture("--version")
        found = re.search(r"^Vagrant (\S+)", done.output, re.MULTILINE)
        if done.code != 0 or found is None:
            raise error_from_crash(done.errors or done.output)
        return found[1]

    def validate(self) -> None:
        """Check the Vagrantfile. Raises VagrantError with what is wrong in it."""
        self._ask("validate")

    def upload(self, machine: str, source: Path, destination: str, *, timeout_s: float = 600) -> None:
        """Copy a small file into the guest."""
        self._ask("upload", str(source), destination, machine, timeout_s=timeout_s)

    def run(self, machine: str, command: str, *, timeout_s: float = ASK_TIMEOUT_S) -> Completed:
        """Run a command in the guest's shell: exit code and both streams are the command's own.

        Over WinRM every failure has code 1 (`vagrant winrm` passes no other). Raises VagrantError when the
        command did not get as far as the guest: MachineNotReady, MachineNotCreated, CommandTimedOut …
        """
        over = "winrm" if self.communicators.get(machine) == "winrm" else "ssh"
        done = self._capture(over, machine, "-c", command, "--machine-readable", timeout_s=timeout_s)
        if error := find_error(done.output.splitlines()):
            raise error_for(error.error_class, error.text)
        if done.code == 1 and "vagrant" in done.errors and ".rb:" in done.errors:  # Vagrant's own crash
            raise error_from_crash(done.errors)
        said = OWN_RECORD.sub("", LAST_RECORD.sub("", done.output))
        return Completed(done.code, said, done.errors)

    @cached_property
    def communicators(self) -> dict[str, str]:
        """Return how each machine is talked to, from the kit's lab.json; {} without one (all SSH)."""
        try:
            lab = json.loads((Path(self.root) / "lab.json").read_text())
            return {machine["name"]: machine["communicator"] for machine in lab["machines"]}
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError) as error:
            raise VagrantError("", "The lab's lab.json is not as it was made: it cannot be read.") from error

    # -- plumbing ------------------------------------------------------------------------

    def _ask(self, *args: str, timeout_s: float = ASK_TIMEOUT_S) -> str:
        """Capture a command's records; raises VagrantError when it did not end with 0."""
        done = self._capture(*args, "--machine-readable", timeout_s=timeout_s)
        if error := find_error(done.output.splitlines()):
            raise error_for(error.error_class, error.text)
        if done.code != 0:
            raise error_from_crash(done.errors or done.output)
        return done.output

    def _capture(self, *args: str, timeout_s: float = ASK_TIMEOUT_S) -> Completed:
        argv = self._make_vagrant_command(args)
        try:
            done = capture(argv, cwd=Path(self.root), env=self.env, timeout_s=timeout_s)
        except OSError as error:  # gone since it was found; no folder any more; a full disk
            raise VagrantError("", f"vagrant {args[0]} cannot be run: {error}") from error
        if done.timed_out:
            raise CommandTimedOut(
                "", f"vagrant {args[0]} did not answer within {timeout_s:g} s and was stopped."
            )
        return done

    def _run_vagrant_command(self, args: Sequence[str | None]) -> str:
        """Give python-vagrant's own questions (box_list, plugin_list, conf) the same time limit."""
        done = self._capture(*(arg for arg in args if arg is not None))
        if done.code != 0:
            raise error_from_crash(done.errors or done.output)
        return done.output


class RehearsalDriver(VagrantDriver):
    """The same, of the rehearsal: a Python program, see OWN_PYTHON."""

    def _make_vagrant_command(self, args: Sequence[str | None]) -> list[str]:
        return [*OWN_PYTHON, *super()._make_vagrant_command(args)]
