"""What a nudge may say, and which groups hear it. Contract: docs/nudges.md.

Pure: ids and versions in, names of groups out. `live` carries them; who announces one builds it here.
"""

from collections.abc import Hashable
from typing import Literal, TypedDict, assert_never


class LogGrew(TypedDict):
    type: Literal["log.grew"]
    log: int
    last_line: int
    complete: str


class RunChanged(TypedDict):
    type: Literal["run.changed"]
    lab: int
    run: int


class MachinesChanged(TypedDict):
    type: Literal["machines.changed"]
    lab: int


class LabChanged(TypedDict):
    type: Literal["lab.changed"]
    lab: int


class HostChanged(TypedDict):
    type: Literal["host.changed"]
    host: int


class BuildChanged(TypedDict):
    type: Literal["build.changed"]
    build: int


class ClusterChanged(TypedDict):
    """`lab` 0: an attached cluster."""

    type: Literal["cluster.changed"]
    cluster: int
    lab: int


class PairingChanged(TypedDict):
    """Who takes part, how it stands, its invitations; chat and notes have nudges of their own."""

    type: Literal["pairing.changed", "chat.grew", "notes.changed"]
    lab: int
    pairing: int


class PresenceChanged(TypedDict):
    """Somebody came or went."""

    type: Literal["presence.changed"]
    lab: int


class PresenceMoved(TypedDict):
    """Somebody looks elsewhere; only those who show it hear that."""

    type: Literal["presence.moved"]
    lab: int


class RightsChanged(TypedDict):
    """A person may less than before, perhaps: their open sockets look at once."""

    type: Literal["rights.changed"]
    user: int


class Resync(TypedDict):
    """Made here, for receivers whose group was out of reach: nudges may have been missed."""

    type: Literal["live.resync"]


Nudge = (
    LogGrew
    | RunChanged
    | MachinesChanged
    | LabChanged
    | HostChanged
    | ClusterChanged
    | BuildChanged
    | PairingChanged
    | PresenceChanged
    | PresenceMoved
    | RightsChanged
)
AboutLab = RunChanged | MachinesChanged | LabChanged | PairingChanged | PresenceChanged


def log_group(log_id: int) -> str:
    return f"log.{log_id}"


def cluster_group(cluster_id: int) -> str:
    return f"cluster.{cluster_id}"


def presence_group(lab_id: int) -> str:
    return f"presence.{lab_id}"


def rights_group(user_id: int) -> str:
    return f"rights.{user_id}"


def lab_group(lab_id: int) -> str:
    return f"lab.{lab_id}"


def groups_of(nudge: Nudge) -> tuple[str, ...]:
    """Return the groups that hear a nudge."""
    match nudge["type"]:
        case "log.grew":
            return (log_group(nudge["log"]),)
        case "host.changed" | "build.changed":
            return ("hosts",) if nudge["type"] == "host.changed" else ("builds",)
        case "cluster.changed":
            own = cluster_group(nudge["cluster"])
            return (own, lab_group(nudge["lab"]), "labs") if nudge["lab"] else (own, "clusters")
        case "rights.changed":
            return (rights_group(nudge["user"]),)
        case "presence.moved":
            return (presence_group(nudge["lab"]),)
        case _:
            return groups_of_lab(nudge)


def groups_of_lab(nudge: AboutLab) -> tuple[str, ...]:
    lab = lab_group(nudge["lab"])
    match nudge["type"]:
        case "chat.grew" | "notes.changed":
            return (lab,)
        case "presence.changed":
            return (presence_group(nudge["lab"]), lab, "labs")
        case "run.changed" | "machines.changed" | "lab.changed" | "pairing.changed":
            return (lab, "labs")
    assert_never(nudge)


def coalescing_key(nudge: Nudge) -> Hashable:
    """Return what two nudges share when the newer one says all that the older one did."""
    return ("log.grew", nudge["log"]) if nudge["type"] == "log.grew" else tuple(sorted(nudge.items()))
