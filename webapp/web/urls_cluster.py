"""Addresses of cluster pages, the same ones for a lab's (`cluster-…`) and an attached one (`attached-…`)."""

from collections.abc import Callable

from django.http import HttpResponse
from django.urls import URLPattern, path

from webapp.web.views import cluster, cluster_attached


def both(rest: str, view: Callable[..., HttpResponse], name: str) -> list[URLPattern]:
    """Give a page its address below a lab and below /clusters/."""
    return [
        path(f"labs/<slug:slug>/cluster/{rest}", view, name=f"cluster-{name}"),
        path(f"clusters/<int:pk>/{rest}", view, name=f"attached-{name}"),
    ]


urlpatterns = [
    path("clusters/", cluster_attached.attached_clusters, name="attached-clusters"),
    path("clusters/rows", cluster_attached.attached_rows, name="attached-rows"),
    path("clusters/attach", cluster_attached.attach, name="attach-cluster"),
    path("clusters/<int:pk>/detach", cluster_attached.detach, name="detach-cluster"),
    *both("", cluster.ladder, "ladder"),
    *both("grid", cluster.ladder_grid, "ladder-grid"),
    *both("services", cluster.services, "services"),
    *both("services/tables", cluster.service_tables, "service-tables"),
    *both("network", cluster.network, "network"),
    *both("network/facts", cluster.network_facts, "network-facts"),
    *both("fix", cluster.fix, "fix"),
]
