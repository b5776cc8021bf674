"""Which verbs make sense now, and why the others do not. Pure.

Pages show every verb; one that cannot be is disabled and says its reason.
`runs.actions` checks again what matters when a verb is asked for.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from webapp.planning.plan import Verb
from webapp.vagrant.states import NOT_CREATED, is_on, provider_can

LABELS = {
    Verb.UP: "Start",
    Verb.HALT: "Halt",
    Verb.RELOAD: "Reload",
    Verb.SUSPEND: "Suspend",
    Verb.RESUME: "Resume",
    Verb.PROVISION: "Provision",
    Verb.DESTROY: "Destroy",
    Verb.SNAPSHOT_SAVE: "Save",
    Verb.SNAPSHOT_RESTORE: "Restore",
    Verb.SNAPSHOT_DELETE: "Delete",
}
# What would take a failure away from those who look at it.
LOSE_STATE = frozenset({Verb.HALT, Verb.RELOAD, Verb.SUSPEND, Verb.DESTROY, Verb.SNAPSHOT_RESTORE})
SUSPENDED = frozenset({"saved", "suspended", "paused"})
# It stands on Vagrant's command line: what begins with a hyphen would be an option there.
SNAPSHOT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,59}")
SNAPSHOT_NAME_RULE = "A snapshot's name has 1 to 60 letters, digits, - and _ only, and does not begin with -."


@dataclass(frozen=True)
class Offer:
    """A verb on a page. `reason` "" means that it is possible now."""

    verb: Verb
    label: str
    reason: str = ""


@dataclass(frozen=True)
class Circumstances:
    """All that decides whether a verb is possible. `open_run` names it, "" = none."""

    provider: str
    states: Sequence[str]
    open_run: str
    may_operate: bool
    may_destroy: bool
    is_destroyed: bool = False
    held_for: str = ""


def right_to(verb: str) -> str:
    """Return the action of labs.access that somebody needs to ask for a verb, or to retry it."""
    return "lab.destroy" if verb == Verb.DESTROY else "lab.operate"


def offers(now: Circumstances) -> list[Offer]:
    """Offer every verb, with the first reason that speaks against it."""
    return [Offer(verb, label, why_not(verb, now)) for verb, label in LABELS.items()]


def reasons(found: Sequence[Offer]) -> list[tuple[str, str]]:
    """Gather the reasons: ("Halt, Reload", "not on"), so that a page says each once."""
    gathered: dict[str, list[str]] = {}
    for offer in found:
        if offer.reason:
            gathered.setdefault(offer.reason, []).append(offer.label)
    return [(", ".join(labels), reason) for reason, labels in gathered.items()]


def why_not(verb: Verb, now: Circumstances) -> str:
    """Return why `verb` is not possible, "" if it is."""
    if now.is_destroyed:
        return "the lab has been destroyed"
    if verb == Verb.DESTROY and not now.may_destroy:
        return "only the lab's owner and administrators destroy"
    if not now.may_operate and verb != Verb.DESTROY:
        return "you may look at this lab, not operate it"
    if reason := taken_reason(verb, now):
        return reason
    if not provider_can(now.provider, verb):
        return f"the provider {now.provider} cannot"
    return state_reason(verb, now.states)


def taken_reason(verb: Verb, now: Circumstances) -> str:
    """Return who has the machines for something else now."""
    if now.held_for and verb in LOSE_STATE:
        return now.held_for
    return f"a run is open: {now.open_run}" if now.open_run else ""


def state_reason(verb: Verb, states: Sequence[str]) -> str:
    """Return what the machines' states say against it; a state not known speaks against nothing."""
    if any(not state or is_on(state) is None for state in states):
        return ""
    rule = STATE_RULES.get(verb)
    if rule is None:
        return ""
    is_possible, reason = rule
    return "" if is_possible(states) else reason


def some_on(states: Sequence[str]) -> bool:
    return any(is_on(state) for state in states)


def some_off(states: Sequence[str]) -> bool:
    return not all(is_on(state) for state in states)


def some_suspended(states: Sequence[str]) -> bool:
    return any(state in SUSPENDED for state in states)


def some_created(states: Sequence[str]) -> bool:
    return any(state != NOT_CREATED for state in states)


Rule = tuple[Callable[[Sequence[str]], bool], str]
STATE_RULES: dict[Verb, Rule] = {
    Verb.UP: (some_off, "already on"),
    Verb.HALT: (some_on, "not on"),
    Verb.RELOAD: (some_on, "not on"),
    Verb.SUSPEND: (some_on, "not on"),
    Verb.PROVISION: (some_on, "not on"),
    Verb.RESUME: (some_suspended, "not suspended"),
    Verb.SNAPSHOT_SAVE: (some_created, "not created"),
    Verb.SNAPSHOT_RESTORE: (some_created, "not created"),
    Verb.SNAPSHOT_DELETE: (some_created, "not created"),
}
