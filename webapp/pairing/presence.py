"""Who looks at a lab, and where: kept in Redis, where it ages out; never in the database.

    browser ─► ws.presence ─► enter / leave ─► a hash a lab, a field a tab ─► people_on(labs) ─► pages

A field that nobody has refreshed for FRESH_S counts as gone. Redis away: nobody is seen, nothing fails.
"""

import logging
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

import orjson
import redis
from django.conf import settings

from webapp import live
from webapp.accounts.models import Role, User

logger = logging.getLogger(__name__)

FRESH_S = 30.0
KEPT_S = 60
ANSWER_WITHIN_S = 1.0
LEFT_ALONE_S = 5.0  # a Redis that did not answer is not asked again so soon
MOST_TABS = 200  # on one lab; more are not stored

HASH = re.compile(r"#[A-Za-z0-9_.:-]{1,60}", re.ASCII)
SEARCH = re.compile(r"\?[A-Za-z0-9_=&.%+-]{1,200}", re.ASCII)
REST = re.compile(r"(?:[a-z0-9-]{1,60}/){0,6}[a-z0-9-]{0,60}", re.ASCII)
NAME = re.compile(r"[\w .:-]{0,60}", re.ASCII)
MOST_LINES = 10**12


@dataclass(frozen=True)
class Place:
    """Where somebody looks. `line` counts from 1, 0 = no log; `at_end`: it follows the log's end."""

    path: str
    search: str = ""  # "?machine=winw1&rung=cni"
    hash: str = ""
    line: int = 0
    at_end: bool = False
    rung: str = ""
    machine: str = ""
    terminal: int = 0


@dataclass(frozen=True)
class Person:
    """One person who is here; of several tabs the one that was moved last."""

    user: int
    name: str
    initials: str
    is_guest: bool
    place: Place
    seen_at: float
    moved_at: float
    words: str = ""

    @property
    def username(self) -> str:
        """What `avatar` reads."""
        return self.name


def parse_place(raw: object, slug: str) -> Place | None:
    """Make a place of what a browser says; None for one that is not below the lab's address."""
    if not isinstance(raw, dict):
        return None
    path, root = raw.get("path"), f"/labs/{slug}/"
    if not isinstance(path, str) or not path.startswith(root) or not REST.fullmatch(path[len(root) :]):
        return None
    return Place(
        path=path,
        search=text_of(raw.get("search"), SEARCH),
        hash=text_of(raw.get("hash"), HASH),
        line=number_of(raw.get("line")),
        at_end=raw.get("at_end") is True,
        rung=text_of(raw.get("rung"), NAME),
        machine=text_of(raw.get("machine"), NAME),
        terminal=number_of(raw.get("terminal")),
    )


def text_of(value: object, pattern: re.Pattern[str]) -> str:
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""


def number_of(value: object) -> int:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value < MOST_LINES else 0  # type: ignore[operator, return-value]  # an int


PAGES = {
    "": "the lab's page",
    "runs": "run #{0}",
    "pairings": "pairing #{0}",
    "shells": "the terminals",
    "cluster": "the cluster",
}


def words_of(place: Place) -> str:
    """Say where that is: "run #3, line 120"."""
    kind, _, rest = place.path.split("/", 3)[3].partition("/")
    number = rest.split("/")[0]
    page = PAGES.get(kind, "this lab")
    page = page.format(number) if number.isdecimal() else PAGES.get(kind, "this lab").split(" #")[0]
    where = f"terminal {place.terminal}" if place.terminal else place.rung or ""
    parts = [page, f"{place.machine} {where}".strip()]
    if place.at_end:
        parts.append("the log's end")
    elif place.line:
        parts.append(f"line {place.line:,}")
    return ", ".join(part for part in parts if part)


def person_at(user: User, place: Place, now: float) -> Person:
    return Person(user.pk, user.username, user.initials, user.role == Role.GUEST, place, now, now)


# -- Redis ----------------------------------------------------------------------


class Away:
    """Until when Redis is left alone."""

    until = 0.0


@lru_cache(maxsize=4)
def client_of(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=ANSWER_WITHIN_S, socket_connect_timeout=ANSWER_WITHIN_S, retry=None
    )


def key_of(lab_id: int) -> str:
    return f"lab:presence:{lab_id}"


def enter(lab_id: int, tab: str, person: Person) -> bool:
    """Store or refresh a tab; tell whether it is a new one. Raises redis.RedisError."""
    client, key = client_of(settings.REDIS_URL), key_of(lab_id)
    if client.hlen(key) >= MOST_TABS and not client.hexists(key, tab):
        return False
    with client.pipeline(transaction=False) as pipeline:
        pipeline.hset(key, tab, orjson.dumps(asdict(person)))
        pipeline.expire(key, KEPT_S)
        return bool(pipeline.execute()[0])


def leave(lab_id: int, tab: str, person: Person) -> bool:
    """Take a tab away, unless another socket has taken it over since; tell whether it was there."""
    client, key = client_of(settings.REDIS_URL), key_of(lab_id)
    stored = client.hget(key, tab)
    if stored is None or orjson.loads(stored)["seen_at"] > person.seen_at:
        return False
    return bool(client.hdel(key, tab))


def people_on(lab_ids: Iterable[int], now: float | None = None) -> dict[int, list[Person]]:
    """Return who is on each lab now, by name; one question to Redis however many labs, never raises."""
    ids = list(lab_ids)
    if not ids or time.monotonic() < Away.until:
        return {}
    try:
        with client_of(settings.REDIS_URL).pipeline(transaction=False) as pipeline:
            for lab_id in ids:
                pipeline.hgetall(key_of(lab_id))
            answers = pipeline.execute()
    except redis.RedisError as error:
        Away.until = time.monotonic() + LEFT_ALONE_S
        logger.warning("presence is not known: %s", error)
        return {}
    at = time.time() if now is None else now
    found = {lab_id: one_each(answer, at) for lab_id, answer in zip(ids, answers, strict=True)}
    return {lab_id: people for lab_id, people in found.items() if people}


def one_each(fields: Mapping[bytes, bytes], now: float) -> list[Person]:
    """Keep the fresh fields, of each person the one that moved last. Pure."""
    newest: dict[int, Person] = {}
    for stored in fields.values():
        person = loaded(orjson.loads(stored))
        known = newest.get(person.user)
        # A clock that was set back leaves the gone in the future; those who are here are seen again soon.
        if abs(now - person.seen_at) < FRESH_S and (known is None or known.moved_at < person.moved_at):
            newest[person.user] = person
    return sorted(newest.values(), key=lambda person: (person.name.casefold(), person.user))


def loaded(raw: dict[str, Any]) -> Person:  # Any: JSON of our own
    place = Place(**raw.pop("place"))
    return replace(Person(place=place, **raw), words=words_of(place))


def announce(lab_id: int, *, is_coming: bool) -> None:
    """Tell pages that somebody came or went, or (False) only those who show places that somebody moved."""
    if is_coming:
        live.announce({"type": "presence.changed", "lab": lab_id})
    else:
        live.announce({"type": "presence.moved", "lab": lab_id})
