"""docker-compose.yml: sound as a file, and its commands run against a real PostgreSQL and a real Redis."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.delivery.compose import SECRETS, services
from tests.delivery.postgres import postgres
from tests.requirements import require
from tests.stack import ROOT, Stack, Visitor, wait_until

ENV = {name: f"{name.lower()}0123456789".replace("_", "") for name in SECRETS}
PASSWORD = "correct horse battery"
REPLACED = {"--host=0.0.0.0": "--host=127.0.0.1"}


class Composed(Stack):
    """The stack of tests/stack.py, with compose's own commands and environment."""

    def __init__(self, var: Path, database: str) -> None:
        super().__init__(var)
        self.services = services(ENV)
        told: dict[str, str] = self.services["web"]["environment"]
        redis = f"redis://:{ENV['REDIS_PASSWORD']}@127.0.0.1:{self.redis_port}/0"
        bin_folder = str(Path(sys.executable).parent)
        self.env |= {**told, "DATABASE_URL": database, "REDIS_URL": redis, "LAB_REHEARSAL_SPEED": "600"}
        self.env["PATH"] = f"{bin_folder}:{os.environ['PATH']}"
        self.env["ALLOWED_HOSTS"] = "localhost 127.0.0.1"

    def command(self, name: str) -> list[str]:
        """Return a service's command, on loopback and this test's ports."""
        every = [*self.services[name]["command"], *(self.redis_options if name == "redis" else ())]
        return [REPLACED.get(word, word).replace("--port=8000", f"--port={self.port}") for word in every]

    @property
    def redis_options(self) -> list[str]:
        return ["--bind", "127.0.0.1", "--port", str(self.redis_port), "--dir", str(self.var)]

    def begin(self) -> "Composed":
        subprocess.run(self.command("migrate"), cwd=ROOT, env=self.env, check=True)
        for name in ("redis", "web", "worker", "shells", "beat"):
            self.start_part(name, *self.command(name))
        wait_until(self.is_ready, 90, "ready")
        return self

    def is_ready(self) -> bool:
        return self.answers(self.port) and Visitor(self.url).open("/readyz")[0] == 200

    def health(self, name: str) -> int:
        """Run a service's own health check."""
        kind, *check = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        return subprocess.run(check, cwd=ROOT, env=self.env, check=False, capture_output=True).returncode


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    bin_folder = require("postgres")
    require("redis")
    with ExitStack() as stack:
        address = stack.enter_context(postgres(bin_folder, ENV["POSTGRES_PASSWORD"]))
        composed = Composed(tmp_path_factory.mktemp("compose") / "var", address)
        stack.callback(composed.stop)
        yield composed.begin()


@pytest.fixture(scope="module")
def administrator(composed: Composed) -> Visitor:
    """The first administrator, made in the browser with the setup token."""
    visitor = Visitor(composed.url)
    visitor.open("/first-run")
    fields = {"username": "ana", "password": PASSWORD, "token": ENV["SETUP_TOKEN"]}
    status, url, text = visitor.open("/first-run", fields)
    assert status == 200 and "first-run" not in url, text[:2000]
    return visitor


def test_compose_commands_run_and_are_healthy(composed: Composed):
    assert {name: composed.health(name) for name in ("worker", "beat", "shells")} == {
        "worker": 0,
        "beat": 0,
        "shells": 0,
    }
    assert {name: part.poll() for name, part in composed.parts.items()} == dict.fromkeys(composed.parts)


def test_compose_carries_a_launch_to_its_end_on_postgresql(composed: Composed, administrator: Visitor):
    text = "scope: machines\nmachines:\n- {role: control-plane, name: controlplane}\n"
    administrator.open("/definitions/import")
    url = administrator.open("/definitions/import", {"name": "try", "text": text})[1]
    slug = url.rstrip("/").rsplit("/", 1)[-1]
    administrator.open(f"/labs/new?definition={slug}")
    fields = {"revision": "1", "host": "1", "name": "try", "provider": "rehearsal"}
    administrator.open("/labs/new", fields)

    with psycopg.connect(composed.env["DATABASE_URL"], autocommit=True) as database:
        wait_until(lambda: ended(database), 120, "the run ends")
        row = database.execute("SELECT status, sentence FROM webapp_run").fetchone()
    assert row is not None and row[0] == "succeeded", row


def ended(database: "psycopg.Connection[Any]") -> bool:
    query = "SELECT count(*) FROM webapp_run WHERE finished_at IS NOT NULL"
    row = database.execute(query).fetchone()
    return bool(row and row[0])


@pytest.mark.parametrize("name", SECRETS)
def test_compose_has_no_default_for_a_secret(name: str):
    with pytest.raises(KeyError):
        services({key: value for key, value in ENV.items() if key != name})


def test_compose_gives_every_service_a_health_check_and_publishes_on_loopback_only():
    every = services(ENV)

    # web's stands in the Dockerfile; migrate ends by itself
    assert {n for n, service in every.items() if "healthcheck" not in service} == {"web"}
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text()
    published = [port for service in every.values() for port in service.get("ports", ())]
    assert published == ["127.0.0.1:8000:8000"]


def test_compose_runs_one_image_for_all_of_ours():
    ours = {name: s["image"] for name, s in services(ENV).items() if "build" in s}

    assert set(ours) == {"migrate", "web", "worker", "shells", "beat"}
    assert len(set(ours.values())) == 1


def test_compose_file_is_valid_for_compose_itself(tmp_path: Path):
    program = require("compose")
    config = [program, "-f", str(ROOT / "docker-compose.yml"), "config", "-q"]

    told = subprocess.run(
        config, env={**os.environ, **ENV}, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    untold = subprocess.run(
        config, env={"PATH": os.environ["PATH"]}, cwd=tmp_path, capture_output=True, check=False
    )

    assert told.returncode == 0, told.stderr
    assert untold.returncode != 0


def test_what_the_image_copies_is_sent_to_the_engine():
    """Not all that lies here is: .dockerignore leaves out everything but what it names with a `!`."""
    sent = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    copied = [path for line in copies for path in line.split()]

    assert sorted(copied) == sorted(sent)
    assert [path for path in copied if not (ROOT / path).exists()] == []


def test_the_image_runs_as_nobody_in_particular_and_checks_every_hash():
    text = (ROOT / "Dockerfile").read_text()

    assert "USER 10001" in text
    assert "--require-hashes" in text
