"""What can be launched, and who can be added."""

import pytest
from django.utils import timezone

from tests.factories import DefinitionFactory, RevisionFactory, UserFactory
from webapp.accounts.models import User
from webapp.labs.models import Lab
from webapp.labs.queries import newest_revisions, people_to_add, revisions_in_use, whole_labs


@pytest.mark.django_db
def test_newest_revisions_are_listed_and_all_of_the_named_definition() -> None:
    for name in ("a", "b"):
        definition = DefinitionFactory(name=name, slug=name)
        for number in (1, 2):
            RevisionFactory(definition=definition, number=number)

    assert [str(r) for r in newest_revisions()] == ["a r2", "b r2"]
    assert [str(r) for r in newest_revisions("b")] == ["a r2", "b r2", "b r1"]


@pytest.mark.django_db
def test_archived_definitions_are_not_launched() -> None:
    RevisionFactory(definition__archived_at=timezone.now())

    assert not revisions_in_use().exists()
    assert not newest_revisions().exists()


@pytest.mark.django_db
def test_those_with_a_right_or_disabled_cannot_be_added(lab: Lab, stranger: User) -> None:
    UserFactory(is_active=False)
    found = people_to_add(whole_labs().get(pk=lab.pk))

    assert set(found) == set(User.objects.filter(is_active=True)) - {
        lab.owner,
        *(m.user for m in lab.members.all()),
    }
    assert stranger in found
