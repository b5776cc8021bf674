"""The one door to the audit trail."""

from collections.abc import Mapping

from webapp.accounts.models import AuditEntry, User


def record(
    actor: User | None,
    action: str,
    target: str,
    *,
    lab_id: int | None = None,
    detail: Mapping[str, object] | None = None,
) -> AuditEntry:
    """Store who did what. `actor` None is the system; `detail` holds no secrets."""
    return AuditEntry.objects.create(
        actor=actor,
        actor_name=actor.username if actor else "system",
        action=action,
        target=target,
        lab_id=lab_id,
        detail=dict(detail or {}),
    )
