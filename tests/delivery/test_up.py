"""`make up`: one terminal, every process, and nothing left behind."""

import re
import shutil
import signal
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.delivery.conftest import Up
from tests.stack import ROOT, free_port, wait_until

Start = Callable[..., Up]
PARTS = ("redis-server", "uvicorn", " worker ", " beat ", "manage.py shells")


def test_up_prints_the_address_and_a_password_that_works_the_first_time_only(started: Start):
    first = started().wait_for_address()
    visitor = first.visitor()
    wait_until(first.is_ready, 30, "ready")
    assert visitor.json("/readyz")["checks"]["worker"] == "ok"
    assert first.end() == 0
    first.wait_for_nothing()

    second = started().wait_for_address()

    assert "password" not in second.output


def test_up_keeps_redis_to_this_user(lasting: Up):
    folder = lasting.log.parent / "var" / "redis"

    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "redis.sock").is_socket()


def test_up_keeps_the_database_to_this_user(lasting: Up):
    found = list((lasting.log.parent / "var").glob("lab.sqlite3*"))

    assert found and {one.stat().st_mode & 0o777 for one in found} == {0o600}


def test_up_takes_a_port_and_a_password_when_the_path_is_too_long_for_a_socket(
    started: Start, tmp_path: Path
):
    long = tmp_path / ("long" * 25)

    up = started(long).wait_for_address()

    config = (long / "var" / "redis" / "redis.conf").read_text()
    assert re.search(r"^bind 127\.0\.0\.1$", config, re.MULTILINE)
    assert re.search(r"^requirepass \S{40,}$", config, re.MULTILINE)
    wait_until(up.is_ready, 30, "ready")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_up_ends_every_process_when_it_is_told_to(started: Start, number: signal.Signals):
    up = started().wait_for_address()
    for part in PARTS:
        up.one(part)

    code = up.end(number)

    assert code == 0
    assert up.processes() == []
    assert "Traceback" not in up.output


def test_up_does_not_wait_when_it_is_told_to_end_twice(started: Start):
    up = started().wait_for_address()
    up.process.send_signal(signal.SIGINT)
    wait_until(lambda: not up.processes("uvicorn"), 30, "it has begun to end")

    up.end(signal.SIGINT)

    up.wait_for_nothing()


@pytest.mark.parametrize("victim", ["manage.py", "supervisord"])
def test_up_leaves_nothing_behind_when_it_is_killed(started: Start, victim: str):
    up = started().wait_for_address()

    up.one(victim).kill()

    up.process.wait(60)
    up.wait_for_nothing()


@pytest.mark.parametrize("part", PARTS, ids=str.strip)
def test_up_starts_again_what_dies(lasting: Up, part: str):
    up = lasting
    wait_until(up.is_ready, 30, "ready")
    first = up.one(part)

    first.kill()

    wait_until(lambda: [p for p in up.processes(part) if p.pid != first.pid], 30, f"{part} again")
    wait_until(up.is_ready, 30, "ready again")
    assert up.process.poll() is None


def test_up_ends_a_running_vagrant_with_it(started: Start, tmp_path: Path):
    environments = tmp_path / "environments"
    shutil.copytree(ROOT / "environments", environments)
    shutil.copy2(ROOT / "tests" / "chaos" / "chatter", environments / "rehearsal" / "vagrant")
    (environments / "rehearsal" / "chatter.json").write_text('{"lines": 1000000, "rate": 50}')
    up = started(LAB_ENVIRONMENTS=str(environments)).wait_for_address()
    launch(up)
    up.one("rehearsal/vagrant")

    assert up.end() == 0

    up.wait_for_nothing()


def launch(up: Up) -> None:
    """Import a definition and press Launch, as a person without JavaScript does."""
    visitor = up.visitor()
    wait_until(up.is_ready, 30, "ready")
    text = "scope: machines\nmachines:\n- {role: control-plane, name: controlplane}\n"
    visitor.open("/definitions/import")
    url = visitor.open("/definitions/import", {"name": "try", "text": text})[1]
    slug = url.rstrip("/").rsplit("/", 1)[-1]
    visitor.open(f"/labs/new?definition={slug}")
    fields = {"revision": "1", "host": "1", "name": "try", "provider": "rehearsal"}
    status, url, page = visitor.open("/labs/new", fields)
    assert status == 200 and "/runs/" in url, (url, page[:1000])


def test_up_says_that_the_port_is_taken_in_one_sentence(started: Start):
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        up = started(PORT=port)

        assert up.process.wait(60) == 1
    assert f"Port {port} of 127.0.0.1 cannot be used (address already in use)" in up.output
    assert len(up.output.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"PORT": "80800"}, "PORT=80800 is no port; write a number from 1 to 65535."),
        (
            {"DATABASE_URL": f"postgres://nobody:none@127.0.0.1:{free_port()}/none"},
            "The database cannot be brought",
        ),
    ],
    ids=["no port", "no database"],
)
def test_up_refuses_what_cannot_work_in_one_sentence(started: Start, env: dict[str, str], sentence: str):
    up = started(**env)

    assert up.process.wait(60) == 1
    assert sentence in up.output
    assert len(up.output.strip().splitlines()) == 1


def test_up_refuses_to_run_twice_on_one_folder(started: Start):
    started().wait_for_address()

    second = started()

    assert second.process.wait(60) == 1


def test_up_starts_no_redis_when_it_is_given_one(started: Start, tmp_path: Path):
    started(tmp_path / "first").wait_for_address()
    url = f"unix://{tmp_path}/first/var/redis/redis.sock?db=1"

    second = started(tmp_path / "second", REDIS_URL=url).wait_for_address()

    wait_until(second.is_ready, 30, "ready")
    assert second.processes("redis-server") == []
