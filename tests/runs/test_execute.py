"""A run from its request to its end, through the real driver and the rehearsal."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from webapp.accounts.models import User
from webapp.labs.models import Lab
from webapp.logs import store
from webapp.planning.plan import StepKind
from webapp.runs.actions import cancel_run, request_run, retry_run
from webapp.runs.execute import FAULT, execute_run
from webapp.runs.models import Run, Step
from webapp.runs.outcome import Outcome, StepContext, canceled, wait_or_stop
from webapp.vagrant.errors import VagrantError

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
    broken = run.steps.get(status="failed")
    skipped = set(run.steps.filter(status="skipped").values_list("sentence", flat=True))
    assert f"Not run: “{broken.title}” on winw1 did not succeed." in skipped

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


def test_a_fault_of_the_walker_stops_what_runs_and_leaves_no_step_open(stored_lab: StoredLab, owner: User):
    stopped: list[bool] = []

    def up(context: StepContext) -> Outcome:
        if context.step.machine == "controlplane":
            return Outcome(cast(Any, None))  # what no walker can settle
        stopped.append(wait_or_stop(context, 30))
        return canceled()

    run, _ = request_run(stored_lab(), "up", owner)
    with pytest.raises(AttributeError):
        execute_run(run.pk, {StepKind.UP: up})

    run.refresh_from_db()
    assert (stopped, run.status, run.sentence) == ([True], "failed", FAULT)
    assert set(run.steps.values_list("status", flat=True)) <= {"succeeded", "failed", "skipped"}
    assert store.size(run.log_id).complete == "failed"


def test_a_vagrant_that_refuses_is_no_fault_of_the_dashboard(stored_lab: StoredLab, owner: User):
    def halt(context: StepContext) -> Outcome:
        raise VagrantError("", "Vagrant is gone.")

    run, _ = request_run(stored_lab(), "halt", owner, machine="winw1")
    execute_run(run.pk, {StepKind.HALT: halt})

    step = run.steps.get(key="winw1 halt")
    assert (step.status, step.attempt) == ("failed", 2)
    assert step.sentence == "Vagrant is gone. It failed twice in the same way, so it is not tried again."


def test_a_secret_in_a_childs_last_words_is_stored_nowhere(stored_lab: StoredLab, owner: User):
    def halt(context: StepContext) -> Outcome:
        context.note("It said: password=hunter22")
        raise VagrantError("", "Wrong option --docker-password hunter22")

    run, _ = request_run(stored_lab(), "halt", owner, machine="winw1")
    execute_run(run.pk, {StepKind.HALT: halt})

    run.refresh_from_db()
    step = run.steps.get(key="winw1 halt")
    stored = [run.sentence, step.sentence, step.signature, *texts(run)]
    assert "[redacted]" in step.sentence
    assert not [text for text in stored if "hunter22" in text]
