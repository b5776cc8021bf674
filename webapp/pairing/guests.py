"""Invitations, and the rights of those who come by one.

A guest's right on the lab is a Member row of the kind reader or typist, made here and taken away here:
when the invitation is revoked, the guest is removed, or the pairing ends. Their open sockets are told at
once (`rights.changed`). Of an invitation's token only the SHA-256 is stored.
"""

import hashlib
import re
import secrets
import unicodedata
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from webapp import live
from webapp.accounts import audit
from webapp.accounts.actions import AccountError, close_guest, create_user, tell_sockets
from webapp.accounts.models import Role, User
from webapp.labs.access import can
from webapp.labs.models import Lab, Member
from webapp.pairing import limits
from webapp.pairing.errors import InvitationError, PairingError
from webapp.pairing.models import Invitation, Pairing, Participant

NAME = re.compile(r"[^\W_][\w .'-]{1,29}")
RIGHTS = {Invitation.Role.READ: Member.Role.READER, Invitation.Role.TYPE: Member.Role.TYPIST}
INVITED = (Member.Role.READER, Member.Role.TYPIST)
BY_OWN_RIGHT: dict[str, object] = {"removed_at": None, "invitation": None, "role": ""}  # a Participant's


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def invite(pairing: Pairing, by: User, *, role: str, uses: int = 1, hours: int = 4) -> tuple[Invitation, str]:
    """Make an invitation; return it with its token, which is never to be had again. Raises PairingError."""
    if pairing.is_ended:
        raise PairingError("This pairing has ended; nobody can be invited to it any more.")
    if not (1 <= uses <= limits.MOST_USES and 1 <= hours <= limits.LONGEST_INVITATION_H):
        raise PairingError("An invitation is for 1 to 100 people and lasts 1 hour to 14 days.")
    if pairing.invitations.count() >= limits.MOST_INVITATIONS:
        raise PairingError(f"A pairing has at most {limits.MOST_INVITATIONS} invitations.")
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        invitation = Invitation.objects.create(
            pairing=pairing,
            role=Invitation.Role(role),
            token_hash=hash_of(token),
            most_uses=uses,
            created_by=by,
            expires_at=timezone.now() + timedelta(hours=hours),
        )
        detail = {"role": str(role), "uses": uses, "hours": hours}
        audit.record(by, "invited to pairing", str(pairing), lab_id=pairing.lab_id, detail=detail)
    announce(pairing)
    return invitation, token


def find_invitation(token: str) -> Invitation:
    """Return the invitation of a token, whatever became of it. Raises InvitationError for a made-up one."""
    found = Invitation.objects.select_related("pairing__lab", "pairing__opened_by", "created_by")
    invitation = found.filter(token_hash=hash_of(token)).first()
    if invitation is None:
        raise InvitationError("This is no invitation of ours. Ask whoever sent it for a new one.")
    return invitation


def refusal_of(invitation: Invitation) -> str:
    """Say why it lets nobody new in; "" if it does."""
    if invitation.pairing.is_ended:
        return "The pairing has ended."
    if invitation.revoked_at is not None:
        return "The invitation was revoked."
    if invitation.expires_at <= timezone.now():
        return "The invitation has expired."
    if invitation.use_count >= invitation.most_uses:
        return "The invitation has been used up."
    return ""


def accept(invitation: Invitation, user: User) -> None:
    """Let somebody in: once counted, always welcome until removed. Raises InvitationError."""
    pairing = invitation.pairing
    with transaction.atomic():
        Invitation.objects.select_for_update().get(pk=invitation.pk)  # a double click is one use, not two
        known = Participant.objects.filter(pairing=pairing, user=user).first()
        fields: dict[str, object] = {"left_at": None}
        if can(user, "lab.pair", pairing.lab):
            fields |= BY_OWN_RIGHT
        elif gives_more(invitation, known):
            count_use(invitation)
            fields |= {"removed_at": None, "invitation": invitation, "role": invitation.role}
        Participant.objects.update_or_create(
            pairing=pairing,
            user=user,
            defaults=fields,
            create_defaults={**fields, "joined_at": timezone.now()},
        )
        settle_right(pairing.lab, user)
        note_joined(pairing, user, {"by": "invitation"})
    announce(pairing)


def gives_more(invitation: Invitation, known: Participant | None) -> bool:
    """Tell whether it gives a right that they have not got here. Raises InvitationError for one put out."""
    if known is None or known.role == "":  # "": came by a right of their own, which is gone
        return True
    if known.removed_at is not None:
        if known.invitation_id == invitation.pk:
            raise InvitationError("You were removed from this pairing. Ask its owner to invite you anew.")
        return True
    return (known.role, invitation.role) == (Invitation.Role.READ, Invitation.Role.TYPE)


