"""The lab hosts: what is installed, what is missing, which labs are there."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from webapp.hosts.actions import request_inspection
from webapp.hosts.models import Host
from webapp.hosts.queries import all_hosts
from webapp.labs.access import can, require
from webapp.runs.overview import views_of
from webapp.web.requests import Request

Context = dict[str, object]
FACTS = (
    ("system", "System", ""),
    ("cpus", "Processors", ""),
    ("memory_gib", "Memory", "GiB"),
    ("free_memory_gib", "Memory free", "GiB"),
    ("free_disk_gib", "Disk free for labs", "GiB"),
    ("vagrant", "Vagrant", ""),
    ("virtualbox", "VirtualBox", ""),
)


def host_context(request: Request, name: str) -> Context:
    """A host with its labs, for somebody who may see it."""
    require(request.user, "host.see")
    host = get_object_or_404(Host, name=name)
    facts = [
        (label, f"{host.facts[key]} {unit}".strip()) for key, label, unit in FACTS if host.facts.get(key)
    ]
    return {
        "host": host,
        "is_seen": host.is_seen(timezone.now()),
        "facts": facts,
        "labs": views_of(host.labs.filter(destroyed_at=None).values_list("pk", flat=True)),
        "may_inspect": can(request.user, "host.inspect"),
    }


def hosts_context(request: Request) -> Context:
    require(request.user, "host.see")
    now = timezone.now()
    return {"hosts": [(host, host.is_seen(now)) for host in all_hosts()]}


@require_GET
def hosts(request: Request) -> HttpResponse:
    return render(request, "hosts/list.html", hosts_context(request))


@require_GET
def host_cards(request: Request) -> HttpResponse:
    return render(request, "hosts/_cards.html", hosts_context(request))


@require_GET
def host(request: Request, name: str) -> HttpResponse:
    return render(request, "hosts/detail.html", host_context(request, name))


@require_GET
def host_facts(request: Request, name: str) -> HttpResponse:
    return render(request, "hosts/_facts.html", host_context(request, name))


@require_POST
def host_inspect(request: Request, name: str) -> HttpResponse:
    """Ask the host's worker for a fresh look."""
    require(request.user, "host.inspect")
    found = get_object_or_404(Host, name=name)
    request_inspection(found, request.user)
    if found.is_seen(timezone.now()):
        messages.success(request, f"{found.name} looks at itself now; what it finds appears here.")
    else:
        messages.warning(request, f"No worker of {found.name} is seen; it will look when one starts.")
    return redirect("host", name)
