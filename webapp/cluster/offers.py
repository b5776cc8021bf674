"""The safe repairs: what each is called, what is asked before it, and who carries it out. Pure."""

from webapp.cluster.rungs import FixOffer

LABELS = {
    "approve-request": "Approve this request",
    "resync-clock": "Set the clock",
    "restart-in-order": "Restart containerd and kubelet",
    "rejoin": "Join again with a new token",
    "reset-and-rejoin": "Reset and join again",
    "start-service": "Start",
    "stop-service": "Stop",
    "restart-service": "Restart",
}
CONFIRM = {
    "approve-request": "Approve {argument}? It lets {machine} into the cluster.",
    "resync-clock": "Set the clock of {machine} by its time server?",
    "restart-in-order": "Restart containerd, then kubelet on {machine}? Running pods stay.",
    "rejoin": "Make a new token and run the join of {machine} again?",
    "reset-and-rejoin": "Delete the Node {machine} and what its join left, and join again? Its pods go.",
    "start-service": "Start {argument} on {machine}?",
    "stop-service": "Stop {argument} on {machine}, and what depends on it?",
    "restart-service": "Restart {argument} on {machine}, with what depends on it?",
}
SERVICE_FIXES = frozenset({"start-service", "stop-service", "restart-service"})
RUN_FIXES = frozenset({"rejoin", "reset-and-rejoin"})  # end in a run of the join step
JOIN_BY_HAND = (
    "the dashboard joins machines of its own labs only; run kubeadm token create --print-join-command on the "
    "control plane, and what it prints on this machine"
)
NAME_IT = "the dashboard reaches only this cluster's API; name the machine under Machines"


def offer(kind: str, machine: str, argument: str = "") -> FixOffer:
    """Return the offer of a known kind (KeyError for another)."""
    confirm = CONFIRM[kind].format(machine=machine, argument=argument)
    return FixOffer(kind, LABELS[kind], confirm, machine, argument)


def attached_refusal(kind: str, *, is_reached: bool) -> str:
    """Say why a repair cannot be asked for at an attached cluster, "" when it can.

    `is_reached`: the machine was named, so that commands can be run on it.
    """
    if kind == "approve-request":
        return ""
    if kind in RUN_FIXES:
        return JOIN_BY_HAND
    return "" if is_reached else NAME_IT
