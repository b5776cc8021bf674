"""Keep a workload with its very manifest, so that exactly what was applied can be removed again.

store_and_apply, remove_workload ─► one errand at a time of a workload ─► workload_run
"""

from django.db import transaction

from webapp.accounts.models import User
from webapp.cluster.actions import announce
from webapp.cluster.errands import ErrandError, store_errand
from webapp.cluster.models import Cluster, Errand, Workload
from webapp.cluster.objects import Object, labelled, named, read_objects, to_yaml
from webapp.executions.models import OPEN

MOST_NAMED = 4


def store_and_apply(
    cluster: Cluster,
    name: str,
    documents: tuple[Object, ...],
    by: User,
    *,
    title: str,
    recipe: str = "",
) -> tuple[Errand, bool]:
    """Keep the manifest and ask for it; the open errand and False when it is asked for already.

    A second time replaces it. Raises ErrandError where that would lose track of an object.
    """
    manifest = to_yaml(labelled(documents, name))
    with transaction.atomic():
        lock(cluster)
        check_replaces(cluster, name, manifest, title)
        workload, _ = Workload.objects.update_or_create(
            cluster=cluster,
            name=name,
            removed_at=None,
            defaults={"manifest": manifest, "recipe": recipe, "title": title, "made_by": by},
        )
        asked = store_errand(cluster, Errand.Kind.APPLY, by, argument=name, workload=workload)
    announce(cluster)
    return asked


def remove_workload(workload: Workload, by: User) -> tuple[Errand, bool]:
    """Ask for its removal. Raises ErrandError while it is being applied."""
    cluster = workload.cluster
    with transaction.atomic():
        lock(cluster)
        if open_errands(workload, Errand.Kind.APPLY):
            raise ErrandError(f"{workload.title} is being applied; remove it when that has ended.")
        asked = store_errand(cluster, Errand.Kind.REMOVE, by, argument=workload.name, workload=workload)
    announce(cluster)
    return asked


def lock(cluster: Cluster) -> None:
    """Let two people ask one after the other; within a transaction."""
    Cluster.objects.select_for_update().get(pk=cluster.pk)


def open_errands(workload: Workload, kind: Errand.Kind) -> bool:
    return Errand.objects.filter(workload=workload, kind=kind, status__in=OPEN).exists()


def check_replaces(cluster: Cluster, name: str, manifest: str, title: str) -> None:
    """Raise ErrandError if the cluster would keep something that no stored manifest names any more."""
    was = Workload.objects.filter(cluster=cluster, name=name, removed_at=None).first()
    if was is None:
        return
    if open_errands(was, Errand.Kind.REMOVE):
        raise ErrandError(f"{title} is being removed; apply it when that has ended.")
    if manifest == was.manifest:
        return
    if open_errands(was, Errand.Kind.APPLY):
        raise ErrandError(f"{title} is being applied with another manifest; wait until that has ended.")
    kept = {named(one) for one in read_objects(manifest)}
    left = [word for one in read_objects(was.manifest) if (word := named(one)) not in kept]
    if left and was_applied(was):
        names = ", ".join(left[:MOST_NAMED])
        raise ErrandError(f"{title} was applied with {names} as well: remove it first, or keep that in it.")


def was_applied(workload: Workload) -> bool:
    """Tell whether anything of it may be there: what was refused as a whole needs no deleting."""
    tries = Errand.objects.filter(workload=workload, kind=Errand.Kind.APPLY, started_at__isnull=False)
    told = [errand.result.get("objects") or () for errand in tries]
    return any(not found or any(one.get("state") == "done" for one in found) for found in told)
