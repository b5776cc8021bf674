"""Every address of the pages: who gets in, and which methods it takes."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import HostFactory
from webapp.accounts.models import User
from webapp.labs.models import Lab

SignIn = Callable[[User], Client]
FOR_ALL = [
    "labs", "lab-cards", "lab", "lab-head", "lab-machines", "lab-run", "lab-history",
    "hosts", "host-cards", "host", "host-facts", "palette",
]  # fmt: skip
FOR_LAUNCHING = ["lab-new", "lab-new-made"]
FOR_ADMINISTRATORS = ["activity", "people"]
POSTS = [
    "lab-verb", "lab-guest-add", "lab-member-remove", "host-inspect",
    "person-add", "person-role", "person-active", "person-password",
]  # fmt: skip


@pytest.fixture
def address(lab: Lab) -> Callable[[str], str]:
    """Write the address of a page about `lab`, its host or its owner."""
    host = HostFactory(name="big-1")
    arguments = {"lab-verb": [lab.slug, "destroy"], "person-add": []}

    def write(name: str) -> str:
        by_kind = {"host": [host.name], "host-facts": [host.name], "host-inspect": [host.name]}
        if name.startswith("person-"):
            by_kind[name] = [lab.owner_id]  # type: ignore[list-item]
        elif name == "lab" or (name.startswith("lab-") and name not in ("lab-cards", *FOR_LAUNCHING)):
            by_kind[name] = [lab.slug]
        return reverse(name, args=arguments.get(name, by_kind.get(name, [])))

    return write


@pytest.mark.parametrize("name", FOR_ALL)
@pytest.mark.django_db
def test_a_viewer_sees_it(name: str, address, stranger: User, sign_in: SignIn) -> None:
    assert sign_in(stranger).get(address(name)).status_code == 200


@pytest.mark.parametrize("name", FOR_LAUNCHING)
@pytest.mark.django_db
def test_launching_is_for_members(name: str, address, stranger: User, member: User, sign_in: SignIn) -> None:
    seen = [sign_in(person).get(address(name)).status_code for person in (stranger, member)]

    assert seen == [403, 200]


@pytest.mark.parametrize("name", FOR_ADMINISTRATORS)
@pytest.mark.django_db
def test_people_and_trail_are_for_administrators(
    name: str, address, member: User, administrator: User, sign_in: SignIn
) -> None:
    seen = [sign_in(person).get(address(name)).status_code for person in (member, administrator)]

    assert seen == [403, 200]


@pytest.mark.django_db
def test_asking_to_destroy_is_for_the_owner(address, owner: User, guest: User, sign_in: SignIn) -> None:
    seen = [sign_in(person).get(address("lab-destroy")).status_code for person in (guest, owner)]

    assert seen == [403, 200]


@pytest.mark.parametrize("name", [*FOR_ALL, *FOR_LAUNCHING, *FOR_ADMINISTRATORS, "lab-destroy", "password"])
@pytest.mark.django_db
def test_anonymous_is_sent_to_sign_in(name: str, address, client: Client) -> None:
    answer = client.get(address(name))

    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("sign-in"))


@pytest.mark.parametrize("name", POSTS)
@pytest.mark.django_db
def test_anonymous_cannot_change_anything(name: str, address, client: Client) -> None:
    assert client.post(address(name))["Location"].startswith(reverse("sign-in"))


@pytest.mark.parametrize("name", POSTS)
@pytest.mark.django_db
def test_a_viewer_cannot_change_anything(name: str, address, stranger: User, sign_in: SignIn) -> None:
    assert sign_in(stranger).post(address(name)).status_code == 403


@pytest.mark.parametrize("name", POSTS)
@pytest.mark.django_db
def test_reading_changes_nothing(name: str, address, administrator: User, sign_in: SignIn) -> None:
    assert sign_in(administrator).get(address(name)).status_code == 405


@pytest.mark.parametrize("name", [*FOR_ALL, "lab-destroy", *FOR_ADMINISTRATORS])
@pytest.mark.django_db
def test_a_page_is_only_read(name: str, address, administrator: User, sign_in: SignIn) -> None:
    assert sign_in(administrator).post(address(name)).status_code == 405


@pytest.mark.parametrize("name", ["lab", "lab-head", "lab-machines", "lab-run", "lab-history", "lab-destroy"])
@pytest.mark.django_db
def test_a_lab_that_is_not_there_is_not_found(name: str, administrator: User, sign_in: SignIn) -> None:
    assert sign_in(administrator).get(reverse(name, args=["no-such-lab"])).status_code == 404
