"""Ask a lab's machines; only on the lab host's own worker, never in the web process.

Over one kept SSH connection where the machine speaks SSH; through the driver where it does not (WinRM)
or where nothing listens (the rehearsal).
"""

from pathlib import Path

from django.conf import settings

from webapp.cluster.ssh import SshError, Way, connections, parse_ssh_config
from webapp.labs.actions import lab_folder
from webapp.labs.models import Lab, Machine
from webapp.process import Completed
from webapp.vagrant.driver import RehearsalDriver, VagrantDriver, find_vagrant
from webapp.vagrant.errors import VagrantError

ASK_S = 20.0


class GuestError(Exception):
    """The machine could not be asked; a sentence for the user."""


def driver_of(lab: Lab) -> VagrantDriver:
    """Return a driver in the lab's folder. GuestError when there is no folder or no Vagrant."""
    folder = lab_folder(lab)
    executable = (
        Path(settings.ENVIRONMENTS_DIR) / "rehearsal" / "vagrant"
        if lab.is_rehearsal
        else find_vagrant(settings.LAB_VAGRANT)
    )
    if executable is None or not (folder / "lab.json").exists():
        raise GuestError("The lab has no folder on this lab host yet, or there is no Vagrant.")
    driver = RehearsalDriver if lab.is_rehearsal else VagrantDriver
    return driver(folder, executable=executable, vagrant_home=Path(settings.LAB_VAGRANT_HOME))


def run_in(lab: Lab, machine: Machine, command: str, *, timeout_s: float = ASK_S) -> Completed:
    """Run a command in a guest: bash on Linux, PowerShell on Windows. GuestError when nobody answers."""
    driver = driver_of(lab)
    is_kept = not lab.is_rehearsal and driver.communicators.get(machine.name) != "winrm"
    try:
        if not is_kept:
            return driver.run(machine.name, command, timeout_s=timeout_s)
        return connections().run(
            (lab.pk, machine.name),
            lambda: way_to(driver, machine.name),
            shell_line(command) if machine.is_windows else command,
            timeout_s=timeout_s,
        )
    except (SshError, VagrantError, OSError) as error:
        raise GuestError(one_line(str(error))) from error


def way_to(driver: VagrantDriver, machine: str) -> Way:
    """Ask Vagrant once. Raises SshError."""
    try:
        return parse_ssh_config(driver.ssh_config(machine))
    except VagrantError as error:
        raise SshError(str(error)) from error


def shell_line(command: str) -> str:
    """Wrap a PowerShell command for Windows' SSH server, whose shell is cmd: no double quotes inside."""
    if '"' in command:
        raise ValueError("A command for Windows over SSH must not hold double quotes.")
    return f'powershell -NoProfile -NonInteractive -Command "{command}"'


def one_line(text: str) -> str:
    return " ".join(text.split())[:400]
