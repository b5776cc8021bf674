"""The site's addresses and one that crashes."""

from typing import NoReturn

from django.http import HttpRequest
from django.urls import include, path


def crash(request: HttpRequest) -> NoReturn:
    raise RuntimeError("on purpose")


urlpatterns = [path("crash", crash), path("", include("webapp.urls"))]
