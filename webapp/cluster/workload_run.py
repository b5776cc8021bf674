"""Apply and remove workloads, on a worker: exactly the manifest that was stored, object by object.

Errand apply, remove ─► Reach ─► a sentence; what was refused of each object stands in `errand.result`
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from django.utils import timezone

from webapp.cluster.actions import look_soon
from webapp.cluster.errands import CannotDo
from webapp.cluster.models import Errand, Workload
from webapp.cluster.objects import namespace_object, read_objects
from webapp.cluster.reach import PartlyError, reach_of
from webapp.cluster.workload_store import was_applied
from webapp.cluster.workloads import namespace_of


def do_apply(errand: Errand) -> str:
    workload = workload_of(errand)
    documents = read_objects(workload.manifest)
    found = [namespace_object(namespace_of(errand.cluster)), *documents]
    with kept_outcomes(errand):
        reach_of(errand.cluster).apply(found)
    look_soon(errand.cluster, timezone.now())
    return f"{workload.title}: {len(documents)} object{'s' if len(documents) > 1 else ''} applied."


def do_remove(errand: Errand) -> str:
    workload = workload_of(errand)
    documents = read_objects(workload.manifest)
    was_there = was_applied(workload)
    with kept_outcomes(errand):
        if was_there:
            reach_of(errand.cluster).remove(documents)
    Workload.objects.filter(pk=workload.pk, removed_at=None).update(removed_at=timezone.now())
    look_soon(errand.cluster, timezone.now())
    return f"{workload.title} was removed." if was_there else f"{workload.title}: nothing of it was there."


@contextmanager
def kept_outcomes(errand: Errand) -> Iterator[None]:
    """Keep what became of each object when not all was done."""
    try:
        yield
    except PartlyError as error:
        objects = [asdict(outcome) for outcome in error.outcomes]
        errand.result = {"head": str(error).partition(". ")[0], "objects": objects}
        Errand.objects.filter(pk=errand.pk).update(result=errand.result)
        look_soon(errand.cluster, timezone.now())
        raise


def workload_of(errand: Errand) -> Workload:
    if errand.workload is None:
        raise CannotDo("The workload is gone.")
    return errand.workload
