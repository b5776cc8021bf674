"""Machines of an attached cluster that are reached without Vagrant: name them, pin their keys, forget."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from webapp.cluster.machines import (
    PORTS,
    ROLES,
    Given,
    MachineError,
    add_machine,
    attach_by_machines,
    fingerprint,
    remove_machine,
)
from webapp.cluster.models import NamedMachine
from webapp.labs.access import require
from webapp.web.cluster_more import may_change
from webapp.web.pages_cluster import Context, Place, frame_context, see_cluster
from webapp.web.requests import Request


@require_http_methods(["GET", "POST"])
def machines(request: Request, pk: int) -> HttpResponse:
    """The list and the form; POST adds one after logging in there once."""
    place = see_cluster(request, pk=pk)
    if request.method == "GET":
        return render(request, "cluster/machines.html", context_of(place))
    try:
        found = add_machine(may_change(place).cluster, given_of(request), request.user)
    except MachineError as error:
        typed = {key: value for key, value in request.POST.items() if key not in ("password", "key")}
        context = {**context_of(place), "typed": typed, "problem": str(error)}
        return render(request, "cluster/machines.html", context, status=422)
    messages.success(
        request, f"{found.name} answered. Its host key is pinned." if found.host_key else found.name
    )
    return redirect("attached-machines", pk)


def given_of(request: Request) -> Given:
    """Return what was typed. Raises MachineError for a port that is none."""
    posted = request.POST.get
    port = posted("port", "").strip()
    if port and not (port.isascii() and port.isdecimal() and len(port) < 6):
        raise MachineError("The port is none.")
    return Given(
        name=posted("name", "").strip().lower(),
        role=posted("role", ""),
        way=posted("way", ""),
        address=posted("address", "").strip(),
        user=posted("user", "").strip(),
        port=int(port) if port else None,
        password=posted("password", ""),
        key=posted("key", "").replace("\r\n", "\n").strip() + "\n" if posted("key", "").strip() else "",
    )


def context_of(place: Place) -> Context:
    rows = [(machine, fingerprint(machine.host_key)) for machine in place.cluster.named_machines.all()]
    ways = [(value, label, PORTS[NamedMachine.Way(value)]) for value, label in NamedMachine.Way.choices]
    return {**frame_context(place, "machines"), "rows": rows, "roles": ROLES, "ways": ways, "typed": {}}


@require_POST
def machine_remove(request: Request, pk: int, machine: int) -> HttpResponse:
    place = may_change(see_cluster(request, pk=pk))
    found = get_object_or_404(
        NamedMachine.objects.select_related("cluster"), pk=machine, cluster=place.cluster
    )
    remove_machine(found, request.user)
    messages.success(request, f"{found.name} is forgotten, with its password or key.")
    return redirect("attached-machines", pk)


@require_POST
def attach_machines(request: Request) -> HttpResponse:
    """Attach a cluster that has no kubeconfig: its machines are named next."""
    require(request.user, "cluster.attach")
    try:
        cluster = attach_by_machines(request.POST.get("name", ""), request.user)
    except MachineError as error:
        messages.error(request, str(error))
        return redirect("attach-cluster")
    return redirect("attached-machines", cluster.pk)
