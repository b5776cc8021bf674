"""The request that views behind the sign-in get: somebody is known, htmx exists."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from webapp.accounts.models import User


class Request(HttpRequest):
    """A request after LoginRequiredMiddleware and HtmxMiddleware; for annotations only."""

    user: User
    htmx: HtmxDetails
