"""The first administrator: made in the browser by whoever can read the setup token.

The token is SETUP_TOKEN, or a file `setup_token` beside the data (mode 0600),
so that a fresh dashboard on a network does not belong to whoever comes first.
"""

import secrets
from pathlib import Path

from django.db import connection, transaction

from webapp.accounts.actions import AccountError, create_user
from webapp.accounts.models import Role, User
from webapp.env import stored_secret

FILE_NAME = "setup_token"


def is_first_run() -> bool:
    """Tell whether nobody can sign in yet."""
    return not User.objects.exists()


def setup_token(var_dir: Path, configured: str) -> str:
    """Return the configured token, else the stored one, made the first time."""
    return configured or stored_secret(var_dir / FILE_NAME, 24)


def create_first_administrator(*, username: str, password: str, given: str, token: str) -> User:
    """Make the first administrator; raises AccountError for a wrong token or when there is somebody."""
    if not token or not secrets.compare_digest(given.strip().encode(), token.encode()):
        raise AccountError("This is not the setup token.")
    with transaction.atomic():
        lock_people()
        if not is_first_run():
            raise AccountError("There is an administrator already; sign in.")
        user, _ = create_user(username=username, role=Role.ADMINISTRATOR, by=None, password=password)
    return user


def lock_people() -> None:
    """Keep a second first run waiting until the transaction ends: there is no row yet that could be locked.

    SQLite's transactions (BEGIN IMMEDIATE, see settings) wait for each other anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {User._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")
