"""Kept SSH connections, against a real SSH server in this process."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import pytest

from webapp.cluster.ssh import Connections, SshError, Way, parse_ssh_config

NOWHERE = Way("", 0, "")


@dataclass
class Guest:
    """An SSH server that answers commands; `logins` counts its connections."""

    loop: asyncio.AbstractEventLoop
    way: Way = NOWHERE
    logins: int = 0
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)


async def answer(process: "asyncssh.SSHServerProcess[str]") -> None:
    if process.command == "hang":
        await process.stdin.read()  # it never comes
    process.stdout.write(f"you said {process.command}\n")
    process.stderr.write("and so on")
    process.exit(3 if process.command == "fail" else 0)


async def serve(guest: Guest, folder: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(folder / "key")
    (folder / "authorized").write_bytes(key.export_public_key())

    class Server(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            guest.logins += 1
            guest.connections.append(conn)

    server = await asyncssh.create_server(
        Server,
        "127.0.0.1",
        0,
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        authorized_client_keys=str(folder / "authorized"),
        process_factory=answer,
    )
    guest.way = Way("127.0.0.1", server.get_port(), "vagrant", (str(folder / "key"),))


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Guest]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    guest = Guest(loop)
    asyncio.run_coroutine_threadsafe(serve(guest, tmp_path), loop).result(10)
    yield guest
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)


def test_many_questions_share_one_connection(guest: Guest) -> None:
    kept = Connections()

    answers = [kept.run("a", lambda: guest.way, word, timeout_s=10) for word in ("one", "two", "fail")]

    assert [(done.output, done.errors, done.code) for done in answers] == [
        ("you said one\n", "and so on", 0),
        ("you said two\n", "and so on", 0),
        ("you said fail\n", "and so on", 3),
    ]
    assert guest.logins == 1


def test_connection_that_broke_is_made_again(guest: Guest) -> None:
    kept = Connections()
    kept.run("a", lambda: guest.way, "one", timeout_s=10)
    guest.loop.call_soon_threadsafe(guest.connections[0].abort)

    answers = []
    while not answers:  # the first question after it may still meet the broken one
        try:
            answers.append(kept.run("a", lambda: guest.way, "two", timeout_s=10).output)
        except SshError:
            continue

    assert answers == ["you said two\n"]


def test_slow_guest_does_not_delay_another(guest: Guest) -> None:
    kept = Connections()
    failures: list[str] = []

    def hang() -> None:
        try:
            kept.run("slow", lambda: guest.way, "hang", timeout_s=2)
        except SshError as error:
            failures.append(str(error))

    thread = threading.Thread(target=hang)
    thread.start()
    assert kept.run("fast", lambda: guest.way, "one", timeout_s=1.5).code == 0
    thread.join()

    assert failures == ["It did not answer over SSH within 2 s."]


def test_guest_that_nobody_finds_is_told() -> None:
    with pytest.raises(SshError, match="SSH: "):
        Connections().run("a", lambda: Way("127.0.0.1", 1, "vagrant"), "one", timeout_s=5)


def test_ssh_config_of_vagrant_is_read() -> None:
    text = 'Host a\n  HostName 127.0.0.1\n  User vagrant\n  Port 2222\n  IdentityFile "/tmp/a key"\n'

    assert parse_ssh_config(text) == Way("127.0.0.1", 2222, "vagrant", ("/tmp/a key",))
    with pytest.raises(SshError):
        parse_ssh_config("nothing")
