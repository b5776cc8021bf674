"""The log's socket: refusals first; then every line once and in order, whatever is dropped on the way."""

import asyncio
import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator

from tests.factories import UserFactory
from webapp import live, nudges
from webapp.accounts.actions import set_active
from webapp.accounts.models import User
from webapp.logs import feed, store
from webapp.logs.lines import LogLine
from webapp.logs.models import LogChunk
from webapp.runs.models import Run
from webapp.ws import consumers

pytestmark = pytest.mark.django_db(transaction=True)
MakeSocket = Callable[..., ApplicationCommunicator]


@sync_to_async
def append(run: Run, *texts: str) -> None:
    store.append(run.log_id, [LogLine("", "output", text) for text in texts], at_ms=1)


@sync_to_async
def finish(run: Run) -> None:
    store.finish(run.log_id, "succeeded")


async def follow(socket: ApplicationCommunicator, until: int | None = None) -> tuple[list[str], dict]:
    """Return the lines up to number `until`, or to the end, and the last message; fails on a wrong number."""
    texts: dict[int, str] = {}
    while True:
        message = json.loads(await socket.receive_text())
        for number, line in enumerate(message.get("lines", []), message.get("first", 0)):
            assert number not in texts and (not texts or number - 1 in texts)
            texts[number] = line[4]
        if message.get("complete") or (until is not None and until in texts):
            return list(texts.values()), message


class Pushed:
    """A socket that takes so many frames at once and refuses the others; numbers of all that came."""

    def __init__(self, takes: int) -> None:
        self.takes, self.count = takes, 0
        self.firsts: list[int] = []

    def __call__(self, frame: bytes) -> bool:
        if self.count >= self.takes:
            return False
        self.count += 1
        self.firsts.append(json.loads(frame[frame.index(b"{") :])["first"])
        return True


async def ask(viewer: feed.Viewer, pushed: Pushed) -> None:
    """Take what was not pushed, as the consumer does."""
    while (frame := await viewer.next()) is not None:
        pushed.firsts.append(frame.first)


async def greeting(socket: ApplicationCommunicator) -> dict:
    await socket.connect()
    return json.loads(await socket.receive_text())


@pytest.mark.parametrize(("who", "code"), [("nobody", 4401), ("disabled", 4403), ("owner", 4404)])
async def test_who_may_not_see_the_log_is_refused(
    socket: MakeSocket, run: Run, owner: User, who: str, code: int
):
    disabled = await sync_to_async(UserFactory)(is_active=False)
    user = {"nobody": None, "disabled": disabled, "owner": owner}[who]
    log_id = run.log_id if who != "owner" else run.log_id + 1

    visitor = socket(f"/ws/logs/{log_id}/", user)

    await visitor.connect()
    assert await visitor.receive_output(timeout=10) == {"type": "websocket.close", "code": code}


async def test_lines_stored_before_and_while_watching_come_once(socket: MakeSocket, run: Run, stranger: User):
    await append(run, "a", "b")
    viewer = socket(f"/ws/logs/{run.log_id}/", stranger)

    assert await greeting(viewer) == {"count": 2, "complete": ""}
    await append(run, "c")
    await append(run, "d")
    await finish(run)
    texts, last = await follow(viewer)

    assert texts == ["a", "b", "c", "d"]
    assert last == {"complete": "succeeded"}
    assert await viewer.receive_output(timeout=10) == {"type": "websocket.close", "code": 1000}


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("?after=1", ["2", "3"]),
        ("?after=tail&tail=1", ["3"]),
        ("?after=99", []),
        ("?after=-7", ["0", "1", "2", "3"]),
        ("?after=tail&tail=0", []),
        ("?after=x", ["0", "1", "2", "3"]),
        ("?after=" + "9" * 30, ["0", "1", "2", "3"]),
    ],
)
async def test_a_viewer_begins_where_it_says(
    socket: MakeSocket, run: Run, owner: User, query: str, texts: list[str]
):
    await append(run, "0", "1", "2", "3")
    await finish(run)
    viewer = socket(f"/ws/logs/{run.log_id}/{query}", owner)
    await greeting(viewer)

    assert (await follow(viewer))[0] == texts


