"""Sessions in the database, asked for keys only that Django could have made.

A cookie may hold anything, a NUL too, over which PostgreSQL fails (500, and to a socket none at all).
"""

import re

from django.contrib.sessions.backends import db

KEY = re.compile(r"[a-z0-9]{8,40}", re.ASCII)


class SessionStore(db.SessionStore):
    """settings.SESSION_ENGINE."""

    def _validate_session_key(self, key: str | None) -> bool:
        return key is not None and KEY.fullmatch(key) is not None
