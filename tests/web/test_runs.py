"""The run page: who sees it, what its buttons say and do, how many queries it takes."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.factories import RunFactory, StepFactory
from webapp.accounts.models import User
from webapp.executions.models import Status
from webapp.labs.models import Lab
from webapp.logs import store
from webapp.logs.lines import LogLine
from webapp.runs.models import Run, Step

SignIn = Callable[[User], Client]
PAGES = ["run", "run-head", "run-steps"]
# Session and person 2; run, members, machines, newest, steps 5; log and its chunks 3.
QUERIES = {"run": 10, "run-head": 8, "run-steps": 8}


@pytest.fixture
def run(lab: Lab) -> Run:
    now = timezone.now()
    run = RunFactory(lab=lab, number=1, status=Status.RUNNING, started_at=now - timedelta(minutes=4))
    StepFactory(
        run=run,
        number=1,
        key="validate",
        title="Check",
        status=Step.Status.SUCCEEDED,
        started_at=now - timedelta(seconds=62),
        finished_at=now,
        usual_s=10,
        first_line=0,
    )
    StepFactory(
        run=run,
        number=2,
        key="winw1 up",
        title="Bring up",
        machine="winw1",
        status=Step.Status.FAILED,
        attempt=2,
        sentence="The machine did not answer.",
        first_line=1,
    )
    store.append(
        run.log_id,
        [LogLine("", "output", "hello"), LogLine("winw1", "error", "\x1b[31mbroken\x1b[0m")],
        at_ms=1,
    )
    return run


def address(name: str, run: Run) -> str:
    return reverse(name, args=[run.lab.slug, run.number])


def end(run: Run, status: Status) -> None:
    Run.objects.filter(pk=run.pk).update(status=status, finished_at=timezone.now())


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.django_db
def test_page_and_fragments_work(run: Run, stranger: User, sign_in: SignIn, name: str) -> None:
    answer = sign_in(stranger).get(address(name, run))

    assert answer.status_code == 200


@pytest.mark.parametrize("name", [*PAGES, "run-cancel", "run-retry"])
@pytest.mark.django_db
def test_anonymous_is_sent_to_sign_in(run: Run, client: Client, name: str) -> None:
    method = client.post if name in {"run-cancel", "run-retry"} else client.get

    assert method(address(name, run)).status_code == 302


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.django_db
def test_page_refuses_post(run: Run, owner: User, sign_in: SignIn, name: str) -> None:
    assert sign_in(owner).post(address(name, run)).status_code == 405


@pytest.mark.parametrize("name", ["run-cancel", "run-retry"])
@pytest.mark.django_db
def test_action_refuses_get_and_viewers(run: Run, stranger: User, sign_in: SignIn, name: str) -> None:
    client = sign_in(stranger)

    assert client.get(address(name, run)).status_code == 405
    assert client.post(address(name, run)).status_code == 403


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.django_db
def test_page_takes_a_fixed_number_of_queries(
    run: Run,
    owner: User,
    sign_in: SignIn,
    django_assert_num_queries: Callable,
    name: str,  # type: ignore[type-arg]
) -> None:
    StepFactory.create_batch(20, run=run)
    client = sign_in(owner)

    with django_assert_num_queries(QUERIES[name]):
        client.get(address(name, run))


@pytest.mark.django_db
def test_page_of_another_lab_is_not_found(run: Run, owner: User, sign_in: SignIn) -> None:
    assert sign_in(owner).get(reverse("run", args=[run.lab.slug, 99])).status_code == 404


@pytest.mark.django_db
def test_page_shows_steps_sentence_rehearsal_and_plain_lines(run: Run, owner: User, sign_in: SignIn) -> None:
    text = sign_in(owner).get(address("run", run)).content.decode()

    assert 'data-step="2"' in text
    assert "The machine did not answer." in text
    assert "This lab is a rehearsal" in text
    assert "[error] winw1  broken" in text
    assert "usual 0:10" in text
    assert "1:02" in text


@pytest.mark.django_db
def test_plain_log_leads_to_older_lines(run: Run, owner: User, sign_in: SignIn) -> None:
    store.append(run.log_id, [LogLine("", "output", f"line {n}") for n in range(2, 1000)], at_ms=2)
    client = sign_in(owner)

    newest = client.get(address("run", run)).content.decode()
    older = client.get(f"{address('run', run)}?after=599").content.decode()

    assert 'href="?after=599#log"' in newest
    assert "line 999\n" in newest
    assert "line 600\n" in older
    assert "line 800\n" not in older


@pytest.mark.parametrize("after", ["x", "-7", "1e3", "99999999999999999999", "٣"])
@pytest.mark.django_db
def test_rubbish_in_the_address_shows_the_tail(run: Run, owner: User, sign_in: SignIn, after: str) -> None:
    answer = sign_in(owner).get(address("run", run), {"after": after})

    assert "hello" in answer.content.decode()


@pytest.mark.django_db
def test_cancel_asks_the_run_to_stop_once(run: Run, guest: User, sign_in: SignIn) -> None:
    client = sign_in(guest)

    first = client.post(address("run-cancel", run))
    second = client.post(address("run-cancel", run), follow=True)

    run.refresh_from_db()
    assert first.status_code == 302
    assert run.cancel_requested_by == guest
    assert "ben has asked it to stop." in second.content.decode()


@pytest.mark.django_db
def test_cancel_of_an_ended_run_changes_nothing(run: Run, owner: User, sign_in: SignIn) -> None:
    end(run, Status.FAILED)

    sign_in(owner).post(address("run-cancel", run))

    run.refresh_from_db()
    assert (run.status, run.cancel_requested_at) == (Status.FAILED, None)


@pytest.mark.django_db
def test_retry_of_an_open_run_stays_there(run: Run, owner: User, sign_in: SignIn) -> None:
    answer = sign_in(owner).post(address("run-retry", run))

    assert answer["Location"] == address("run", run)
    assert run.lab.runs.count() == 1


@pytest.mark.django_db
def test_retry_of_a_succeeded_run_says_why_not(run: Run, owner: User, sign_in: SignIn) -> None:
    end(run, Status.SUCCEEDED)

    answer = sign_in(owner).post(address("run-retry", run), follow=True)

    assert "nothing is left to do" in answer.content.decode()
    assert run.lab.runs.count() == 1


@pytest.mark.django_db
def test_retry_leads_to_the_new_run(run: Run, owner: User, sign_in: SignIn) -> None:
    end(run, Status.FAILED)

    answer = sign_in(owner).post(address("run-retry", run))

    assert answer["Location"] == reverse("run", args=[run.lab.slug, 2])


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        pytest.param(Status.RUNNING, "The run has not ended.", id="open"),
        pytest.param(Status.SUCCEEDED, "The run succeeded; nothing is left to do.", id="succeeded"),
    ],
)
@pytest.mark.django_db
def test_disabled_button_says_why(
    run: Run, owner: User, sign_in: SignIn, status: Status, reason: str
) -> None:
    if status != Status.RUNNING:
        end(run, status)

    text = sign_in(owner).get(address("run-head", run)).content.decode()

    assert f'disabled title="{reason}"' in text


@pytest.mark.django_db
def test_retry_of_a_destroy_is_for_who_may_destroy(
    run: Run, owner: User, member: User, sign_in: SignIn
) -> None:
    Run.objects.filter(pk=run.pk).update(verb="destroy")
    end(run, Status.CANCELED)

    refused = sign_in(member).post(address("run-retry", run)).status_code
    head = sign_in(member).get(address("run-head", run)).content.decode()
    allowed = sign_in(owner).post(address("run-retry", run)).status_code

    assert (refused, allowed) == (403, 302)
    assert "Only the lab&#x27;s owner and administrators destroy." in head


@pytest.mark.django_db
def test_viewer_sees_buttons_that_say_why_not(run: Run, stranger: User, sign_in: SignIn) -> None:
    text = sign_in(stranger).get(address("run-head", run)).content.decode()

    assert text.count("You may look at this lab, not operate it.") == 3


@pytest.mark.django_db
def test_outline_tells_steps_and_machines_without_text(run: Run, stranger: User, sign_in: SignIn) -> None:
    answer = sign_in(stranger).get(reverse("log-outline", args=[run.log_id]), {"after": "0"})

    assert answer.json() == {"first": 1, "runs": [[1, 0, "winw1"]], "count": 2}
    assert sign_in(stranger).post(reverse("log-outline", args=[run.log_id])).status_code == 405


@pytest.mark.django_db
def test_outline_is_for_people_who_are_signed_in(run: Run, client: Client) -> None:
    assert client.get(reverse("log-outline", args=[run.log_id])).status_code == 302
    assert client.get(reverse("log-outline", args=[run.log_id + 1])).status_code == 302


@pytest.mark.parametrize(("name", "of"), [("run-head", ["number"]), ("lab-head", [])])
def test_head_says_since_when_no_worker_has_reported(
    sign_in: SignIn, owner: User, run: Run, name: str, of: list[str]
) -> None:
    run.lab.host.seen_at = timezone.now() - timedelta(minutes=3)
    run.lab.host.save()

    page = sign_in(owner).get(reverse(name, args=[run.lab.slug, *(getattr(run, field) for field in of)]))

    assert "has reported for <time" in page.content.decode()
    assert "Start the worker on" in page.content.decode()


def test_head_of_an_ended_run_asks_for_no_worker(sign_in: SignIn, owner: User, run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(status=Status.SUCCEEDED)
    run.lab.host.seen_at = None
    run.lab.host.save()

    assert "Start the worker" not in sign_in(owner).get(address("run-head", run)).content.decode()
