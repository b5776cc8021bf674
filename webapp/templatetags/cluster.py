"""Addresses of cluster pages that need more than the cluster: `{% cluster_url place "log-view" 3 %}`."""

from typing import Any
from urllib.parse import urlencode

from django import template

register = template.Library()

# Rung → what is written about it: on Windows, and on Linux.
EVENTS = ("events", "System")
WINDOWS_LOGS = {
    "os": (EVENTS,),
    "runtime": (("service", "containerd"), EVENTS),
    "api": (("file", "C:\\labkit\\log\\join.log"),),
    "kubelet": (("service", "kubelet"), ("file", "C:\\labkit\\log\\join.log"), EVENTS),
    "request": (("service", "kubelet"),),
    "node": (("service", "kubelet"),),
    "cni": (("service", "kubelet"), ("service", "containerd")),
    "network": (("service", "kubelet"), ("events", "Microsoft-Windows-Host-Network-Service-Admin")),
    "proxy": (("service", "kube-proxy"),),
    "ready": (("service", "kubelet"),),
    "smoke": (("service", "kubelet"), ("service", "containerd")),
}
ON_LINUX = (
    "init",
    "api",
    "kubelet",
    "request",
    "node",
    "cni",
    "addons",
    "network",
    "proxy",
    "ready",
    "smoke",
)
LINUX_LOGS = {"runtime": (("unit", "containerd"),), **dict.fromkeys(ON_LINUX, (("unit", "kubelet"),))}
FIELDS = {"service": "unit", "unit": "unit", "file": "path", "events": "event_log"}


@register.simple_tag
def cluster_url(place: Any, name: str, *args: int, **query: object) -> str:  # Any: web's Place, higher up
    """Return the address below a lab or below /clusters/; keywords become its query."""
    address = str(place.urls.of(name, *args))
    given = {key: str(value) for key, value in query.items() if value not in ("", None)}
    return f"{address}?{urlencode(given)}" if given else address


@register.simple_tag
def rung_logs(place: Any, page: Any, cell: Any) -> list[tuple[str, str]]:  # Any: as above
    """Return word and address of the logs that belong to a cell's rung."""
    role = next((ladder.role for ladder in page.ladders if ladder.machine == cell.machine), "")
    logs = (WINDOWS_LOGS if role == "windows" else LINUX_LOGS).get(cell.rung.key, ())
    return [
        (
            what.rpartition("\\")[2],
            cluster_url(place, "log", kind=kind, machine=cell.machine, **{FIELDS[kind]: what}),
        )
        for kind, what in logs
    ]
