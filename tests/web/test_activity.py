"""The audit trail: filtered, paginated, and true after its object is gone."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.labs.models import Lab

SignIn = Callable[[User], Client]


@pytest.fixture
def trail(lab: Lab, owner: User, guest: User) -> None:
    audit.record(owner, "launched lab", "calico-1", lab_id=lab.pk, detail={"host": "big-1"})
    audit.record(guest, "asked halt", "other <b>")


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("", [True, True]), ("?text=launched", [True, False]), ("?actor=ben", [False, True]),
        ("?lab=calico-1", [True, False]), ("?text=nothing", [False, False]), ("?page=77", [True, True]),
    ],
)  # fmt: skip
@pytest.mark.django_db
def test_trail_is_filtered(
    trail: None, administrator: User, sign_in: SignIn, query: str, seen: list[bool]
) -> None:
    page = sign_in(administrator).get(reverse("activity") + query).content.decode()

    assert ["host big-1" in page, "other &lt;b&gt;" in page] == seen


@pytest.mark.django_db
def test_long_trail_has_pages(administrator: User, sign_in: SignIn) -> None:
    for number in range(60):
        audit.record(administrator, "did", f"thing {number};")
    page = sign_in(administrator).get(reverse("activity") + "?page=2").content.decode()

    assert ["thing 9;" in page, "thing 10;" in page] == [True, False]
