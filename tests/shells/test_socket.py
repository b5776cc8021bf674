"""The browser's socket: who gets in, and that nothing a browser sends does harm."""

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from asgiref.testing import ApplicationCommunicator
from django.db import connection
from django.utils import timezone

from tests.factories import LabFactory, MachineFactory
from tests.shells.conftest import Looker
from tests.ws.conftest import Redis, Socket, redis
from webapp import live
from webapp.accounts.models import User
from webapp.asgi import application
from webapp.labs.actions import remove_member
from webapp.labs.models import Member
from webapp.shells import client, fresh
from webapp.shells.models import Terminal
from webapp.shells.server import Server
from webapp.ws import shell
from webapp.ws.consumers import CHECK_EVERY_S

__all__ = ["redis"]
pytestmark = pytest.mark.django_db(transaction=True)
PROMPT = b"PS C:\\Users\\vagrant>"
NASTY = [
    "{}", "[]", "null", "1e999", '"in"', "{", '{"in": 5}', '{"in": null}', '{"in": "\\u0000"}',
    '{"in": "\\ud800"}', '{"in": "\\u001b]0;x\\u0007"}', '{"in": "' + "x" * 9000 + '"}', "[" * 2000,
    '{"size": [0, 0]}', '{"size": [65535, 65535]}', '{"size": [-1, 99999999999999999999]}', '{"size": "ab"}',
    '{"size": [1.5, true]}', '{"size": {"a": 1}}', '{"size": ' + "[" * 500 + "]" * 500 + "}",
    '{"seen": -1}', '{"seen": 9223372036854775807}', '{"seen": true}',
    '{"attach": 1, "user": 1}', '{"changed": 1}', '{"may_type": true}', '{"file": "up"}',
]  # fmt: skip


@pytest.fixture
def let_in(shells: Server, redis: Redis) -> Server:
    """All that a socket needs: the PTYs' process, which is returned, and Redis."""
    return shells


async def attached(terminal: Terminal, user: User) -> Socket:
    socket = Socket(f"/ws/shells/{terminal.pk}/?columns=80&rows=24", user)
    await socket.connect()
    return socket


async def shown_until(socket: Socket, text: bytes) -> bytes:
    shown = b""
    while text not in shown:
        shown += (await socket.receive_output(timeout=20)).get("bytes") or b""
    return shown


async def closed_with(socket: Socket) -> int:
    while (message := await socket.receive_output(timeout=20))["type"] != "websocket.close":
        pass
    return message["code"]


@pytest.mark.parametrize(("who", "code"), [("nobody", 4401), ("nowhere", 4404), ("stale", 4401)])
async def test_who_has_no_right_is_not_let_in(
    who: str, code: int, let_in, terminal: Terminal, owner: User, act
):
    if who == "nowhere":
        terminal.pk = 10_000
    if who == "stale":
        await act(lambda: User.objects.update(last_login=timezone.now() - timedelta(hours=13)))

    socket = await attached(terminal, None if who == "nobody" else owner)

    assert await closed_with(socket) == code


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        (b"http://localhost:8000", 4401),
        (b"http://evil.example", 1000),
        (b"http://localhost.evil.example", 1000),
        (b"null", 1000),
        (b"", 1000),
        (None, 1000),
    ],
    ids=str,
)
async def test_a_page_of_another_site_gets_no_socket(
    origin: bytes | None, code: int, redis, terminal: Terminal
):
    headers = [] if origin is None else [(b"origin", origin)]
    scope = {
        "type": "websocket",
        "path": f"/ws/shells/{terminal.pk}/",
        "query_string": b"",
        "subprotocols": [],
    }
    socket = ApplicationCommunicator(application, {**scope, "headers": headers})

    await socket.send_input({"type": "websocket.connect"})

    said = await socket.receive_output(timeout=20)
    while said["type"] == "websocket.accept":  # so that the code for "sign in" reaches the page
        said = await socket.receive_output(timeout=20)
    assert (said["type"], said.get("code", 1000)) == ("websocket.close", code)


def test_a_session_is_fresh_for_twelve_hours(owner: User, settings):
    now = timezone.now().timestamp()

    assert fresh.is_fresh({fresh.SIGNED_IN_AT: now - 11 * 3600}, owner)
    assert not fresh.is_fresh({fresh.SIGNED_IN_AT: now - 13 * 3600}, owner)
    assert not fresh.is_fresh({fresh.SIGNED_IN_AT: now + 13 * 3600}, owner)  # the clock was set back


async def test_a_revoked_right_takes_the_keyboard_at_once(
    let_in, terminal: Terminal, guest: User, owner: User, act
):
    await act(lambda: Terminal.objects.filter(pk=terminal.pk).update(holder=guest))
    socket = await attached(terminal, guest)
    await shown_until(socket, PROMPT)

    await act(remove_member, terminal.lab, guest, owner)
    await asyncio.sleep(0.5)  # the nudge's way
    await socket.send_input({"type": "websocket.receive", "text": '{"in": "hostname\\r"}'})

    while "refused" not in (message := await socket.receive_output(timeout=20)).get("text", ""):
        assert b"hostname" not in (message.get("bytes") or b"")
    await socket.disconnect()


async def test_a_database_that_failed_once_does_not_end_the_watch_over_rights(
    let_in, terminal: Terminal, guest: User, act
):
    await act(lambda: Terminal.objects.filter(pk=terminal.pk).update(holder=guest))
    socket = await attached(terminal, guest)
    await shown_until(socket, PROMPT)

    await act(rename_table, "webapp_member", "webapp_away")
    live.announce({"type": "lab.changed", "lab": terminal.lab_id})
    await asyncio.sleep(0.5)  # the nudge's way
    await act(rename_table, "webapp_away", "webapp_member")
    await act(Member.objects.filter(user=guest).delete)
    live.announce({"type": "lab.changed", "lab": terminal.lab_id})

    await refused(socket, '{"in": "hostname\\r"}')
    await socket.disconnect()


