"""The table of rights, row by row."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied

from tests.factories import DefinitionFactory, LabFactory, MemberFactory, UserFactory
from webapp.accounts.models import Role, User
from webapp.labs.access import SITE, can, require
from webapp.labs.models import Lab, Member

ALL = set(SITE)
READ = {"lab.list", "lab.see", "host.see", "definition.see", "build.see", "cluster.see"}
PAIR = {"lab.shell", "lab.pair", "lab.note", "lab.chat"}


def allowed(user: User, lab: Lab) -> set[str]:
    return {action for action in ALL if can(user, action, lab)}


def test_an_administrator_may_everything(administrator: User, lab: Lab):
    assert allowed(administrator, lab) == ALL


def test_a_member_may_work_but_not_destroy_what_is_not_theirs(member: User, lab: Lab):
    rights = {
        "lab.launch",
        "lab.operate",
        "definition.edit",
        "host.inspect",
        "build.request",
        "cluster.attach",
    }
    assert allowed(member, lab) == READ | PAIR | rights


def test_an_owner_may_destroy_share_and_connect(owner: User, lab: Lab):
    owners = {"lab.destroy", "lab.share", "lab.connect", "lab.force", "lab.shell", "lab.baton"}
    assert owners <= allowed(owner, lab)


def test_a_guest_operates_this_lab_only(guest: User, lab: Lab):
    assert allowed(guest, lab) == READ | PAIR | {"lab.operate"}
    assert allowed(guest, LabFactory()) == READ


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        (Member.Role.READER, {"lab.see", "lab.chat"}),
        (Member.Role.TYPIST, {"lab.see", "lab.chat", "lab.note", "lab.shell"}),
    ],
)
def test_who_came_by_a_link_sees_their_lab_only(lab: Lab, role: str, rights: set[str]):
    invited = UserFactory(role=Role.GUEST)
    MemberFactory(lab=lab, user=invited, role=role)

    assert allowed(invited, lab) == {"lab.list"} | rights
    assert allowed(invited, LabFactory()) == {"lab.list"}


def test_a_viewer_only_looks(stranger: User, lab: Lab):
    assert allowed(stranger, lab) == READ


def test_a_member_with_the_role_owner_is_one(stranger: User, lab: Lab):
    MemberFactory(lab=lab, user=stranger, role=Member.Role.OWNER)

    assert can(stranger, "lab.destroy", lab)


@pytest.mark.parametrize("action", sorted(ALL))
def test_nobody_without_an_account_may_anything(action: str, lab: Lab):
    assert not can(AnonymousUser(), action, lab)


def test_a_disabled_account_may_nothing(owner: User, lab: Lab):
    owner.is_active = False

    assert allowed(owner, lab) == set()


def test_only_the_owner_edits_a_definition(owner: User, member: User):
    definition = DefinitionFactory(owner=owner)

    assert can(owner, "definition.edit", definition=definition)
    assert not can(member, "definition.edit", definition=definition)


def test_require_says_no_with_a_sentence(stranger: User, lab: Lab):
    with pytest.raises(PermissionDenied, match="no right"):
        require(stranger, "lab.destroy", lab)


def test_an_unknown_action_is_our_bug(owner: User):
    with pytest.raises(KeyError):
        can(owner, "lab.explode")
