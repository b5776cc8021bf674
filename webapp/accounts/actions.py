"""Add people, change what they may do, reset what they forgot; each goes on the audit trail."""

import secrets

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q

from webapp import live
from webapp.accounts import audit
from webapp.accounts.models import Role, User


class AccountError(Exception):
    """What was asked for cannot be; a sentence for the user."""


def create_user(*, username: str, role: str, by: User | None, password: str = "") -> tuple[User, str]:
    """Add a person; return them with the password, a made one when none is given.

    Raises AccountError for a name that is taken or a password that is too weak.
    """
    taken = AccountError(f"There is already somebody called {username}.")
    if User.objects.filter(username__iexact=username).exists():
        raise taken
    user = User(username=username, role=Role(role))
    password = password or new_password()
    check_password_rules(password, user)
    user.set_password(password)  # slow on purpose: nobody waits for a lock meanwhile
    try:
        with transaction.atomic():
            user.save()
            audit.record(by, "added person", username, detail={"role": role})
    except IntegrityError as error:  # somebody else was quicker
        raise taken from error
    return user, password


def new_password() -> str:
    """Make a password to be handed over once and changed by its owner."""
    return secrets.token_urlsafe(12)


def check_password_rules(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise AccountError(" ".join(error.messages)) from error


def change_role(user: User, role: str, by: User) -> bool:
    """Give a person another role; False if it was theirs. Raises AccountError for the last administrator."""
    with transaction.atomic():
        locked, others = lock_with_administrators(user)
        if locked.role == role:
            return False
        if Role(role) != Role.ADMINISTRATOR:
            refuse_last_administrator(locked, others)
        audit.record(by, "changed role", user.username, detail={"from": locked.role, "to": role})
        User.objects.filter(pk=user.pk).update(role=role)
        tell_sockets(user)
    return True


def set_active(user: User, *, is_active: bool, by: User) -> bool:
    """Let a person in or keep them out; False if that was so already.

    Raises AccountError for oneself and for the last administrator.
    """
    with transaction.atomic():
        locked, others = lock_with_administrators(user)
        if locked.is_active == is_active:
            return False
        if user.pk == by.pk:
            raise AccountError("You cannot disable yourself.")
        if not is_active:
            refuse_last_administrator(locked, others)
        audit.record(by, "enabled person" if is_active else "disabled person", user.username)
        User.objects.filter(pk=user.pk).update(is_active=is_active)
        tell_sockets(user)
    return True


def close_guest(user: User) -> bool:
    """Close a guest's account for good and free the name; what they wrote stays theirs, under a new one.

    False for somebody who is no guest (any more) or was closed before.
    """
    name = f"{user.username} (guest #{user.pk})"
    with transaction.atomic():
        guests = User.objects.filter(pk=user.pk, role=Role.GUEST, is_active=True)
        if not guests.update(is_active=False, username=name):
            return False
        audit.record(None, "closed guest account", user.username, detail={"now": name})
        tell_sockets(user)
    return True


def tell_sockets(user: User) -> None:
    """After the commit: have the person's open sockets look at their rights at once."""
    pk = user.pk
    transaction.on_commit(lambda: live.announce({"type": "rights.changed", "user": pk}))


def lock_with_administrators(user: User) -> tuple[User, list[User]]:
    """Return a person as stored and the other administrators, all locked.

    In one order for everybody: two who put each other out wait for each other, and not for ever.
    """
    who = Q(pk=user.pk) | Q(is_active=True, role=Role.ADMINISTRATOR)
    rows = list(User.objects.select_for_update().filter(who).order_by("pk"))
    return next(row for row in rows if row.pk == user.pk), [row for row in rows if row.pk != user.pk]


def refuse_last_administrator(user: User, others: list[User]) -> None:
    """Raise AccountError if nobody else could manage people afterwards."""
    if user.is_administrator and not others:
        raise AccountError(f"{user.username} is the last administrator; make somebody else one first.")


def reset_password(user: User, by: User) -> str:
    """Give a person a new password and return it; their sessions end with the old one."""
    password = new_password()
    user.set_password(password)
    with transaction.atomic():
        user.save(update_fields=["password"])
        audit.record(by, "reset password", user.username)
        tell_sockets(user)
    return password


def record_sign_in(user: User) -> None:
    audit.record(user, "signed in", user.username)


def record_password_change(user: User) -> None:
    audit.record(user, "changed password", user.username)
