"""One kept SSH connection a guest and process, in one event loop thread; never `vagrant` in a loop.

`vagrant ssh-config` is asked once for a connection; when it breaks, the next question asks again,
because a machine may have come back under another port or key.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass

import asyncssh

from webapp.process import Completed

CONNECT_S = 10
KEEPALIVE_S = 15
MOST_BYTES = 32 * 1024 * 1024


class SshError(Exception):
    """The guest could not be asked; a sentence."""


@dataclass(frozen=True)
class Way:
    """How to reach a guest over SSH."""

    host: str
    port: int
    user: str
    key_files: tuple[str, ...] = ()


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
        except (OSError, asyncssh.Error) as error:
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
    return await asyncssh.connect(
        way.host,
        way.port,
        username=way.user,
        client_keys=list(way.key_files) or (),
        known_hosts=None,
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
