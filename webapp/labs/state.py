"""How a lab and its machines are doing, in one word and one sentence. Pure.

What Vagrant said of the machines and how the newest run stands go in; a
`LabState` comes out and is drawn by the pages. "Running" is not "ready": a lab is
ready when its machines are on and a launch has succeeded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from webapp.vagrant.states import is_on

Kind = Literal["ready", "working", "waiting", "attention", "failed", "unknown"]

# Vagrant's ids where underscores → spaces is not yet what people say.
WORDS = {
    "": "never looked",
    "poweroff": "powered off",
    "shutoff": "shut off",
    "saved": "suspended",
    "gurumeditation": "crashed (guru meditation)",
}
DOING = {
    "launch": "launching",
    "up": "starting",
    "halt": "halting",
    "suspend": "suspending",
    "resume": "resuming",
    "reload": "reloading",
    "provision": "provisioning",
    "destroy": "destroying",
    "snapshot-save": "saving a snapshot",
    "snapshot-restore": "restoring a snapshot",
    "snapshot-delete": "deleting a snapshot",
    "inject": "putting binaries on",
    "roll-back": "putting binaries back",
}


@dataclass(frozen=True)
class LabState:
    """How something stands: drawn as `kind`, called `word`, explained by `sentence`."""

    kind: Kind
    word: str
    sentence: str = ""


@dataclass(frozen=True)
class RunSeen:
    """What is known of a lab's newest run. `step` is what it does right now."""

    verb: str
    status: str
    sentence: str = ""
    machine: str = ""
    step: str = ""

    @property
    def is_open(self) -> bool:
        return self.status in ("pending", "running")


def verb_words(verb: str) -> str:
    """Write a verb as a person says it."""
    return verb.replace("-", " ")


def judge_lab(
    states: Sequence[str], newest: RunSeen | None, *, is_launched: bool, is_destroyed: bool = False
) -> LabState:
    """Judge a lab by its machines' states and its newest run.

    `is_launched`: some launch or whole provisioning of it has succeeded.
    """
    if is_destroyed:
        return LabState("waiting", "destroyed", "Its machines are gone; its runs and logs are kept.")
    if newest is not None and newest.status != "succeeded":
        return judge_run(newest)
    return judge_machines(states, is_launched=is_launched)


def judge_run(run: RunSeen) -> LabState:
    """Judge by a newest run that has not succeeded (yet)."""
    what = " ".join(filter(None, [verb_words(run.verb), run.machine]))
    if run.status == "pending":
        return LabState("waiting", "waiting", f"The {what} waits for a worker of the lab host.")
    if run.status == "running":
        return LabState("working", DOING.get(run.verb, what), run.step or "The run begins.")
    if run.status == "failed":
        return LabState("failed", f"{what} failed", run.sentence or "The log says how.")
    word = "interrupted" if run.status == "interrupted" else "canceled"
    return LabState("attention", f"{what} {word}", run.sentence or "How far it came is in the log.")


def judge_machines(states: Sequence[str], *, is_launched: bool) -> LabState:
    """Judge a quiet lab by what Vagrant last said of its machines."""
    on = [is_on(state) if state else None for state in states]
    if not states or None in on:
        return LabState(
            "unknown",
            "unknown",
            "What its machines do is not known; nobody has looked, or the state is new to us.",
        )
    if not any(on):
        words = {machine_word(state) for state in states}
        word = words.pop() if len(words) == 1 else "off"
        return LabState("waiting", word, "No machine is on.")
    if not all(on):
        off = sum(not machine for machine in on)
        return LabState("attention", "partly on", f"{off} of {len(on)} machines are off.")
    if not is_launched:
        return LabState("attention", "not set up", "The machines are on, but no launch has succeeded yet.")
    return LabState("ready", "ready", "")


def machine_word(state: str) -> str:
    """Write Vagrant's state id as words; an unknown id stays readable."""
    return WORDS.get(state, state.replace("_", " "))


def judge_machine(
    state: str, *, is_launched: bool, is_busy: bool = False, is_run_open: bool = False
) -> LabState:
    """Judge one machine. `is_busy`: a step of the open run works on it."""
    word = machine_word(state)
    on = is_on(state) if state else None
    if is_busy:
        return LabState("working", word, "A run works on it.")
    if on is None:
        return LabState("unknown", word)
    if not on:
        return LabState("waiting", word)
    if not is_launched:
        kind: Kind = "waiting" if is_run_open else "attention"
        return LabState(kind, f"{word}, not set up", "No launch has succeeded yet.")
    return LabState("ready", word)
