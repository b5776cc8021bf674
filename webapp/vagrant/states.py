"""Vagrant's own words for what a machine does, and what each provider cannot do.

States are kept as the text that Vagrant gives; they are never translated, only judged.
Source: the providers' state methods (virtualbox, hyperv, vmware_desktop, docker in Vagrant 2.4.9;
vagrant-libvirt 0.12).
"""

NOT_CREATED = "not_created"
RUNNING = "running"

# A machine that goes down or comes up still holds its memory: it counts as on.
ON = frozenset({RUNNING, "starting", "stopping", "saving", "restoring", "shutting_down", "preparing"})
OFF = frozenset(
    {
        NOT_CREATED,
        "aborted",
        "frozen",
        "gurumeditation",
        "not_running",
        "off",
        "paused",
        "pmsuspended",
        "poweroff",
        "saved",
        "shutoff",
        "stopped",
        "stuck",
        "suspended",
    }
)
SNAPSHOTS = frozenset({"snapshot-save", "snapshot-restore", "snapshot-delete"})
# What is missing, not what is there: a provider nobody has heard of is let try.
CANNOT = {
    "docker": SNAPSHOTS | {"suspend", "resume"},
    "proxmox": SNAPSHOTS | {"suspend", "resume"},
}


def is_on(state: str) -> bool | None:
    """Tell whether a machine in this state is on; None for an id that is not known.

    libvirt calls a running machine without an address "inaccessible", VirtualBox one whose
    files are gone: that id stays unknown on purpose.
    """
    if state in ON:
        return True
    return False if state in OFF else None


def provider_can(provider: str, verb: str) -> bool:
    """Tell whether Vagrant's provider has this verb of a plan at all."""
    return verb not in CANNOT.get(provider, frozenset())
