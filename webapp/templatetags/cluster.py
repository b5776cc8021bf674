"""Addresses of cluster pages that need more than the cluster: `{% cluster_url place "log-view" 3 %}`."""

from typing import Any
from urllib.parse import urlencode

from django import template

register = template.Library()


@register.simple_tag
def cluster_url(place: Any, name: str, *args: int, **query: object) -> str:  # Any: web's Place, higher up
    """Return the address below a lab or below /clusters/; keywords become its query."""
    address = str(place.urls.of(name, *args))
    given = {key: str(value) for key, value in query.items() if value not in ("", None)}
    return f"{address}?{urlencode(given)}" if given else address
