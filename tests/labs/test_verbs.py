"""Which verbs are possible, and the reason that is told for the others."""

from dataclasses import replace

import pytest

from webapp.labs.verbs import Circumstances, Offer, offers, reasons, why_not
from webapp.planning.make import PLANNED_ELSEWHERE
from webapp.planning.plan import Verb

FREE = Circumstances("libvirt", ["running"], "", may_operate=True, may_destroy=True)


@pytest.mark.parametrize(
    ("verb", "change", "reason"),
    [
        (Verb.HALT, {}, ""),
        (Verb.UP, {}, "already on"),
        (Verb.UP, {"states": ["running", "poweroff"]}, ""),
        (Verb.HALT, {"states": ["poweroff"]}, "not on"),
        (Verb.RESUME, {}, "not suspended"),
        (Verb.RESUME, {"states": ["saved"]}, ""),
        (Verb.SNAPSHOT_SAVE, {"states": ["not_created"]}, "not created"),
        (Verb.HALT, {"states": [""]}, ""),
        (Verb.HALT, {"states": ["levitating"]}, ""),
        (Verb.HALT, {"open_run": "#4 launch"}, "a run is open: #4 launch"),
        (Verb.SUSPEND, {"provider": "docker"}, "the provider docker cannot"),
        (Verb.HALT, {"may_operate": False}, "you may look at this lab, not operate it"),
        (Verb.DESTROY, {"may_destroy": False}, "only the lab's owner and administrators destroy"),
        (Verb.DESTROY, {"states": ["not_created"]}, ""),
        (Verb.UP, {"is_destroyed": True}, "the lab has been destroyed"),
    ],
)
def test_reason_against_a_verb(verb: Verb, change: dict[str, object], reason: str) -> None:
    assert why_not(verb, replace(FREE, **change)) == reason


def test_every_verb_of_a_lab_is_offered() -> None:
    assert {offer.verb for offer in offers(FREE)} == set(Verb) - {Verb.LAUNCH} - PLANNED_ELSEWHERE


def test_reasons_are_told_once() -> None:
    found = [
        Offer(Verb.HALT, "Halt", "not on"),
        Offer(Verb.UP, "Start"),
        Offer(Verb.RELOAD, "Reload", "not on"),
    ]

    assert reasons(found) == [("Halt, Reload", "not on")]
