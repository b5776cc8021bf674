"""Every address × every role × GET and POST, held against the table in rights.py; an address more is red."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.security.rights import GROUPS, PUBLIC, TABLE, Roles
from tests.world import ROLES, Address, World, all_addresses, make_world

ADDRESSES = {address.name: address for address in all_addresses()}
by_group = pytest.mark.parametrize(
    "names", [pytest.param(list(found), id=name) for name, found in GROUPS.items()]
)
FIX = {"kind": "approve-request", "machine": "winw1", "argument": "csr-winw1"}
# What an address wants to be told before it asks for rights, or says "not found" without.
GIVEN: dict[str, dict[str, str]] = {
    "cluster-fix": FIX,
    "attached-fix": FIX,
    "shell-open": {"machine": "winw1"},
    "pairing-shell-open": {"machine": "winw1"},
    "artifact-inject": {"lab": "lab-one", "machines": "winw1"},
    "bisect-new": {"lab": "lab-one"},
    "lab-member-remove": {"person": "lab_guest-one"},
    "definition-check": {"text": "cni: calico"},
}
REFUSALS = (401, 403, 404, 405)
# Written by who looks: that somebody does. The rest is Django's own session.
MAY_BE_WRITTEN = {'"webapp_cluster"', '"webapp_sighting"', '"webapp_nodelog"', '"django_session"'}
WRITE = re.compile(r"^\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+(\S+)", re.I)
ClientOf = Callable[[str], Client]


@contextmanager
def undone() -> Iterator[None]:
    """Take back what is done meanwhile, so that each role finds the same world."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def ask(client: Client, method: str, address: Address, world: World) -> HttpResponse:
    return getattr(client, method)(world.path(address), GIVEN.get(address.name, {}))


def is_let_in(answer: HttpResponse) -> bool:
    assert answer.status_code < 500
    to_sign_in = answer.status_code == 302 and answer["Location"].startswith(reverse("sign-in"))
    return answer.status_code not in REFUSALS and not to_sign_in


@dataclass
class Walked:
    """Who was let in, and which tables were written by those who were not, or only looked."""

    let_in: dict[str, Roles] = field(default_factory=dict)
    written: dict[str, set[str]] = field(default_factory=dict)


def walk(names: list[str], method: str, world: World, client_of: ClientOf) -> Walked:
    walked = Walked()
    for name in names:
        found, written = set(), set()
        for role in ROLES:
            client = client_of(role)
            with undone(), CaptureQueriesContext(connection) as asked:
                is_in = is_let_in(ask(client, method, ADDRESSES[name], world))
            found |= {role} if is_in else set()
            if method == "get" or not is_in:
                written |= {hit[1] for query in asked if (hit := WRITE.match(query["sql"]))}
        walked.let_in[name] = frozenset(found)
        if written - MAY_BE_WRITTEN:
            walked.written[name] = written - MAY_BE_WRITTEN
    return walked


def test_every_address_stands_in_the_table() -> None:
    assert set(ADDRESSES) == set(TABLE) | PUBLIC


@by_group
def test_exactly_those_see_who_may_and_it_changes_nothing(
    names: list[str], world: World, client_of: ClientOf
) -> None:
    walked = walk(names, "get", world, client_of)

    assert walked.let_in == {name: TABLE[name].get or frozenset() for name in names}
    assert walked.written == {}


@by_group
def test_exactly_those_act_who_may_and_others_change_nothing(
    names: list[str], world: World, client_of: ClientOf
) -> None:
    walked = walk(names, "post", world, client_of)

    assert walked.let_in == {name: TABLE[name].post or frozenset() for name in names}
    assert walked.written == {}


@by_group
def test_a_method_that_an_address_has_not_is_refused(
    names: list[str], world: World, client_of: ClientOf
) -> None:
    taken = [(name, method) for name in names for method in ("get", "post", "put", "delete", "patch")]
    foreign = [(name, method) for name, method in taken if getattr(TABLE[name], method, None) is None]
    client = client_of("administrator")

    answers = {one: ask(client, one[1], ADDRESSES[one[0]], world).status_code for one in foreign}

    assert answers == dict.fromkeys(foreign, 405)


@by_group
def test_a_post_without_its_token_is_refused(names: list[str], world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.people["administrator"], backend="django.contrib.auth.backends.ModelBackend")
    posted = [name for name in names if TABLE[name].post is not None]

    answers = {name: ask(client, "post", ADDRESSES[name], world).status_code for name in posted}

    assert answers == dict.fromkeys(posted, 403)


PARTS = {"pk", "log", "errand", "workload", "machine"}
OWNERS = ("labs/<slug:slug>/", "clusters/<int:pk>/")


def is_about_a_part(address: Address) -> bool:
    """Tell whether it names a lab or a cluster, and by an id something that belongs to it."""
    names = set(address.pattern.pattern.converters)
    return (
        address.route.startswith(OWNERS)
        and len(names) > 1
        and bool(names & PARTS)
        and "component" not in names
    )


def test_a_part_of_another_lab_is_not_found_here(world: World, client_of: ClientOf) -> None:
    other, client = make_world("two"), client_of("administrator")
    found = {}
    for address in filter(is_about_a_part, ADDRESSES.values()):
        here = "slug" if address.route.startswith("labs/") else "pk"
        mixed = {**other.arguments(address), here: world.arguments(address)[here]}
        method = "get" if TABLE[address.name].get is not None else "post"
        found[address.name] = getattr(client, method)(reverse(address.name, kwargs=mixed)).status_code

    assert found == dict.fromkeys(found, 404)
    assert len(found) > 20
