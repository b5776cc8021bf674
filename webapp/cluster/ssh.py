"""One kept SSH connection a guest and process, in one event loop thread; never `vagrant` in a loop.

`vagrant ssh-config` is asked once for a connection; when it breaks, the next question asks again,
because a machine may have come back under another port or key.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import asyncssh

from webapp.process import Completed

CONNECT_S = 10
KEEPALIVE_S = 15
MOST_BYTES = 32 * 1024 * 1024


class SshError(Exception):
    """The guest could not be asked; a sentence."""


@dataclass(frozen=True)
class Way:
    """How to reach a guest over SSH. `host_key`: the only one that is spoken to, "" = any (Vagrant's)."""

    host: str
    port: int
    user: str
    key_files: tuple[str, ...] = ()
    key_text: str = field(default="", repr=False)
    password: str | None = field(default=None, repr=False)
    host_key: str = ""


def parse_ssh_config(text: str) -> Way:
    """Read what `vagrant ssh-config` prints for one machine. SshError when it names no host."""
    values: dict[str, list[str]] = {}
    for line in text.splitlines():
        word, _, value = line.strip().partition(" ")
        values.setdefault(word.lower(), []).append(value.strip().strip('"'))
    host, port = values.get("hostname", [""])[0], values.get("port", ["22"])[0]
    if not host or not port.isdecimal():
        raise SshError("Vagrant's ssh-config names no host for it.")
    return Way(host, int(port), values.get("user", ["vagrant"])[0], tuple(values.get("identityfile", ())))


class Connections:
    """The kept connections of this process, by any key; safe from every thread."""

    def __init__(self) -> None:
        asyncssh.set_log_level("WARNING")  # it tells of every command
        self._loop = asyncio.new_event_loop()
        self._kept: dict[object, asyncssh.SSHClientConnection] = {}
        self._locks: dict[object, asyncio.Lock] = {}
        threading.Thread(target=self._loop.run_forever, name="ssh", daemon=True).start()

    def run(self, key: object, find_way: Callable[[], Way], command: str, *, timeout_s: float) -> Completed:
        """Run a command; `find_way` is called only when there is no connection. Raises SshError."""
        future = asyncio.run_coroutine_threadsafe(self._run(key, find_way, command, timeout_s), self._loop)
        return future.result()

    def host_key(self, host: str, port: int, *, timeout_s: float) -> str:
        """Return the key that a machine shows, as OpenSSH writes it. Raises SshError."""
        future = asyncio.run_coroutine_threadsafe(self._host_key(host, port, timeout_s), self._loop)
        return future.result()

    async def _host_key(self, host: str, port: int, timeout_s: float) -> str:
        try:
            async with asyncio.timeout(timeout_s):
                key = await asyncssh.get_server_host_key(host, port, config=None)
        except TimeoutError as error:
            raise SshError(f"Nobody answered at {host}:{port} within {timeout_s:g} s.") from error
        except (OSError, asyncssh.Error) as error:
            raise SshError(f"SSH: {error}") from error
        if key is None:
            raise SshError("It showed no host key.")
        return key.export_public_key().decode().strip()

    def forget(self, key: object) -> None:
        """Close a connection, e.g. of a lab that is gone."""
        self._loop.call_soon_threadsafe(self._drop, key)

    async def _run(
        self, key: object, find_way: Callable[[], Way], command: str, timeout_s: float
    ) -> Completed:
        try:
            async with asyncio.timeout(timeout_s):
                connection = await self._connection(key, find_way)
                done = await connection.run(command, encoding="utf-8", errors="replace")
        except TimeoutError as error:
            self._drop(key)
            raise SshError(f"It did not answer over SSH within {timeout_s:g} s.") from error
        except asyncssh.HostKeyNotVerifiable as error:
            self._drop(key)
            raise SshError(
                "It shows another host key than when it was added. If it was made anew, "
                "remove it and add it again."
            ) from error
        except (OSError, ValueError, asyncssh.Error) as error:
            self._drop(key)
            raise SshError(f"SSH: {error}") from error
        return Completed(done.exit_status, text_of(done.stdout), text_of(done.stderr))

    async def _connection(self, key: object, find_way: Callable[[], Way]) -> asyncssh.SSHClientConnection:
        async with self._locks.setdefault(key, asyncio.Lock()):
            kept = self._kept.get(key)
            if kept is None or kept.is_closed():
                way = await asyncio.to_thread(find_way)
                kept = self._kept[key] = await connect(way)
            return kept

    def _drop(self, key: object) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            kept.abort()


async def connect(way: Way) -> asyncssh.SSHClientConnection:
    # Vagrant's machines are made anew under the same address: their host keys tell nothing.
    pinned: Any = ([asyncssh.import_public_key(way.host_key)], [], []) if way.host_key else None
    # Any: what asyncssh takes is a union without a name.
    keys: Any = [asyncssh.import_private_key(way.key_text)] if way.key_text else list(way.key_files)
    return await asyncssh.connect(
        way.host,
        way.port,
        username=way.user,
        password=way.password,
        client_keys=keys or (),
        known_hosts=pinned,
        config=None,
        agent_path=None,
        connect_timeout=CONNECT_S,
        keepalive_interval=KEEPALIVE_S,
    )


def text_of(said: object) -> str:
    return said[:MOST_BYTES] if isinstance(said, str) else ""


class Current:
    """This process's connections, made at the first use."""

    lock = threading.Lock()
    connections: Connections | None = None


def connections() -> Connections:
    with Current.lock:
        if Current.connections is None:
            Current.connections = Connections()
        return Current.connections
