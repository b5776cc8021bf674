"""How a lab stands, from what is known of it."""

import pytest

from webapp.labs.state import DOING, RunSeen, judge_lab, judge_machine
from webapp.planning.plan import Verb

DONE = RunSeen("launch", "succeeded")


@pytest.mark.parametrize(
    ("states", "newest", "is_launched", "kind", "word"),
    [
        (["running", "running"], DONE, True, "ready", "ready"),
        (["running", "running"], RunSeen("up", "succeeded"), False, "attention", "not set up"),
        (["running", "poweroff"], DONE, True, "attention", "partly on"),
        (["poweroff", "poweroff"], DONE, True, "waiting", "powered off"),
        (["poweroff", "saved"], DONE, True, "waiting", "off"),
        (["not_created"], None, False, "waiting", "not created"),
        (["running", ""], DONE, True, "unknown", "unknown"),
        (["running", "levitating"], DONE, True, "unknown", "unknown"),
        ([], None, False, "unknown", "unknown"),
        (["running"], RunSeen("halt", "pending"), True, "waiting", "waiting"),
        (["running"], RunSeen("halt", "running"), True, "working", "halting"),
        (["running"], RunSeen("launch", "failed"), False, "failed", "launch failed"),
        (["running"], RunSeen("halt", "failed", machine="winw1"), True, "failed", "halt winw1 failed"),
        (["running"], RunSeen("launch", "interrupted"), False, "attention", "launch interrupted"),
        (["running"], RunSeen("launch", "canceled"), False, "attention", "launch canceled"),
    ],
)
def test_lab_is_judged(states, newest, is_launched: bool, kind: str, word: str) -> None:
    state = judge_lab(states, newest, is_launched=is_launched)

    assert (state.kind, state.word) == (kind, word)


def test_destroyed_lab_says_that_its_logs_are_kept() -> None:
    state = judge_lab(["not_created"], DONE, is_launched=True, is_destroyed=True)

    assert state.word == "destroyed"
    assert "kept" in state.sentence


def test_sentence_of_a_failure_is_the_runs_own() -> None:
    failed = RunSeen("launch", "failed", "The disk is full.")

    assert judge_lab(["running"], failed, is_launched=False).sentence == "The disk is full."


@pytest.mark.parametrize("verb", list(Verb))
def test_every_verb_has_a_word_while_it_runs(verb: Verb) -> None:
    assert str(verb) in DOING


@pytest.mark.parametrize(
    ("state", "facts", "kind", "word"),
    [
        ("running", {"is_launched": True}, "ready", "running"),
        ("running", {"is_launched": False}, "attention", "running, not set up"),
        ("running", {"is_launched": False, "is_run_open": True}, "waiting", "running, not set up"),
        ("running", {"is_launched": True, "is_busy": True}, "working", "running"),
        ("poweroff", {"is_launched": True}, "waiting", "powered off"),
        ("", {"is_launched": True}, "unknown", "never looked"),
        ("new_state", {"is_launched": True}, "unknown", "new state"),
    ],
)
def test_machine_is_judged(state: str, facts: dict[str, bool], kind: str, word: str) -> None:
    judged = judge_machine(state, **facts)

    assert (judged.kind, judged.word) == (kind, word)
