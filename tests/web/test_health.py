"""Alive, ready, measured."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from tests.factories import HostFactory, LabFactory, LogFactory, RunFactory, StepFactory
from tests.stack import Stack
from webapp.accounts.models import User
from webapp.hosts.models import Host

SignIn = Callable[[User], Client]
NO_REDIS = "redis://127.0.0.1:1/0"
TOKEN = "a token of this test"


@pytest.fixture
def redis_url(tmp_path: Path, settings) -> str:  # type: ignore[no-untyped-def]  # pytest-django's own
    """A real Redis of this test's own."""
    stack = Stack(tmp_path / "redis-stack")
    stack.start_redis()
    settings.REDIS_URL = stack.env["REDIS_URL"]
    yield settings.REDIS_URL
    stack.stop()


@pytest.fixture
def seen_host(db: None) -> Host:
    return HostFactory(name="local")


@pytest.fixture
def token(settings) -> dict[str, str]:  # type: ignore[no-untyped-def]  # pytest-django's own
    settings.METRICS_TOKEN = TOKEN
    return {"authorization": f"Bearer {TOKEN}"}


def test_healthz_answers_anybody_without_a_database(client: Client):
    answer = client.get("/healthz")

    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_healthz_answers_whatever_name_it_is_asked_by(client: Client, settings):
    settings.ALLOWED_HOSTS = ["lab.example.org"]

    asked = {path: client.get(path, headers={"host": "127.0.0.1:8000"}) for path in ("/healthz", "/sign-in")}

    assert {path: answer.status_code for path, answer in asked.items()} == {"/healthz": 200, "/sign-in": 400}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_health_refuses_post(client: Client, path: str):
    assert client.post(path).status_code == 405


def test_readyz_is_200_when_all_parts_are_there(client: Client, seen_host: Host, redis_url: str):
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"ready": True})


def test_readyz_tells_a_signed_in_person_what_fails(sign_in: SignIn, stranger: User, settings):
    settings.REDIS_URL = NO_REDIS
    HostFactory(seen_at=timezone.now() - timedelta(seconds=31))

    answer = sign_in(stranger).get("/readyz")

    checks = answer.json()["checks"]
    assert answer.status_code == 503
    assert checks["database"] == "ok"
    assert checks["redis"].startswith("Redis does not answer: ")
    assert checks["worker"] == "No worker has reported within 30 s."


def test_readyz_tells_anonymous_visitors_no_details(client: Client, db: None, settings):
    settings.REDIS_URL = NO_REDIS

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (503, {"ready": False})


def test_readyz_tells_details_to_the_token(client: Client, db: None, settings, token: dict[str, str]):
    settings.REDIS_URL = NO_REDIS

    assert set(client.get("/readyz", headers=token).json()["checks"]) == {"database", "redis", "worker"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": "Bearer "},
    ],
    ids=["none", "wrong token", "wrong scheme", "empty token"],
)
def test_metrics_refuses_without_the_token(
    client: Client, db: None, token: dict[str, str], headers: dict[str, str]
):
    answer = client.get("/metrics", headers=headers)

    assert answer.status_code == 401
    assert "lab_runs" not in answer.content.decode()


def test_metrics_takes_no_empty_token_when_none_is_set(client: Client, db: None, settings):
    settings.METRICS_TOKEN = ""

    assert client.get("/metrics", headers={"authorization": "Bearer "}).status_code == 401


def test_metrics_refuses_a_member(sign_in: SignIn, member: User):
    assert sign_in(member).get("/metrics").status_code == 401


def test_metrics_shows_an_administrator_everything(sign_in: SignIn, administrator: User, settings):
    settings.REDIS_URL = NO_REDIS

    answer = sign_in(administrator).get("/metrics")

    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")


def test_metrics_counts_what_is_stored(
    client: Client, redis_url: str, seen_host: Host, token: dict[str, str]
):
    now = timezone.now()
    run = RunFactory(status="failed", log=LogFactory(line_count=1234, byte_count=99))
    for seconds in (0.5, 20, 5000):
        StepFactory(run=run, kind="up", started_at=now - timedelta(seconds=seconds), finished_at=now)
    StepFactory(run=run, kind="up", started_at=now, finished_at=now, is_carried=True)

    text = client.get("/metrics", headers=token).content.decode()

    expected = {
        'lab_runs{status="failed"} 1.0', 'lab_runs{status="running"} 0.0', "lab_log_lines_total 1234.0",
        'lab_step_duration_seconds_bucket{kind="up",le="1.0"} 1.0', "lab_redis_up 1.0", "lab_viewers 0.0",
        'lab_step_duration_seconds_bucket{kind="up",le="30.0"} 2.0',
        'lab_queue_depth{queue="host-local"} 0.0',
        'lab_step_duration_seconds_bucket{kind="up",le="+Inf"} 3.0', 'lab_host_seen{host="local"} 1.0',
        'lab_step_duration_seconds_sum{kind="up"} 5020.5', 'lab_step_duration_seconds_count{kind="up"} 3.0',
    }  # fmt: skip
    assert expected <= set(text.splitlines())


def test_metrics_say_so_when_redis_is_gone(client: Client, db: None, settings, token: dict[str, str]):
    settings.REDIS_URL = NO_REDIS

    text = client.get("/metrics", headers=token).content.decode()

    assert "lab_redis_up 0.0" in text
    assert "lab_queue_depth{" not in text


def test_metrics_count_no_destroyed_lab(client: Client, token: dict[str, str], redis_url: str, db: None):
    LabFactory()
    LabFactory(destroyed_at=timezone.now())

    said = client.get("/metrics", headers=token).content.decode()

    assert "lab_labs 1.0" in said
