"""Vagrant's refusals as exceptions; who can act on one catches its class."""


class VagrantError(Exception):
    """Vagrant gave up. `error_class` is its own Ruby class without modules, "" when it named none."""

    def __init__(self, error_class: str, text: str) -> None:
        super().__init__(text)
        self.error_class = error_class
        self.text = text


class MachineLocked(VagrantError):
    """Another Vagrant works on the machine: wait, then try again; never delete .vagrant."""


class MachineNotFound(VagrantError):
    """The lab has no machine of that name."""


class MachineNotCreated(VagrantError):
    """The machine does not exist yet, or no longer."""


class MachineNotReady(VagrantError):
    """The machine is off, or its remote shell does not answer (yet)."""


class SnapshotNotFound(VagrantError):
    """The machine has no snapshot of that name."""


class WinrmMissing(VagrantError):
    """This Vagrant has no WinRM gems (Debian's and Ubuntu's own package has none)."""


class CommandTimedOut(VagrantError):
    """The command took too long and was stopped."""


CLASSES: dict[str, type[VagrantError]] = {
    **dict.fromkeys(("MachineActionLockedError", "MachineLocked", "EnvironmentLockedError"), MachineLocked),
    "MachineNotFound": MachineNotFound,
    "VMNotCreatedError": MachineNotCreated,
    **dict.fromkeys(
        (
            "SSHNotReady",
            "SSHConnectionTimeout",
            "SSHNoRoute",
            "SSHConnectionRefused",
            "VMNotRunningError",
            "WinRMNotReady",
            "ConnectionTimeout",
            "ConnectionRefused",
            "NoRoute",
            "HostDown",
            "Disconnected",
        ),
        MachineNotReady,
    ),
    "SnapshotNotFound": SnapshotNotFound,
}
WINRM_GEM = "cannot load such file -- winrm"
WINRM_REMEDY = (
    "This Vagrant has no WinRM: use HashiCorp's own package, or run "
    "`vagrant plugin install winrm winrm-fs winrm-elevated`."
)


def error_for(error_class: str, text: str) -> VagrantError:
    """Return the exception for Vagrant's error class (with or without its modules)."""
    name = error_class.rpartition("::")[2]
    return CLASSES.get(name, VagrantError)(name, text)


def error_from_crash(said: str) -> VagrantError:
    """Return the exception for a Vagrant that ended without naming an error: its last words."""
    if WINRM_GEM in said:
        return WinrmMissing("LoadError", WINRM_REMEDY)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return VagrantError("", lines[-1] if lines else "Vagrant failed and said nothing.")
