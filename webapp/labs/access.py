"""The only place where rights are decided, for pages, API and sockets alike.

| action | administrator | member | viewer | lab owner | lab guest |
|---|---|---|---|---|---|
| lab.see, host.see, definition.see | yes | yes | yes | yes | yes |
| build.see | yes | yes | yes | – | – |
| build.request (also cancel, keep, upload, add components, follow) | yes | yes | no | – | – |
| lab.launch | yes | yes | no | – | – |
| lab.operate (verbs, cancel, retry) | yes | yes | no | yes | yes |
| lab.shell (open a terminal, hold its baton; who sees the lab sees its terminals) | yes | yes | no | yes | yes |
| lab.destroy, lab.share, lab.connect, lab.baton (take any baton, close and record any terminal) | yes | no | no | yes | no |
| definition.edit (own ones; with none given: create) | all | own | no | – | – |
| host.inspect | yes | yes | no | – | – |
| people.manage, audit.see | yes | no | no | – | – |

A lab's owner is `lab.owner` or a `Member` with the role owner. Somebody who is
not signed in, or whose account is disabled, may nothing.
"""

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied

from webapp.accounts.models import Role, User
from webapp.definitions.models import Definition
from webapp.labs.models import Lab, Member

Person = User | AnonymousUser

SITE: dict[str, frozenset[str]] = {
    "lab.see": frozenset({Role.MEMBER, Role.VIEWER}),
    "host.see": frozenset({Role.MEMBER, Role.VIEWER}),
    "definition.see": frozenset({Role.MEMBER, Role.VIEWER}),
    "build.see": frozenset({Role.MEMBER, Role.VIEWER}),
    "build.request": frozenset({Role.MEMBER}),
    "lab.launch": frozenset({Role.MEMBER}),
    "lab.operate": frozenset({Role.MEMBER}),
    "lab.shell": frozenset({Role.MEMBER}),
    "lab.baton": frozenset(),
    "lab.destroy": frozenset(),
    "lab.share": frozenset(),
    "lab.connect": frozenset(),
    "definition.edit": frozenset({Role.MEMBER}),
    "host.inspect": frozenset({Role.MEMBER}),
    "people.manage": frozenset(),
    "audit.see": frozenset(),
}
LAB: dict[str, frozenset[str]] = {
    Member.Role.OWNER: frozenset(
        {"lab.see", "lab.operate", "lab.shell", "lab.baton", "lab.destroy", "lab.share", "lab.connect"}
    ),
    Member.Role.GUEST: frozenset({"lab.see", "lab.operate", "lab.shell"}),
}


def can(user: Person, action: str, lab: Lab | None = None, *, definition: Definition | None = None) -> bool:
    """Tell whether `user` may do `action`; an unknown action is a bug (KeyError)."""
    allowed_roles = SITE[action]
    if not isinstance(user, User) or not user.is_active:
        return False
    if user.is_administrator:
        return True
    if definition is not None and definition.owner_id != user.pk and action == "definition.edit":
        return False
    if user.role in allowed_roles:
        return True
    return lab is not None and action in LAB.get(lab_role(user, lab), frozenset())


def lab_role(user: User, lab: Lab) -> str:
    """Return the person's own role on this lab, "" if none."""
    if lab.owner_id == user.pk:
        return Member.Role.OWNER
    return next((member.role for member in lab.members.all() if member.user_id == user.pk), "")


def require(
    user: Person, action: str, lab: Lab | None = None, *, definition: Definition | None = None
) -> None:
    """Raise PermissionDenied, with a sentence, unless `can`."""
    if not can(user, action, lab, definition=definition):
        raise PermissionDenied(f"You have no right to do this ({action}).")
