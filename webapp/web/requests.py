"""The request that views behind the sign-in get: somebody is known, htmx exists; and numbers out of it."""

import re

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from webapp.accounts.models import User

WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)


class Request(HttpRequest):
    """A request after LoginRequiredMiddleware and HtmxMiddleware; for annotations only."""

    user: User
    htmx: HtmxDetails


def whole_number(text: str | None, default: int) -> int:
    """Read a number out of an address or a form; rubbish counts as none given."""
    return int(text) if text is not None and WHOLE.fullmatch(text) else default
