"""Which Redis `make up` starts: each binary that a locked package brings really serves."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.stack import wait_until
from webapp.management.redis_server import RedisServer, candidates, choose_redis, find_binary, runs


@pytest.fixture
def empty_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A PATH on which no Redis is found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def server_named(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\nexit 0\n")
    path.chmod(0o755)
    return path


def bundled() -> Iterator[Path]:
    return (path for path in candidates() if "site-packages" in path.parts)


def test_candidates_of_the_path_come_before_the_packages(empty_path: Path):
    valkey = server_named(empty_path, "valkey-server")
    ours = server_named(empty_path, "redis-server")

    assert list(candidates())[:2] == [ours, valkey]


def test_find_binary_takes_a_package_when_the_path_has_none(empty_path: Path):
    assert "site-packages" in find_binary().parts


def test_find_binary_passes_over_a_binary_that_does_not_run(empty_path: Path):
    broken = server_named(empty_path, "redis-server")
    broken.write_text("#!/bin/sh\nexit 127\n")

    assert find_binary() != broken


@pytest.mark.parametrize("binary", [pytest.param(path, id=path.parts[-3]) for path in bundled()])
@pytest.mark.parametrize(
    "folder", ["short", 'o d%41d#[x]?"\\é', "long" * 30], ids=["socket", "odd socket", "loopback port"]
)
def test_bundled_binary_serves(binary: Path, folder: str, tmp_path: Path):
    chosen = choose_redis(tmp_path / folder)
    server = RedisServer(chosen.url, binary, chosen.config)

    process = subprocess.Popen(server.command, stdout=subprocess.DEVNULL)

    try:
        wait_until(lambda: answers(server.url), 10, f"{binary} answers")
    finally:
        process.terminate()
        process.wait(10)


def answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


def test_a_package_brings_a_redis_for_this_python():
    assert any(runs(binary) for binary in bundled())


def test_choose_redis_keeps_its_configuration_to_this_user(tmp_path: Path):
    server = choose_redis(tmp_path / ("long" * 30))

    assert server.config.stat().st_mode & 0o777 == 0o600
    assert server.config.parent.stat().st_mode & 0o777 == 0o700
    assert server.url.startswith("redis://:")
