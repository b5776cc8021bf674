"""Addresses of cluster pages, the same ones for a lab's (`cluster-…`) and an attached one (`attached-…`)."""

from collections.abc import Callable

from django.http.response import HttpResponseBase
from django.urls import URLPattern, path

from webapp.web.views import (
    cluster,
    cluster_attached,
    cluster_bundle,
    cluster_logs,
    cluster_machines,
    cluster_matrix,
    cluster_workloads,
)


def both(rest: str, view: Callable[..., HttpResponseBase], name: str) -> list[URLPattern]:
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
    *both("logs", cluster_logs.logs, "logs"),
    *both("log", cluster_logs.log, "log"),
    *both("logs/<int:log>/", cluster_logs.log_view, "log-view"),
    *both("logs/<int:log>/head", cluster_logs.log_head, "log-head"),
    *both("logs/<int:log>/stop", cluster_logs.log_stop, "log-stop"),
    *both("workloads", cluster_workloads.workloads, "workloads"),
    *both("workloads/rows", cluster_workloads.workload_rows, "workload-rows"),
    *both("workloads/apply", cluster_workloads.workload_apply, "workload-apply"),
    *both("workloads/own", cluster_workloads.workload_own, "workload-own"),
    *both("workloads/<int:workload>/remove", cluster_workloads.workload_remove, "workload-remove"),
    *both("errands/<int:errand>/cancel", cluster_workloads.errand_cancel, "errand-cancel"),
    *both("connectivity", cluster_matrix.connectivity, "connectivity"),
    *both("connectivity/cells", cluster_matrix.connectivity_cells, "connectivity-cells"),
    *both("connectivity/start", cluster_matrix.connectivity_start, "connectivity-start"),
    *both("readiness", cluster_matrix.readiness, "readiness"),
    *both("readiness/rows", cluster_matrix.readiness_rows, "readiness-rows"),
    *both("readiness/start", cluster_matrix.readiness_start, "readiness-start"),
    *both("readiness/upload", cluster_matrix.readiness_upload, "readiness-upload"),
    *both("readiness/<int:errand>/junit", cluster_matrix.readiness_report, "readiness-report"),
    *both("bundle", cluster_bundle.bundle, "bundle"),
    *both("bundle/state", cluster_bundle.bundle_state, "bundle-state"),
    *both("bundle/start", cluster_bundle.bundle_start, "bundle-start"),
    *both("bundle/<int:errand>/archive", cluster_bundle.bundle_download, "bundle-download"),
    path("clusters/by-machines", cluster_machines.attach_machines, name="attach-machines"),
    path("clusters/<int:pk>/machines", cluster_machines.machines, name="attached-machines"),
    path(
        "clusters/<int:pk>/machines/<int:machine>/remove",
        cluster_machines.machine_remove,
        name="attached-machine-remove",
    ),
]
