"""A run from its request to its end, through the real driver and the rehearsal."""

from collections.abc import Callable

import pytest

from webapp.accounts.models import User
from webapp.labs.models import Lab
from webapp.logs import store
from webapp.runs.actions import cancel_run, request_run, retry_run
from webapp.runs.execute import execute_run
from webapp.runs.models import Run, Step

StoredLab = Callable[..., Lab]


def carry_out(lab: Lab, verb: str, by: User, **options: str) -> Run:
    run, created = request_run(lab, verb, by, **options)
    assert created
    execute_run(run.pk)
    run.refresh_from_db()
    return run


def texts(run: Run) -> list[str]:
    return [line[4] for line in store.read(run.log_id, -1, 100_000).lines]


def test_launch_ends_with_running_machines_and_a_complete_log(stored_lab: StoredLab, owner: User):
    lab = stored_lab()

    run = carry_out(lab, "launch", owner)

    assert run.status == "succeeded", run.sentence
    assert {m.state for m in lab.machines.all()} == {"running"}
    assert set(run.steps.values_list("status", flat=True)) == {"succeeded"}
    page = store.read(run.log_id, -1, 10)
    assert page.complete == "succeeded"
    assert page.line_count == len(texts(run))


def test_every_line_of_the_child_is_in_the_log_once(stored_lab: StoredLab, owner: User):
    run = carry_out(stored_lab(), "launch", owner)

    booted = [line for line in texts(run) if "rehearsal" in line.lower() and "no machine is started" in line]
    assert len(booted) == 1


@pytest.mark.parametrize(
    ("verb", "state"), [("halt", "poweroff"), ("suspend", "saved"), ("reload", "running")], ids=str
)
def test_a_verb_ends_in_the_state_it_asks_for(stored_lab: StoredLab, owner: User, verb: str, state: str):
    lab = stored_lab()
    carry_out(lab, "launch", owner)

    run = carry_out(lab, verb, owner)

    assert run.status == "succeeded", run.sentence
    assert {m.state for m in lab.machines.all()} == {state}


def test_destroy_forgets_the_lab_and_removes_its_folder(stored_lab: StoredLab, owner: User, var):
    lab = stored_lab()
    carry_out(lab, "launch", owner)

    run = carry_out(lab, "destroy", owner)

    lab.refresh_from_db()
    assert run.status == "succeeded", run.sentence
    assert lab.destroyed_at is not None
    assert not (var / "labs" / lab.slug).exists()


def test_snapshots_are_saved_restored_and_deleted(stored_lab: StoredLab, owner: User):
    lab = stored_lab()
    carry_out(lab, "launch", owner)

    ends = [
        carry_out(lab, f"snapshot-{verb}", owner, snapshot="joined").status
        for verb in ("save", "restore", "delete")
    ]

    assert ends == ["succeeded"] * 3


def test_a_machine_that_boots_deaf_is_not_taken_for_up(stored_lab: StoredLab, owner: User):
    lab = stored_lab("scope: machines\nrehearsal: {speed: 2000, mishaps: ['winw1:boot-timeout']}\n")

    run = carry_out(lab, "launch", owner)

    up = run.steps.get(key="winw1 up")
    assert (run.status, up.status, up.attempt) == ("failed", Step.Status.FAILED, 2)
    assert "remote shell does not answer" in up.sentence
    assert run.steps.get(key="controlplane up").status == Step.Status.SUCCEEDED
    assert {m.state for m in lab.machines.all()} == {"running"}


def test_a_step_that_fails_twice_the_same_way_is_not_tried_again(stored_lab: StoredLab, owner: User):
    lab = stored_lab(
        "scope: machines\nrehearsal: {speed: 2000, mishaps: ['winw1 windows-network:provisioner-failure']}\n"
    )

    run = carry_out(lab, "launch", owner)

    step = run.steps.get(key="winw1 windows-network")
    assert (run.status, step.status, step.attempt) == ("failed", Step.Status.FAILED, 2)
    assert "failed twice in the same way" in step.sentence


def test_retry_goes_on_where_the_first_run_failed(stored_lab: StoredLab, owner: User):
    strikes = ["once:winw1 windows-preflight:provisioner-failure", "once:winw1 windows-preflight:crash"]
    lab = stored_lab(f"scope: machines\nrehearsal: {{speed: 2000, mishaps: {strikes}}}\n")
    run = carry_out(lab, "launch", owner)
    assert run.status == "failed", run.sentence

    again, created = retry_run(run, owner)
    execute_run(again.pk)
    again.refresh_from_db()

    assert created
    assert again.status == "succeeded", again.sentence
    assert again.steps.get(key="controlplane linux-prepare").is_carried
    assert not again.steps.get(key="winw1 windows-preflight").is_carried


def test_a_run_that_another_worker_has_is_left_alone(stored_lab: StoredLab, owner: User):
    run, _ = request_run(stored_lab(), "launch", owner)
    execute_run(run.pk)
    lines = len(texts(run))

    execute_run(run.pk)

    assert len(texts(run)) == lines


def test_a_second_request_gets_the_first_run(stored_lab: StoredLab, owner: User):
    lab = stored_lab()
    first, _ = request_run(lab, "launch", owner)

    second, created = request_run(lab, "halt", owner)

    assert (second.pk, created) == (first.pk, False)


def test_a_pending_run_is_canceled_at_once(stored_lab: StoredLab, owner: User):
    run, _ = request_run(stored_lab(), "launch", owner)

    assert cancel_run(run, owner)
    execute_run(run.pk)

    run.refresh_from_db()
    assert run.status == "canceled"
    assert set(run.steps.values_list("status", flat=True)) == {"skipped"}
