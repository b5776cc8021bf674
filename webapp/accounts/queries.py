"""Read people and the audit trail."""

from django.db.models import Q, QuerySet

from webapp.accounts.models import AuditEntry, User


def find_entries(*, text: str = "", actor: str = "", lab: str = "") -> QuerySet[AuditEntry]:
    """Filter the trail, newest first; `text` is looked for in what was done and to what."""
    entries = AuditEntry.objects.select_related("lab").order_by("-at", "-id")
    if text:
        entries = entries.filter(Q(action__icontains=text) | Q(target__icontains=text))
    if actor:
        entries = entries.filter(actor_name__icontains=actor)
    if lab:
        entries = entries.filter(lab__slug=lab)
    return entries


def all_people() -> QuerySet[User]:
    return User.objects.order_by("-is_active", "username")
