"""People: added, changed, kept out; what happened is on the trail, passwords are not."""

import pytest

from tests.at_once import at_once
from tests.factories import UserFactory
from webapp.accounts import actions
from webapp.accounts.models import AuditEntry, Role, User


@pytest.mark.django_db
def test_new_person_has_the_password_that_was_made(administrator: User) -> None:
    user, password = actions.create_user(username="eva", role="member", by=administrator)

    assert user.check_password(password)
    assert (user.role, AuditEntry.objects.get().target) == (Role.MEMBER, "eva")


@pytest.mark.parametrize(
    ("username", "password"), [("ROOT", ""), ("eva", "short"), ("evangeline-x", "evangeline-x")]
)
@pytest.mark.django_db
def test_taken_name_or_weak_password_is_refused(administrator: User, username: str, password: str) -> None:
    with pytest.raises(actions.AccountError):
        actions.create_user(username=username, role="member", by=administrator, password=password)

    assert User.objects.count() == 1
    assert not AuditEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_people_who_come_by_one_name_at_once_one_gets_it() -> None:
    came = at_once(*[lambda: actions.create_user(username="Eve", role="guest", by=None)] * 4)

    said = sorted(str(one) if isinstance(one, actions.AccountError) else "Eve" for one in came)
    assert said == ["Eve", *["There is already somebody called Eve."] * 3]


@pytest.mark.django_db
def test_one_of_two_administrators_may_go(administrator: User) -> None:
    other = UserFactory(role=Role.ADMINISTRATOR)

    assert actions.change_role(other, Role.VIEWER, administrator)
    with pytest.raises(actions.AccountError):
        actions.change_role(administrator, Role.VIEWER, other)


@pytest.mark.django_db
def test_a_disabled_administrator_does_not_count(administrator: User) -> None:
    UserFactory(role=Role.ADMINISTRATOR, is_active=False)

    with pytest.raises(actions.AccountError):
        actions.change_role(administrator, Role.VIEWER, administrator)


@pytest.mark.django_db
def test_nobody_disables_themselves(administrator: User) -> None:
    UserFactory(role=Role.ADMINISTRATOR)

    with pytest.raises(actions.AccountError):
        actions.set_active(administrator, is_active=False, by=administrator)


@pytest.mark.django_db
def test_disabling_twice_is_recorded_once(administrator: User, stranger: User) -> None:
    done = [actions.set_active(stranger, is_active=False, by=administrator) for _ in range(2)]

    assert done == [True, False]
    assert AuditEntry.objects.count() == 1


@pytest.mark.django_db
def test_reset_password_replaces_the_old_one(administrator: User, stranger: User) -> None:
    password = actions.reset_password(stranger, administrator)
    again = User.objects.get(pk=stranger.pk)

    assert again.check_password(password)
    assert password not in str(list(AuditEntry.objects.values()))
