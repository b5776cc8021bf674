"""The terminals' page, and what it asks of the database."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import PASSWORD
from tests.web.conftest import grow_old
from webapp.accounts.models import User
from webapp.labs.models import Lab
from webapp.pairing.actions import open_pairing
from webapp.shells.models import Terminal

QUERIES = {"shells": 9, "shell-tabs": 9}
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["shells", "shell-tabs"])
def test_its_queries_do_not_grow_with_the_terminals(
    sign_in: Callable[[User], Client], owner: User, lab: Lab, django_assert_num_queries, name: str
):
    client, machine = sign_in(owner), lab.machines.all()[0]
    address = reverse(name, args=[lab.slug])
    for number in (1, 2):
        client.get(address)
        Terminal.objects.create(lab=lab, machine=machine, number=number, opened_by=owner, holder=owner)
    with django_assert_num_queries(QUERIES[name]):
        client.get(address)
    for number in range(3, 9):
        Terminal.objects.create(lab=lab, machine=machine, number=number, opened_by=owner, holder=owner)

    with django_assert_num_queries(QUERIES[name]):
        text = client.get(address).content.decode()

    assert "#8" in text, text[-3000:]


@pytest.mark.parametrize("where", ["lab", "pairing"])
def test_who_signed_in_long_ago_opens_a_terminal_after_signing_in_again(
    sign_in: Callable[[User], Client], owner: User, lab: Lab, settings, where: str
):
    settings.LAB_HOST = lab.host.name
    pairing, _ = open_pairing(lab, owner, title="Look")
    open_it = reverse("shell-open", args=[lab.slug])
    if where == "pairing":
        open_it = reverse("pairing-shell-open", args=[lab.slug, pairing.number])
    client, machine = sign_in(owner), {"machine": lab.machines.all()[0].name}
    grow_old(client)

    page = client.post(open_it, machine, follow=True)
    client.post(page.redirect_chain[0][0], {"username": "ana", "password": PASSWORD})

    assert "too old for a terminal" in page.content.decode()
    assert not Terminal.objects.exists()
    client.post(open_it, machine)
    assert Terminal.objects.count() == 1
