"""What stands around every view and is ours; settings.MIDDLEWARE has the order."""

from django.http import HttpRequest, HttpResponsePermanentRedirect
from django.middleware.common import CommonMiddleware

ALIVE = "/healthz"


class SiteMiddleware(CommonMiddleware):
    """Hold each request to ALLOWED_HOSTS but one: a health check asks an address, not the site's name."""

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        return None if request.path_info == ALIVE else super().process_request(request)
