"""Find labs, and what one can launch: the reads that need no runs.

What runs on the labs is added by `runs.overview`, one layer up.
"""

from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery

from webapp.accounts.models import User
from webapp.definitions.models import Definition, Revision
from webapp.labs.access import can
from webapp.labs.models import Lab, Member


def find_labs(
    user: User, *, text: str = "", is_mine: bool = False, is_destroyed: bool = False
) -> QuerySet[Lab]:
    """Filter labs; `text` is looked for in names, owners, definitions, hosts."""
    labs = visible_labs(user).filter(destroyed_at__isnull=not is_destroyed)
    if is_mine:
        labs = labs.filter(of_own(user))
    if text:
        labs = labs.filter(
            Q(name__icontains=text)
            | Q(slug__icontains=text)
            | Q(owner__username__icontains=text)
            | Q(revision__definition__name__icontains=text)
            | Q(host__name__icontains=text)
        )
    return labs


def of_own(user: User) -> Q:
    return Q(owner=user) | Q(pk__in=Member.objects.filter(user=user).values("lab"))


def visible_labs(user: User) -> QuerySet[Lab]:
    """The labs whose existence `user` may know: all with the site-wide lab.see, else their own."""
    return Lab.objects.all() if can(user, "lab.see") else Lab.objects.filter(of_own(user))


def labs_named(user: User, text: str) -> QuerySet[Lab]:
    """Labs that are called so, for commands: a command must not reach a lab by its definition's name."""
    return visible_labs(user).filter(destroyed_at=None, name__icontains=text)


def whole_labs() -> QuerySet[Lab]:
    """Labs with everything that a page shows of them besides their runs."""
    members = Prefetch("members", Member.objects.select_related("user").order_by("added_at"))
    return Lab.objects.select_related("owner", "host", "revision__definition").prefetch_related(
        "machines", members
    )


def revisions_in_use() -> QuerySet[Revision]:
    """Every revision of the definitions that are not archived."""
    return Revision.objects.filter(definition__archived_at=None).select_related("definition")


def newest_revisions(definition_slug: str = "") -> QuerySet[Revision]:
    """The newest revision of each definition in use, and all of the named one, newest first."""
    same = Revision.objects.filter(definition=OuterRef("definition")).order_by("-number")
    newest = Q(number=Subquery(same.values("number")[:1]))
    wanted = newest | Q(definition__slug=definition_slug) if definition_slug else newest
    return revisions_in_use().filter(wanted).order_by("definition__name", "-number")


def find_definitions(text: str, limit: int) -> list[Definition]:
    return list(Definition.objects.filter(archived_at=None, name__icontains=text)[:limit])


def people_to_add(lab: Lab) -> QuerySet[User]:
    """Those who have no right of their own on this lab yet."""
    lasting = (Member.Role.OWNER, Member.Role.GUEST)
    have = [lab.owner_id, *(member.user_id for member in lab.members.all() if member.role in lasting)]
    return User.objects.filter(is_active=True).exclude(pk__in=have).order_by("username")
