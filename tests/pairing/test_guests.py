"""Invitations: only a hash is kept, each use counts once, and what is taken back is gone at once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories import LabFactory, MemberFactory, UserFactory
from webapp.accounts.actions import AccountError
from webapp.accounts.models import AuditEntry, Role, User
from webapp.labs.access import can
from webapp.labs.models import Lab, Member
from webapp.pairing import chat, guests, limits
from webapp.pairing.actions import end_pairing, join_pairing, open_pairing
from webapp.pairing.errors import InvitationError, PairingError
from webapp.pairing.models import Invitation, Pairing

pytestmark = pytest.mark.django_db
AcceptAs = Callable[[User, str], Invitation]


@pytest.fixture
def eve(db: None) -> User:
    return UserFactory(username="eve", role=Role.GUEST)


def rights(user: User, lab: Lab) -> list[str]:
    fresh = Lab.objects.get(pk=lab.pk)
    return [name for name in ("lab.see", "lab.chat", "lab.note", "lab.shell") if can(user, name, fresh)]


def test_the_token_itself_is_nowhere(pairing: Pairing, owner: User):
    invitation, token = guests.invite(pairing, owner, role="read")

    stored = f"{Invitation.objects.values()} {list(AuditEntry.objects.values())}"
    assert token not in stored
    assert guests.find_invitation(token) == invitation


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("read", ["lab.see", "lab.chat"]),
        ("type", ["lab.see", "lab.chat", "lab.note", "lab.shell"]),
    ],
)
def test_a_guest_has_the_rights_of_the_link_on_this_lab_only(
    accept_as: AcceptAs, eve: User, lab: Lab, role: str, expected: list[str]
):
    accept_as(eve, role)

    assert rights(eve, lab) == expected
    assert rights(eve, LabFactory()) == []


def test_a_single_use_lets_one_in(pairing: Pairing, owner: User, eve: User):
    invitation, _ = guests.invite(pairing, owner, role="read")
    guests.accept(invitation, eve)
    guests.accept(invitation, eve)  # the same person again is no second use

    with pytest.raises(InvitationError, match="used up"):
        guests.accept(invitation, UserFactory(role=Role.GUEST))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "expired"),
        ({"revoked_at": timezone.now()}, "revoked"),
        ({"use_count": 1}, "used up"),
    ],
    ids=["expired", "revoked", "used"],
)
def test_a_link_that_is_over_lets_nobody_in(
    pairing: Pairing, owner: User, eve: User, change: dict, problem: str
):
    invitation, token = guests.invite(pairing, owner, role="read")
    Invitation.objects.filter(pk=invitation.pk).update(**change)

    with pytest.raises(InvitationError, match=problem):
        guests.accept(guests.find_invitation(token), eve)
    assert rights(eve, pairing.lab) == []


def test_revoking_throws_out_all_who_came_by_it(accept_as: AcceptAs, eve: User, lab: Lab, owner: User):
    invitation = accept_as(eve, "type")

    assert [guests.revoke_invitation(invitation, owner), guests.revoke_invitation(invitation, owner)] == [
        True,
        False,
    ]
    assert rights(eve, lab) == []


def test_who_is_removed_does_not_come_back_by_the_same_link(
    accept_as: AcceptAs, pairing: Pairing, eve: User, owner: User
):
    invitation = accept_as(eve, "read")

    assert guests.remove_guest(pairing, eve, owner)

    with pytest.raises(InvitationError, match="removed"):
        guests.accept(invitation, eve)
    assert rights(eve, pairing.lab) == []


@pytest.mark.parametrize("act", ["remove", "revoke"])
def test_who_was_thrown_out_comes_back_by_a_new_invitation(
    accept_as: AcceptAs, pairing: Pairing, eve: User, owner: User, act: str
):
    first = accept_as(eve, "type")
    if act == "remove":
        guests.remove_guest(pairing, eve, owner)
    else:
        guests.revoke_invitation(first, owner)

    second = accept_as(eve, "read")

    assert rights(eve, pairing.lab) == ["lab.see", "lab.chat"]
    assert pairing.participants.get(user=eve).invitation == second
    second.refresh_from_db()
    assert second.use_count == 1


@pytest.mark.parametrize(
    ("roles", "came_by"), [(["read", "type"], 1), (["type", "read"], 0)], ids=["better", "lesser"]
)
def test_a_better_invitation_to_the_same_pairing_counts_and_a_lesser_one_takes_nothing(
    accept_as: AcceptAs, pairing: Pairing, eve: User, roles: list[str], came_by: int
):
    links = [accept_as(eve, role) for role in roles]

    assert "lab.shell" in rights(eve, pairing.lab)
    assert pairing.participants.get(user=eve).invitation == links[came_by]


def test_a_guest_who_was_thrown_out_joins_once_they_are_a_member(
    accept_as: AcceptAs, pairing: Pairing, eve: User, owner: User
):
    accept_as(eve, "read")
    guests.remove_guest(pairing, eve, owner)
    MemberFactory(lab=pairing.lab, user=eve, role=Member.Role.GUEST)

    assert [join_pairing(pairing, eve), join_pairing(pairing, eve)] == [True, False]
    assert pairing.participants.get(user=eve).removed_at is None


def test_the_end_takes_the_right_away(accept_as: AcceptAs, pairing: Pairing, eve: User, owner: User):
    accept_as(eve, "type")

    end_pairing(pairing, owner)

    assert rights(eve, pairing.lab) == []


def test_a_right_of_ones_own_is_not_touched(accept_as: AcceptAs, pairing: Pairing, guest: User, owner: User):
    accept_as(guest, "read")

    end_pairing(pairing, owner)

    assert Member.objects.get(lab=pairing.lab, user=guest).role == Member.Role.GUEST


def test_a_viewer_of_the_site_can_be_handed_the_baton(accept_as: AcceptAs, pairing: Pairing, stranger: User):
    accept_as(stranger, "type")

    assert can(stranger, "lab.shell", Lab.objects.get(pk=pairing.lab_id))


def test_a_stranger_signs_up_and_may_nothing_else(pairing: Pairing, owner: User):
    invitation, _ = guests.invite(pairing, owner, role="read")

    eve = guests.sign_up(invitation, "  Eve   Guest ")

    assert (eve.username, eve.role) == ("Eve Guest", Role.GUEST)
    assert rights(eve, pairing.lab) == ["lab.see", "lab.chat"]


@pytest.mark.parametrize(
    "name", ["", "x", "-rm", "<b>eve</b>", "a" * 31, "eve\u202eadmin", "ana", "ANA", "\uff41\uff4e\uff41"]
)
def test_a_guest_is_called_something_decent_of_their_own(pairing: Pairing, owner: User, name: str):
    invitation, _ = guests.invite(pairing, owner, role="read")

    with pytest.raises(AccountError):
        guests.sign_up(invitation, name)
    assert User.objects.filter(role=Role.GUEST).count() == 0


def test_nobody_signs_up_by_a_link_that_is_over(pairing: Pairing, owner: User):
    _, token = guests.invite(pairing, owner, role="read")
    end_pairing(pairing, owner)

    with pytest.raises(InvitationError, match="ended"):
        guests.sign_up(guests.find_invitation(token), "Eve")
    assert User.objects.filter(role=Role.GUEST).count() == 0


def test_a_made_up_token_is_no_invitation(db: None):
    with pytest.raises(InvitationError):
        guests.find_invitation("x" * 43)


@pytest.mark.parametrize(("uses", "hours"), [(0, 4), (101, 4), (1, 0), (1, 337)])
def test_invitations_are_bounded(pairing: Pairing, owner: User, uses: int, hours: int):
    with pytest.raises(PairingError):
        guests.invite(pairing, owner, role="read", uses=uses, hours=hours)


def test_the_best_of_two_invitations_counts(accept_as: AcceptAs, pairing: Pairing, eve: User, owner: User):
    accept_as(eve, "read")
    end_pairing(pairing, owner)
    second, _ = open_pairing(Lab.objects.get(pk=pairing.lab_id), owner, title="Again")
    invitation, _ = guests.invite(second, owner, role="type")

    guests.accept(invitation, eve)

    assert "lab.shell" in rights(eve, pairing.lab)


def test_an_owner_by_membership_stays_one(accept_as: AcceptAs, pairing: Pairing, eve: User, owner: User):
    MemberFactory(lab=pairing.lab, user=eve, role=Member.Role.OWNER)
    guests.remove_guest(pairing, eve, owner)

    assert can(eve, "lab.destroy", Lab.objects.get(pk=pairing.lab_id))


DAY = timedelta(hours=limits.GUEST_KEPT_H)
SOON, LATER = DAY / 2, DAY * 1.1


@pytest.mark.parametrize(
    ("over", "after", "closed"),
    [("end", LATER, 1), ("end", SOON, 0), ("revoke", LATER, 1), ("remove", LATER, 1), ("", LATER, 0)],
    ids=["ended", "ended today", "revoked", "removed", "still open"],
)
def test_a_guest_whom_nobody_wants_any_more_has_no_account(
    pairing: Pairing, owner: User, over: str, after: timedelta, closed: int
):
    invitation, _ = guests.invite(pairing, owner, role="read")
    eve = guests.sign_up(invitation, "Eve")
    chat.say(pairing, eve, "good morning")
    acts = {
        "end": lambda: end_pairing(pairing, owner),
        "revoke": lambda: guests.revoke_invitation(invitation, owner),
        "remove": lambda: guests.remove_guest(pairing, eve, owner),
    }
    acts.get(over, list)()

    assert guests.close_old_guests(timezone.now() + after) == closed

    eve.refresh_from_db()
    assert (eve.is_active, eve.username) == ((False, f"Eve (guest #{eve.pk})") if closed else (True, "Eve"))
    assert pairing.messages.get().author == eve


def test_the_name_of_a_closed_guest_is_free_again(pairing: Pairing, owner: User):
    invitation, _ = guests.invite(pairing, owner, role="read", uses=2)
    first = guests.sign_up(invitation, "Eve")
    guests.remove_guest(pairing, first, owner)
    guests.close_old_guests(timezone.now() + LATER)

    assert guests.sign_up(invitation, "Eve").pk != first.pk


def test_nobody_but_guests_is_closed(accept_as: AcceptAs, pairing: Pairing, stranger: User, owner: User):
    made_member, hired = (UserFactory(role=Role.GUEST) for _ in range(2))
    for person in (stranger, made_member, hired):
        accept_as(person, "read")
    end_pairing(pairing, owner)
    MemberFactory(lab=pairing.lab, user=made_member, role=Member.Role.GUEST)
    User.objects.filter(pk=hired.pk).update(role=Role.MEMBER)

    assert guests.close_old_guests(timezone.now() + LATER) == 0
