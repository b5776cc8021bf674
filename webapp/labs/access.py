"""The only place where rights are decided, for pages, API and sockets alike.

| action | administrator | member | viewer | lab owner | lab guest |
|---|---|---|---|---|---|
| lab.see, host.see, definition.see | yes | yes | yes | yes | yes |
| build.see | yes | yes | yes | – | – |
| build.request (also cancel, keep, upload, add components, follow) | yes | yes | no | – | – |
| lab.launch | yes | yes | no | – | – |
| lab.operate (verbs, cancel, retry) | yes | yes | no | yes | yes |
| lab.shell (open a terminal, have its baton) | yes | yes | no | yes | yes |
| lab.pair (open, plan and join pairings), lab.note (notes, quotes), lab.chat | yes | yes | no | yes | yes |
| lab.baton (take any baton, close, record) | yes | no | no | yes | no |
| lab.destroy (also to retry a destroy), lab.share, lab.connect | yes | no | no | yes | no |
| lab.force (inject in spite of flags) | yes | no | no | yes | no |
| definition.edit (own ones; with none given: create) | all | own | no | – | – |
| host.inspect | yes | yes | no | – | – |
| cluster.see (attached clusters; a lab's own goes by lab.see) | yes | yes | yes | – | – |
| cluster.attach | yes | yes | no | – | – |
| cluster.manage (repair, detach an attached one; its kubeconfig is somebody's own) | all | own | no | – | – |
| people.manage, audit.see | yes | no | no | – | – |

A site-wide guest (an account made by an invitation) has a lab's own rights only, and lab.list: a list of
their labs. Who was invited to a pairing is the lab's reader (lab.see, lab.chat) or typist (also lab.shell,
lab.note) until it ends or the invitation is revoked.
Who sees a lab sees its terminals. A lab's owner is `lab.owner` or a `Member` with
the role owner. Somebody who is not signed in, or whose account is disabled, may nothing.
"""

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied

from webapp.accounts.models import Role, User
from webapp.definitions.models import Definition
from webapp.labs.models import Lab, Member

Person = User | AnonymousUser

SITE: dict[str, frozenset[str]] = {
    "lab.list": frozenset({Role.MEMBER, Role.VIEWER, Role.GUEST}),
    "lab.see": frozenset({Role.MEMBER, Role.VIEWER}),
    "host.see": frozenset({Role.MEMBER, Role.VIEWER}),
    "definition.see": frozenset({Role.MEMBER, Role.VIEWER}),
    "build.see": frozenset({Role.MEMBER, Role.VIEWER}),
    "build.request": frozenset({Role.MEMBER}),
    "lab.launch": frozenset({Role.MEMBER}),
    "lab.operate": frozenset({Role.MEMBER}),
    "lab.shell": frozenset({Role.MEMBER}),
    "lab.pair": frozenset({Role.MEMBER}),
    "lab.note": frozenset({Role.MEMBER}),
    "lab.chat": frozenset({Role.MEMBER}),
    "lab.baton": frozenset(),
    "lab.destroy": frozenset(),
    "lab.share": frozenset(),
    "lab.connect": frozenset(),
    "lab.force": frozenset(),
    "definition.edit": frozenset({Role.MEMBER}),
    "host.inspect": frozenset({Role.MEMBER}),
    "cluster.see": frozenset({Role.MEMBER, Role.VIEWER}),
    "cluster.attach": frozenset({Role.MEMBER}),
    "cluster.manage": frozenset({Role.MEMBER}),
    "people.manage": frozenset(),
    "audit.see": frozenset(),
}
PAIRING = frozenset({"lab.see", "lab.shell", "lab.pair", "lab.note", "lab.chat"})
LAB: dict[str, frozenset[str]] = {
    Member.Role.OWNER: PAIRING
    | {"lab.operate", "lab.baton", "lab.destroy", "lab.share", "lab.connect", "lab.force"},
    Member.Role.GUEST: PAIRING | {"lab.operate"},
    Member.Role.TYPIST: PAIRING - {"lab.pair"},
    Member.Role.READER: frozenset({"lab.see", "lab.chat"}),
}


def can(
    user: Person,
    action: str,
    lab: Lab | None = None,
    *,
    definition: Definition | None = None,
    owner_id: int | None = None,
) -> bool:
    """Tell whether `user` may do `action`; an unknown action is a bug (KeyError).

    `owner_id`: of the attached cluster that `cluster.manage` is about.
    """
    allowed_roles = SITE[action]
    if not isinstance(user, User) or not user.is_active:
        return False
    if user.is_administrator:
        return True
    if definition is not None and definition.owner_id != user.pk and action == "definition.edit":
        return False
    if action == "cluster.manage" and owner_id != user.pk:
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
    user: Person,
    action: str,
    lab: Lab | None = None,
    *,
    definition: Definition | None = None,
    owner_id: int | None = None,
) -> None:
    """Raise PermissionDenied, with a sentence, unless `can`."""
    if not can(user, action, lab, definition=definition, owner_id=owner_id):
        raise PermissionDenied(f"You have no right to do this ({action}).")
