"""Was the sign-in recent enough for terminals? They reach further than pages do."""

import time
from collections.abc import Mapping, MutableMapping
from typing import Any

from django.conf import settings

from webapp.accounts.models import User

SIGNED_IN_AT = "signed_in_at"  # a session's key: seconds since the epoch


def note_sign_in(session: MutableMapping[str, Any]) -> None:
    """Call it wherever somebody has just shown who they are."""
    session[SIGNED_IN_AT] = time.time()


def is_fresh(session: Mapping[str, Any] | None, user: User) -> bool:
    """Tell whether the session began within SHELL_SIGN_IN_S; one that does not say when: last_login."""
    began = session.get(SIGNED_IN_AT) if session is not None else None
    if not isinstance(began, int | float):
        began = user.last_login.timestamp() if user.last_login else None
    if began is None:
        return session is None  # a caller that brought its user along
    # A clock that was set back does not make it younger for longer.
    return abs(time.time() - float(began)) < settings.SHELL_SIGN_IN_S