def count_use(invitation: Invitation) -> None:
    """Take one of its uses, in one UPDATE: of two who come at once by the last one, one gets in."""
    free = Invitation.objects.filter(
        pk=invitation.pk,
        revoked_at=None,
        expires_at__gt=timezone.now(),
        use_count__lt=F("most_uses"),
        pairing__status__in=(Pairing.Status.PLANNED, Pairing.Status.OPEN),
    )
    if not free.update(use_count=F("use_count") + 1):
        invitation.refresh_from_db()
        raise InvitationError(refusal_of(invitation) or "The invitation has been used up.")


def note_joined(pairing: Pairing, user: User, detail: dict[str, str] | None = None) -> None:
    """Record that somebody has come; a failure's window to join stays open for good then."""
    audit.record(user, "joined pairing", str(pairing), lab_id=pairing.lab_id, detail=detail)
    if user.pk != pairing.opened_by_id:
        Pairing.objects.filter(pk=pairing.pk).update(join_until=None)


def sign_up(invitation: Invitation, name: str) -> User:
    """Make an account that may nothing by itself, and let it in. Raises InvitationError, AccountError."""
    name = " ".join(unicodedata.normalize("NFKC", name).split())
    if not NAME.fullmatch(name):
        raise AccountError("A name has 2 to 30 letters, digits, spaces or . ' - and begins with a letter.")
    if problem := refusal_of(invitation):
        raise InvitationError(problem)
    with transaction.atomic():
        user, _ = create_user(username=name, role=Role.GUEST, by=None)
        accept(invitation, user)
    return user


def revoke_invitation(invitation: Invitation, by: User) -> bool:
    """End an invitation and throw out who came by it; False if it was ended before."""
    now = timezone.now()
    with transaction.atomic():
        if not Invitation.objects.filter(pk=invitation.pk, revoked_at=None).update(revoked_at=now):
            return False
        audit.record(by, "revoked invitation", str(invitation.pairing), lab_id=invitation.pairing.lab_id)
        came = invitation.participants.filter(removed_at=None).select_related("user")
        for participant in came:
            put_out(invitation.pairing, participant, by)
    announce(invitation.pairing)
    return True


def remove_guest(pairing: Pairing, user: User, by: User) -> bool:
    """Throw one guest out; their link lets them in no more. False if they were not there."""
    with transaction.atomic():
        participant = Participant.objects.filter(
            pairing=pairing, user=user, removed_at=None, invitation__isnull=False
        ).first()
        if participant is None:
            return False
        put_out(pairing, participant, by)
    announce(pairing)
    return True


def put_out(pairing: Pairing, participant: Participant, by: User) -> None:
    now = timezone.now()
    Participant.objects.filter(pk=participant.pk).update(removed_at=now, left_at=now)
    audit.record(by, "removed from pairing", participant.user.username, lab_id=pairing.lab_id)
    settle_right(pairing.lab, participant.user)


def settle_guests(pairing: Pairing) -> None:
    """Take away the rights that this pairing gave."""
    for participant in pairing.participants.filter(invitation__isnull=False).select_related("user"):
        settle_right(pairing.lab, participant.user)


def settle_right(lab: Lab, user: User) -> None:
    """Give a person the best right that their open invitations on this lab make, or take it away."""
    roles = set(
        Participant.objects.filter(
            user=user,
            pairing__lab=lab,
            pairing__status__in=(Pairing.Status.PLANNED, Pairing.Status.OPEN),
            removed_at=None,
            invitation__revoked_at=None,
        )
        .exclude(invitation=None)
        .values_list("role", flat=True)
    )
    invited = Member.objects.filter(lab=lab, user=user, role__in=INVITED)
    if not roles:
        invited.delete()
    else:
        right = RIGHTS[Invitation.Role.TYPE if Invitation.Role.TYPE in roles else Invitation.Role.READ]
        if not invited.update(role=right):
            Member.objects.get_or_create(lab=lab, user=user, defaults={"role": right})
    tell_sockets(user)


def close_old_guests(now: datetime) -> int:
    """Close the accounts of guests whom no pairing has wanted for a day; return how many.

    The right on the lab went at once; the day lets somebody who was invited twice stay who they are.
    """
    before = now - timedelta(hours=limits.GUEST_KEPT_H)
    came = Participant.objects.exclude(role="")
    wanted = came.filter(
        Q(removed_at=None, pairing__status__in=(Pairing.Status.PLANNED, Pairing.Status.OPEN))
        | Q(removed_at__gte=before)
        | Q(pairing__ended_at__gte=before)
    )
    old = User.objects.filter(role=Role.GUEST, is_active=True, pk__in=came.values("user"))
    members = Member.objects.values("user")
    return sum(
        close_guest(user) for user in old.exclude(pk__in=wanted.values("user")).exclude(pk__in=members)
    )


def announce(pairing: Pairing) -> None:
    lab_id, pairing_id = pairing.lab_id, pairing.pk

    def after_commit() -> None:
        live.announce({"type": "pairing.changed", "lab": lab_id, "pairing": pairing_id})
        live.announce({"type": "lab.changed", "lab": lab_id})

    transaction.on_commit(after_commit)
