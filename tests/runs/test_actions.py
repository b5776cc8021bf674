"""What is asked for: refused in words, handed over again when the message was lost."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from django.utils import timezone

from tests.factories import RunFactory
from webapp.accounts.models import User
from webapp.labs.models import Lab
from webapp.planning.plan import Plan
from webapp.runs.actions import RunError, enqueue_forgotten, request_run, retry_refusal, retry_run
from webapp.runs.models import Run

StoredLab = Callable[..., Lab]


def fail(run: Run, at: str) -> Run:
    """End a run as if all its steps but one had been done."""
    run.steps.update(status="succeeded")
    run.steps.filter(key=at).update(status="failed")
    Run.objects.filter(pk=run.pk).update(status="failed")
    return run.refreshed()


@pytest.mark.parametrize(
    "name", ["", "--force", "-f", "a b", "a/b", "größe", "x" * 61, "a\n", "a\0"], ids=repr
)
def test_a_snapshots_name_is_no_option_of_vagrants(stored_lab: StoredLab, owner: User, name: str):
    with pytest.raises(RunError, match="A snapshot's name has"):
        request_run(stored_lab(), "snapshot-save", owner, snapshot=name)

    assert not Run.objects.exists()


@pytest.mark.parametrize("name", ["joined", "_1", "a-b_C", "x" * 60], ids=repr)
def test_a_snapshots_name_may_be_plain(stored_lab: StoredLab, owner: User, name: str):
    run, _ = request_run(stored_lab(), "snapshot-save", owner, snapshot=name)

    assert run.snapshot == name


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("run", "lab", "refusal"),
    [
        ({"status": "failed"}, {}, ""),
        ({"status": "running"}, {}, "has not ended"),
        ({"status": "succeeded"}, {}, "nothing is left to do"),
        ({"status": "failed"}, {"destroyed_at": timezone.now()}, "has been destroyed"),
        ({"status": "failed", "verb": "halt"}, {"held_for": "held for a pairing"}, "held for a pairing"),
        ({"status": "failed", "verb": "suspend"}, {"provider": "docker"}, "docker cannot suspend"),
    ],
    ids=["possible", "open", "succeeded", "destroyed", "held", "provider"],
)
def test_retry_refusal_tells_the_first_reason(run: dict[str, Any], lab: dict[str, Any], refusal: str):
    found = RunFactory(**run, **{f"lab__{name}": value for name, value in lab.items()})

    said = retry_refusal(found, found)

    assert refusal in said
    assert bool(said) is bool(refusal)


def test_a_step_that_is_undone_between_two_retries_is_waited_for_again(stored_lab: StoredLab, owner: User):
    lab = stored_lab()
    lab.machines.update(state="running")
    run = fail(request_run(lab, "launch", owner)[0], "winw1 windows-network")
    run = fail(retry_run(run, owner)[0], "winw1 windows-network")
    lab.machines.update(state="not_created")

    again, _ = retry_run(run, owner)

    step = next(step for step in Plan.from_json(again.plan).steps if step.key == "winw1 windows-network")
    assert again.steps.get(key="winw1 windows-preflight").status == "waiting"
    assert "winw1 windows-preflight" in step.needs


@pytest.mark.django_db(transaction=True)
def test_messages_sent_again_do_not_pile_up_for_a_worker_that_is_away(monkeypatch: pytest.MonkeyPatch):
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(Celery, "send_task", lambda *_, **options: sent.append(options["expires"]))
    RunFactory(status="pending")

    count = enqueue_forgotten(timezone.now() + timedelta(minutes=1), 15)

    assert (count, sent) == (1, [60])


def test_a_lab_destroyed_since_its_page_was_read_gets_no_run(stored_lab: StoredLab, owner: User):
    lab = stored_lab()
    Lab.objects.filter(pk=lab.pk).update(destroyed_at=timezone.now())  # `lab` does not know

    with pytest.raises(RunError, match="has been destroyed"):
        request_run(lab, "up", owner)

    assert not Run.objects.exists()
