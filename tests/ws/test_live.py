"""Nudges reach who listens, say each thing once, and are missed without harm when Redis is away."""

import asyncio
import threading
import time

import pytest
from channels.layers import get_channel_layer

from webapp import live
from webapp.nudges import LogGrew, Nudge, groups_of, rights_group


async def heard(nudges: list, count: int, within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while len(nudges) < count:
            await asyncio.sleep(0.01)


def grew(log: int, last_line: int) -> LogGrew:
    return {"type": "log.grew", "log": log, "last_line": last_line, "complete": ""}


@pytest.mark.parametrize(
    ("nudge", "groups"),
    [
        (grew(3, 1), ("log.3",)),
        ({"type": "run.changed", "lab": 2, "run": 5}, ("lab.2", "labs")),
        ({"type": "machines.changed", "lab": 2}, ("lab.2", "labs")),
        ({"type": "lab.changed", "lab": 2}, ("lab.2", "labs")),
        ({"type": "host.changed", "host": 1}, ("hosts",)),
        ({"type": "build.changed", "build": 1}, ("builds",)),
        ({"type": "cluster.changed", "cluster": 4, "lab": 2}, ("cluster.4", "lab.2", "labs")),
        ({"type": "cluster.changed", "cluster": 4, "lab": 0}, ("cluster.4", "clusters")),
        ({"type": "pairing.changed", "lab": 2, "pairing": 1}, ("lab.2", "labs")),
        ({"type": "chat.grew", "lab": 2, "pairing": 1}, ("lab.2",)),
        ({"type": "notes.changed", "lab": 2, "pairing": 1}, ("lab.2",)),
        ({"type": "presence.changed", "lab": 2}, ("presence.2", "lab.2", "labs")),
        ({"type": "presence.moved", "lab": 2}, ("presence.2",)),
        ({"type": "rights.changed", "user": 7}, ("rights.7",)),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_each_nudge_has_its_groups(nudge: Nudge, groups: tuple[str, ...]):
    assert groups_of(nudge) == groups


async def test_a_nudge_from_any_thread_reaches_each_receiver_of_its_group(redis):
    first, second, other = [], [], []
    await live.join("log.1", first.append)
    await live.join("log.1", second.append)
    await live.join("log.2", other.append)

    threading.Thread(target=live.announce, args=(grew(1, 7),)).start()

    await heard(first, 1)
    await heard(second, 1)
    assert (first, second, other) == ([grew(1, 7)], [grew(1, 7)], [])


async def test_who_has_left_hears_nothing(redis):
    left, stays = [], []
    await live.join("labs", left.append)
    await live.join("labs", stays.append)
    await live.leave("labs", left.append)

    live.announce({"type": "lab.changed", "lab": 1})

    await heard(stays, 1)
    assert left == []


async def test_a_message_that_is_no_nudge_makes_nobody_deaf(redis):
    nudges = []
    await live.join("log.1", nudges.append)

    await get_channel_layer().group_send("log.1", {"type": "of another version"})
    live.announce(grew(1, 7))

    await heard(nudges, 1)


async def test_a_burst_is_told_in_few_nudges_and_with_its_last(redis):
    nudges = []
    await live.join("log.1", nudges.append)

    for line in range(2000):
        live.announce(grew(1, line))

    async with asyncio.timeout(10):
        while not nudges or nudges[-1]["last_line"] < 1999:
            await asyncio.sleep(0.01)
    assert len(nudges) < 1000


async def test_announcing_without_redis_neither_blocks_nor_raises(redis):
    redis.stop()
    began = time.monotonic()

    for line in range(1000):
        live.announce(grew(1, line))

    assert time.monotonic() - began < live.SEND_TIMEOUT_S  # what one of them may take in its own loop


async def test_listeners_hear_again_after_redis_has_come_back_empty(redis):
    nudges = []
    await live.join("labs", nudges.append)
    redis.stop()
    await asyncio.sleep(0.3)  # the outage
    redis.start()

    async with asyncio.timeout(20):
        while not nudges:
            live.announce({"type": "lab.changed", "lab": 1})
            await asyncio.sleep(0.1)


async def test_a_group_joined_while_redis_was_away_is_told_to_look_again(redis):
    nudges = []
    redis.stop()
    await live.join("labs", nudges.append)

    redis.start()

    await heard(nudges, 1, within_s=20)
    assert nudges == [{"type": "live.resync"}]


async def test_news_of_rights_reaches_that_person_only(redis):
    mine, theirs = [], []
    await live.join(rights_group(1), mine.append)
    await live.join(rights_group(2), theirs.append)

    live.announce({"type": "rights.changed", "user": 1})

    await heard(mine, 1)
    assert theirs == []
