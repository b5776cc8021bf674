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


def offer(kind: str, machine: str, argument: str = "") -> FixOffer:
    """Return the offer of a known kind (KeyError for another)."""
    confirm = CONFIRM[kind].format(machine=machine, argument=argument)
    return FixOffer(kind, LABELS[kind], confirm, machine, argument)
