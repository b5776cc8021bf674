"""Definitions by several people at the same moment; tests/delivery holds it on PostgreSQL as well."""

import pytest

from tests.at_once import at_once
from tests.factories import UserFactory
from webapp.definitions.actions import create_definition
from webapp.definitions.models import Definition

pytestmark = pytest.mark.django_db(transaction=True)


def test_four_who_take_one_name_get_an_address_each() -> None:
    people = UserFactory.create_batch(4)

    at_once(*[lambda by=by: create_definition(name="Lab", text="cni: antrea\n", by=by) for by in people])

    assert set(Definition.objects.values_list("slug", flat=True)) == {"lab", "lab-2", "lab-3", "lab-4"}