async def test_a_viewer_may_ask_for_the_joined_form(socket: MakeSocket, run: Run, owner: User):
    await append(run, "a", "b")
    viewer = socket(f"/ws/logs/{run.log_id}/?form=joined", owner)
    await greeting(viewer)

    frame = json.loads(await viewer.receive_text())

    assert frame == {"first": 0, "marks": [[2, 1, 0, "", "output"]], "text": "a\nb"}
    await viewer.disconnect()


async def test_lost_nudges_delay_lines_only(socket: MakeSocket, run: Run, owner: User, redis, monkeypatch):
    monkeypatch.setattr(feed, "LOOK_EVERY_S", 0.2)
    viewer = socket(f"/ws/logs/{run.log_id}/", owner)
    await greeting(viewer)

    redis.stop()
    await append(run, "a")
    await finish(run)

    assert (await follow(viewer))[0] == ["a"]


async def test_a_viewer_that_comes_back_misses_nothing(socket: MakeSocket, run: Run, owner: User):
    first = socket(f"/ws/logs/{run.log_id}/", owner)
    await greeting(first)
    await append(run, "a", "b")
    seen, _ = await follow(first, until=1)
    await first.disconnect()
    await append(run, "c")

    second = socket(f"/ws/logs/{run.log_id}/?after={len(seen) - 1}", owner)
    await greeting(second)
    await append(run, "d")
    await finish(run)

    assert seen + (await follow(second))[0] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("takes", [0, 3, 99], ids=["never", "three", "always"])
async def test_pushed_and_asked_for_frames_make_the_same_log(redis, run: Run, takes: int):
    pushed = Pushed(takes)
    entered = feed.enter(run.log_id)
    await entered.ready()
    viewer = feed.Viewer(entered, -1, "joined", pushed)
    asking = asyncio.create_task(ask(viewer, pushed))
    for number in range(10):
        await append(run, f"{number}")
        async with asyncio.timeout(10):
            while len(pushed.firsts) <= number:
                await asyncio.sleep(0.005)
    await finish(run)
    await asyncio.wait_for(asking, 10)
    feed.exit_feed(entered)

    assert pushed.firsts == [*range(10)]
    assert pushed.count == min(takes, 10)


async def test_viewers_share_one_feed_that_ends_with_the_last(socket: MakeSocket, run: Run, owner: User):
    viewers = [socket(f"/ws/logs/{run.log_id}/", owner) for _ in range(3)]
    for viewer in viewers:
        await greeting(viewer)
    assert (feed.viewer_count(), len(feed._feeds)) == (3, 1)

    for viewer in viewers:
        await viewer.disconnect()

    async with asyncio.timeout(5):
        while feed.viewer_count():
            await asyncio.sleep(0.01)
    assert feed._feeds == {}


async def test_a_viewer_that_reads_late_gets_all_in_bounded_pieces(socket: MakeSocket, run: Run, owner: User):
    viewer = socket(f"/ws/logs/{run.log_id}/", owner)
    await greeting(viewer)
    for batch in range(60):
        await append(run, *(f"{batch} {line} {'x' * 100}" for line in range(1500)))
    await finish(run)

    texts, _ = await follow(viewer)

    assert len(texts) == 90_000
    assert texts[-1].startswith("59 1499 ")


async def test_a_log_that_cannot_be_read_closes_its_viewers(socket: MakeSocket, run: Run, owner: User):
    await append(run, "a")
    await sync_to_async(LogChunk.objects.filter(log_id=run.log_id).update)(texts=b"rubbish")

    viewer = socket(f"/ws/logs/{run.log_id}/", owner)
    await greeting(viewer)

    assert await viewer.receive_output(timeout=10) == {"type": "websocket.close", "code": 1011}


