"""Who is on a lab: seen by the others, through a reload, gone with the tab; nothing a browser says hurts."""

import asyncio
import json
import random
from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator

from tests.factories import LabFactory, UserFactory
from webapp.accounts.models import Role, User
from webapp.labs.actions import remove_member
from webapp.labs.models import Lab, Member
from webapp.pairing import presence
from webapp.ws import presence as socket_side

pytestmark = pytest.mark.django_db(transaction=True)
MakeSocket = Callable[..., ApplicationCommunicator]


@pytest.fixture(autouse=True)
def own_redis(redis, settings) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{redis.port}/0"
    presence.Away.until = 0.0


@pytest.fixture
def lab(transactional_db: None, owner: User, guest: User) -> Lab:
    lab = LabFactory(name="calico-1", owner=owner)
    Member.objects.create(lab=lab, user=guest)
    return lab


def at(lab: Lab, line: int) -> str:
    return json.dumps({"place": {"path": f"/labs/{lab.slug}/runs/1/", "line": line}})


async def say(socket: ApplicationCommunicator, text: str) -> None:
    await socket.send_input({"type": "websocket.receive", "text": text})


async def see(socket: ApplicationCommunicator, wanted: dict[str, str]) -> None:
    """Read until these people, and no others, are there with these words."""
    async with asyncio.timeout(10):
        while True:
            people = json.loads(await socket.receive_text()).get("people", [])
            if {person["name"]: person["words"] for person in people} == wanted:
                return


async def closed(socket: ApplicationCommunicator) -> int:
    """Read until it is closed; return the code."""
    async with asyncio.timeout(10):
        while (message := await socket.receive_output(timeout=10))["type"] != "websocket.close":
            pass
    return message["code"]


async def test_people_see_each_other_come_move_and_go(socket: MakeSocket, lab: Lab, owner: User, guest: User):
    ana, ben = socket(f"/ws/presence/{lab.pk}/", owner), socket(f"/ws/presence/{lab.pk}/", guest)
    await ana.connect()
    await ben.connect()

    await say(ana, at(lab, 7))
    await see(ben, {"ana": "run #1, line 7"})
    await say(ben, at(lab, 1))
    await say(ana, at(lab, 1200))
    await see(ben, {"ana": "run #1, line 1,200", "ben": "run #1, line 1"})
    await ana.disconnect()
    await see(ben, {"ben": "run #1, line 1"})


async def test_a_reload_is_not_seen(socket: MakeSocket, lab: Lab, owner: User, guest: User, monkeypatch):
    monkeypatch.setattr(socket_side, "LINGER_S", 0.3)
    ben = socket(f"/ws/presence/{lab.pk}/", guest)
    before, after = (socket(f"/ws/presence/{lab.pk}/?tab=aaaaaaaa", owner) for _ in range(2))
    await ben.connect()
    await before.connect()
    await say(before, at(lab, 7))
    await see(ben, {"ana": "run #1, line 7"})

    await before.disconnect()
    await after.connect()
    await say(after, at(lab, 7))

    assert await ben.receive_nothing(timeout=0.6)


async def test_who_is_silent_is_forgotten(
    socket: MakeSocket, lab: Lab, owner: User, guest: User, monkeypatch
):
    monkeypatch.setattr(socket_side, "LOOK_EVERY_S", 0.05)
    sleeper = socket(f"/ws/presence/{lab.pk}/", owner)
    await sleeper.connect()
    await say(sleeper, at(lab, 7))
    await see(sleeper, {"ana": "run #1, line 7"})

    monkeypatch.setattr(presence, "FRESH_S", 0.2)

    assert await closed(sleeper) == 4408
    assert presence.people_on([lab.pk]) == {}


@pytest.mark.parametrize(("who", "code"), [("nobody", 4401), ("invited elsewhere", 4403), ("owner", 4404)])
async def test_who_may_not_see_the_lab_is_refused(
    socket: MakeSocket, lab: Lab, owner: User, who: str, code: int
):
    elsewhere = await sync_to_async(UserFactory)(role=Role.GUEST)
    user = {"nobody": None, "invited elsewhere": elsewhere, "owner": owner}[who]

    visitor = socket(f"/ws/presence/{lab.pk if who != 'owner' else 0}/", user)

    await visitor.connect()
    assert await visitor.receive_output(timeout=10) == {"type": "websocket.close", "code": code}


async def test_who_is_removed_is_closed_and_no_longer_here(socket: MakeSocket, lab: Lab, owner: User):
    invited = await sync_to_async(UserFactory)(username="eve", role=Role.GUEST)
    await sync_to_async(Member.objects.create)(lab=lab, user=invited, role=Member.Role.READER)
    ana, eve = socket(f"/ws/presence/{lab.pk}/", owner), socket(f"/ws/presence/{lab.pk}/", invited)
    await ana.connect()
    await eve.connect()
    await say(eve, at(lab, 7))
    await see(ana, {"eve": "run #1, line 7"})

    await sync_to_async(remove_member)(lab, invited, owner)

    assert await closed(eve) == 4403


async def test_who_talks_too_fast_is_closed(socket: MakeSocket, lab: Lab, owner: User):
    ana = socket(f"/ws/presence/{lab.pk}/", owner)
    await ana.connect()

    for _ in range(60):
        await say(ana, '{"ping": 1}')

    assert await closed(ana) == 4429


def random_frame(dice: random.Random) -> dict[str, object]:
    if dice.random() < 0.3:
        return {"bytes": dice.randbytes(dice.randrange(200))}
    words = [
        "{",
        "}",
        "[",
        '"place"',
        ":",
        '"path"',
        '"/labs/calico-1/"',
        "1e999",
        "null",
        "\x00",
        "💥",
        '"ping"',
    ]
    words += [
        '{"place": {"path": "/labs/calico-1/", "line": -1}}',
        '{"place": []}',
        "x" * 3000,
        '"\\ud800"',
        ",",
    ]
    return {"text": "".join(dice.choices(words, k=dice.randrange(8)))}


async def test_ten_thousand_random_frames_do_no_harm(socket: MakeSocket, lab: Lab, owner: User, monkeypatch):
    monkeypatch.setattr(socket_side, "BURST", 100_000.0)
    dice = random.Random(6)
    ana = socket(f"/ws/presence/{lab.pk}/", owner)
    await ana.connect()

    for _ in range(10_000):
        await ana.send_input({"type": "websocket.receive", **random_frame(dice)})
    await say(ana, at(lab, 7))

    await see(ana, {"ana": "run #1, line 7"})