def rename_table(before: str, after: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {before} RENAME TO {after}")


async def refused(socket: Socket, text: str) -> None:
    """Type until it is refused, for less than the time in which rights are looked at by the clock."""
    async with asyncio.timeout(CHECK_EVERY_S * 0.8 - 1):
        while True:
            await socket.send_input({"type": "websocket.receive", "text": text})
            if "refused" in (await socket.receive_output(timeout=20)).get("text", ""):
                return


async def test_ten_thousand_random_frames_do_no_harm(
    let_in: Server, terminal: Terminal, owner: User, look_at, monkeypatch, act
):
    monkeypatch.setattr(shell, "BURST_MESSAGES", 10**9)
    monkeypatch.setattr(shell, "BURST_BYTES", 10**9)
    other = await act(other_labs_terminal, owner)
    chance = random.Random(7)
    socket = await attached(terminal, owner)
    await shown_until(socket, PROMPT)
    reading = asyncio.create_task(drain(socket))

    for _ in range(10_000):
        await socket.send_input({"type": "websocket.receive", **random_frame(chance)})
        await asyncio.sleep(0)

    # All frames are read, and whatever ran because of them ends; another viewer finds a shell that works.
    await socket.disconnect(within_s=60)
    reading.cancel()
    looker = await look_at(terminal, owner)
    await looker.until(lambda looker: looker.state and len(let_in.rooms[terminal.pk].viewers) == 1)
    await answers(looker, "still $here")
    again = await act(lambda: Terminal.objects.get(pk=other.pk))
    assert (again.status, again.holder_id) == (Terminal.Status.WAITING, owner.pk)


async def answers(looker: Looker, text: str) -> None:
    """Interrupt whatever runs, and see a new command carried out; like a person, more than once."""
    wanted = f"\n{text}\r\n".encode()
    for _ in range(6):
        before = looker.shown.count(b"^C")
        # The played shell heeds a signal that comes while it reads a key at the next key only.
        looker.type("\x03\r")
        with suppress(AssertionError):
            await looker.until(lambda looker, before=before: looker.shown.count(b"^C") > before, 5)
        looker.type(f"echo {text}\r")
        with suppress(AssertionError):
            return await looker.until(lambda looker: wanted in looker.shown, 5)
    raise AssertionError(looker.shown[-2000:])


def other_labs_terminal(owner: User) -> Terminal:
    lab = LabFactory(name="other", owner=owner)
    machine = MachineFactory(lab=lab, name="cp", role="control-plane", state="poweroff")
    return Terminal.objects.create(lab=lab, machine=machine, number=1, opened_by=owner, holder=owner)


def random_frame(chance: random.Random) -> dict[str, object]:
    kind = chance.randrange(4)
    if kind == 0:
        return {"bytes": chance.randbytes(chance.randrange(200)), "text": None}
    if kind == 1:
        return {"text": chance.choice(NASTY)}
    if kind == 2:
        return {"text": chance.randbytes(chance.randrange(100)).decode("latin-1")}
    size = [chance.choice([0, 1, 80, 65535, -5]), chance.choice([0, 1, 24, 65535])]
    return {
        "text": json.dumps(
            chance.choice([{"size": size}, {"in": chance.choice("abc\r\x03\x1b[A")}, {"seen": 1}])
        )
    }


async def drain(socket: Socket) -> None:
    while True:
        await socket.receive_output(timeout=600)


async def test_a_paste_of_ten_megabytes_is_refused_and_the_terminal_lives(
    let_in: Server, terminal: Terminal, owner: User, look_at
):
    socket = await attached(terminal, owner)
    await shown_until(socket, PROMPT)

    await socket.send_input({"type": "websocket.receive", "text": json.dumps({"in": "x" * 10_000_000})})
    for _ in range(400):  # and as much in pieces, all at once
        await socket.send_input({"type": "websocket.receive", "text": json.dumps({"in": "y" * 25_000})})

    await socket.disconnect(within_s=60)
    looker = await look_at(terminal, owner)
    await looker.until(lambda looker: looker.state and len(let_in.rooms[terminal.pk].viewers) == 1)
    await answers(looker, "after-the-paste")


async def test_what_nobody_reads_does_not_gather_in_the_web(redis, terminal: Terminal, owner: User):
    with client.socket_address() as address:
        hanging = await asyncio.start_unix_server(lambda reader, writer: asyncio.sleep(60), address, limit=1)
    socket = await attached(terminal, owner)

    for _ in range(40):
        await socket.send_input({"type": "websocket.receive", "text": json.dumps({"in": "x" * 25_000})})

    assert await closed_with(socket) == shell.AWAY
    hanging.close()


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00" * 50, b"\xff" * 50, b"\x00\x00\x00\x02J{]", b"\x00\x00\x00\x02J[]", b"\x7f\xff\xff\xffI"],
    ids=["nothing", "zeros", "ones", "no json", "no object", "too long"],
)
async def test_rubbish_at_the_inner_socket_ends_that_connection_only(
    data: bytes, shells, terminal: Terminal, owner: User, look_at: Callable
):
    reader, writer = await client.connect()
    writer.write(data)
    writer.write_eof()

    assert await asyncio.wait_for(reader.read(), 20) == b""
    await (await look_at(terminal, owner)).sees(PROMPT.decode())
