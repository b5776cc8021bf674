"""Clusters that were made by other means: the list, attaching by kubeconfig, detaching."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from webapp.cluster.actions import AttachError, attach_cluster, detach_cluster
from webapp.cluster.attached_list import attached_list
from webapp.cluster.models import Cluster
from webapp.labs.access import can, require
from webapp.web.forms_cluster import AttachForm
from webapp.web.pages_cluster import Context, see_cluster
from webapp.web.requests import Request


def list_context(request: Request) -> Context:
    require(request.user, "cluster.see")
    return {"rows": attached_list(), "may_attach": can(request.user, "cluster.attach")}


@require_GET
def attached_clusters(request: Request) -> HttpResponse:
    return render(request, "cluster/attached.html", list_context(request))


@require_GET
def attached_rows(request: Request) -> HttpResponse:
    return render(request, "cluster/_attached.html", list_context(request))


@require_http_methods(["GET", "POST"])
def attach(request: Request) -> HttpResponse:
    """Check a kubeconfig by asking its API once; its faults are told on the form."""
    require(request.user, "cluster.attach")
    form = AttachForm(request.POST or None, request.FILES or None)
    cluster = attached(request, form) if form.is_valid() else None
    if cluster is not None:
        messages.success(request, f"{cluster.name} is attached; its nodes are being looked at.")
        return redirect("attached-ladder", cluster.pk)
    return render(request, "cluster/attach.html", {"form": form}, status=422 if form.is_bound else 200)


def attached(request: Request, form: AttachForm) -> Cluster | None:
    given = form.cleaned_data
    try:
        return attach_cluster(given["name"], given["kubeconfig"], request.user)
    except AttachError as error:
        form.add_error(None, str(error))
        return None


@require_http_methods(["GET", "POST"])
def detach(request: Request, pk: int) -> HttpResponse:
    """Say what would be gone, and ask for the cluster's name."""
    cluster = see_cluster(request, pk=pk).cluster
    require(request.user, "cluster.manage", owner_id=cluster.owner_id)
    if request.method == "GET":
        return render(request, "cluster/detach.html", {"cluster": cluster})
    if request.POST.get("confirm", "").strip() != cluster.name:
        context = {"cluster": cluster, "error": f"Type {cluster.name} exactly; nothing was detached."}
        return render(request, "cluster/detach.html", context, status=422)
    detach_cluster(cluster, request.user)
    messages.success(request, f"{cluster.name} is detached.")
    return redirect("attached-clusters")