async def test_a_guest_whose_account_is_closed_is_closed_too(
    socket: MakeSocket, run: Run, guest: User, monkeypatch
):
    monkeypatch.setattr(consumers, "CHECK_EVERY_S", 0.1)
    viewer = socket(f"/ws/logs/{run.log_id}/", guest)
    await greeting(viewer)

    guest.is_active = False
    await sync_to_async(guest.save)()

    assert await viewer.receive_output(timeout=10) == {"type": "websocket.close", "code": 4403}


async def test_who_loses_their_rights_is_closed_at_once(
    socket: MakeSocket, run: Run, owner: User, administrator: User
):
    viewer = socket(f"/ws/logs/{run.log_id}/", owner)
    await greeting(viewer)

    await sync_to_async(set_active)(owner, is_active=False, by=administrator)

    # Long before the clock would look: CHECK_EVERY_S is 20.
    assert await viewer.receive_output(timeout=10) == {"type": "websocket.close", "code": 4403}


@pytest.mark.parametrize(
    "path", ["/ws/logs/{0.log_id}/", "/ws/live/?topics=labs", "/ws/presence/{0.lab_id}/"]
)
async def test_a_quiet_socket_says_that_it_is_there(
    socket: MakeSocket, run: Run, owner: User, monkeypatch, path: str
):
    monkeypatch.setattr(consumers, "BEAT_S", 0.05)
    page = socket(path.format(run), owner)
    await page.connect()

    beats = 0
    while beats < 2:
        beats += json.loads(await page.receive_text()) == {"beat": True}

    await page.disconnect()


def test_a_page_waits_for_more_than_two_beats():
    script = (Path(__file__).parents[2] / "static/js/pulse.js").read_text()
    silent_ms = re.search(r"SILENT_MS = ([\d_]+);", script)
    assert silent_ms and int(silent_ms[1]) > 2 * 1000 * consumers.BEAT_S


def test_rights_are_read_again_within_the_promised_time():
    assert timedelta(seconds=consumers.CHECK_EVERY_S * 1.2) < timedelta(seconds=30)


@pytest.mark.parametrize(("topics", "code"), [("lab-0", 4404), ("lab-x", 4404), ("hosts,", None)])
async def test_topics_are_checked_one_by_one(
    socket: MakeSocket, run: Run, owner: User, topics: str, code: int | None
):
    visitor = socket(f"/ws/live/?topics={topics}", owner)
    await visitor.connect()

    if code is None:
        assert await visitor.receive_nothing(timeout=0.3)
        await visitor.disconnect()
    else:
        assert await visitor.receive_output(timeout=10) == {"type": "websocket.close", "code": code}


async def test_nudges_of_a_topic_are_forwarded_once(socket: MakeSocket, run: Run, owner: User):
    page = socket(f"/ws/live/?topics=labs,lab-{run.lab_id}", owner)
    await page.connect()
    nudge: nudges.RunChanged = {"type": "run.changed", "lab": run.lab_id, "run": run.pk}

    async with asyncio.timeout(10):
        while await page.receive_nothing(timeout=0.2):
            live.announce(nudge)

    assert json.loads(await page.receive_text()) == nudge
    assert await page.receive_nothing(timeout=0.2)
    await page.disconnect()


class Stuck(consumers.Consumer):
    """A socket that lacks something it needs."""

    async def authorise(self) -> None:
        """Let everybody in."""

    async def speak(self) -> None:
        raise TimeoutError


async def test_a_socket_that_cannot_go_on_is_closed_and_not_left_silent(redis, owner: User):
    scope = {
        "type": "websocket",
        "path": "/x",
        "query_string": b"",
        "user": owner,
        "url_route": {"kwargs": {}},
    }
    socket = ApplicationCommunicator(Stuck.as_asgi(), scope)
    await socket.send_input({"type": "websocket.connect"})

    said = [await socket.receive_output(timeout=10) for _ in range(2)]

    assert [message["type"] for message in said] == ["websocket.accept", "websocket.close"]
    assert said[1]["code"] == consumers.OUR_FAULT
    await socket.send_input({"type": "websocket.disconnect", "code": 1011})
    await socket.wait(timeout=10)
