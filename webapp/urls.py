"""Every address of the site, gathered from the interfaces."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("webapp.web.urls_health")),
    path("", include("webapp.web.urls_pages")),
    path("", include("webapp.web.urls_runs")),
    path("", include("webapp.web.urls_logs")),
    path("", include("webapp.web.urls_definitions")),
    path("", include("webapp.web.urls_builds")),
    path("", include("webapp.web.urls_inject")),
    path("", include("webapp.web.urls_shells")),
    path("", include("webapp.web.urls_cluster")),
    path("", include("webapp.web.urls_pairing")),
]
