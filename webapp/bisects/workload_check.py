"""A workload as a trial's check: taken away, applied anew, judged by what the cluster's looks show.

No state of its own: the errands for this workload since the check began say how far it is. Ready within its
time is good; else it is bad, with its pods and events as evidence.
"""

from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied

from webapp.bisects.checks import KEPT_OUTPUT, Check, NoAnswer
from webapp.bisects.models import Trial
from webapp.cluster.actions import cluster_of, look_soon
from webapp.cluster.errands import ErrandError
from webapp.cluster.models import Cluster, Errand, Workload
from webapp.cluster.queries import cluster_page
from webapp.cluster.workloads import (
    WorkloadView,
    apply_own,
    apply_recipe,
    namespace_of,
    recipes,
    refusal,
    remove_workload,
    view_of,
)
from webapp.executions.models import Status
from webapp.kube.facts import EventFacts, PodFacts
from webapp.labs.models import Lab
from webapp.logs.redact import redact_text

KINDS = (Errand.Kind.APPLY, Errand.Kind.REMOVE)
MOST_ERRANDS = 6  # of one trial: a lost worker costs one, and somebody else may take it away meanwhile
UNSEEN_S = 60  # beyond its time, before a cluster that answers no look ends the search


def workload_names(lab: Lab) -> list[tuple[str, str]]:
    """Return (name, title) of what may be a check: the catalogue's, then what was pasted on this cluster."""
    own = Workload.objects.filter(cluster__lab=lab, recipe="").order_by("name").values_list("name", flat=True)
    named = [(name, f"{name} (of this lab)") for name in own.distinct()]
    return [*((key, recipe.title) for key, recipe in recipes().items()), *named]


def workload_refusal(lab: Lab, name: str) -> str:
    """Say before the first build why this cannot be the check; "" when it can."""
    recipe = recipes().get(name)
    if recipe is not None:
        return refusal(recipe, cluster_page(lab).kube)
    return "" if name in dict(workload_names(lab)) else f"there is no workload {name[:40]!r}"


def workload_verdict(trial: Trial, check: Check, now: datetime) -> tuple[str, str] | None:
    """Return verdict and sentence, None while it is under way. Raises NoAnswer."""
    lab = trial.bisect.lab
    cluster = cluster_of(lab)
    if trial.check_asked_at is None:
        Trial.objects.filter(pk=trial.pk).update(check_asked_at=now)
        trial.check_asked_at = now
    errands = errands_of(trial, check, cluster)
    newest = errands[-1] if errands else None
    if newest is None or newest.status == Status.INTERRUPTED:
        ask(trial, check, cluster, len(errands))
        return None
    if newest.is_open:
        return None
    if newest.status != Status.SUCCEEDED:
        raise NoAnswer(f"The workload {check.script} could not be tried: {newest.sentence}")
    look_soon(cluster, now)
    found = seen(lab, newest, now)
    if newest.kind == Errand.Kind.APPLY:
        return judged(trial, check, found, newest, now)
    if found is not None and not found.pods:
        ask(trial, check, cluster, len(errands))
        return None
    return judged(trial, check, found, newest, now)


def errands_of(trial: Trial, check: Check, cluster: Cluster) -> list[Errand]:
    """Return what was asked of this workload since the check began, oldest first."""
    rows = Errand.objects.filter(
        cluster=cluster,
        kind__in=KINDS,
        argument=check.script,
        requested_at__gte=trial.check_asked_at,
    )
    return list(rows.select_related("workload").order_by("id"))


def ask(trial: Trial, check: Check, cluster: Cluster, asked: int) -> None:
    """Take away what an earlier trial left, or apply it. Raises NoAnswer."""
    by = trial.bisect.asker
    if asked >= MOST_ERRANDS:
        raise NoAnswer(f"The workload {check.script} was begun {asked} times without an end.")
    rows = Workload.objects.filter(cluster=cluster, name=check.script).order_by("-id")
    newest = rows.first()
    try:
        if newest is not None and newest.removed_at is None and not asked_since(trial, newest):
            remove_workload(newest, by)
        elif check.script in recipes():
            apply_recipe(cluster, check.script, cluster_page(trial.bisect.lab).kube, by)
        elif newest is not None:
            apply_own(cluster, newest.name, newest.manifest, by)
        else:
            raise NoAnswer(f"There is no workload {check.script} any more.")
    except PermissionDenied as error:
        raise NoAnswer("Who asked for it may not operate the lab any more.") from error
    except ErrandError as error:
        raise NoAnswer(str(error)) from error


def asked_since(trial: Trial, workload: Workload) -> bool:
    """Tell whether this trial has applied it: what it finds there then is its own."""
    rows = Errand.objects.filter(workload=workload, kind=Errand.Kind.APPLY)
    return rows.filter(requested_at__gte=trial.check_asked_at).exists()


def seen(lab: Lab, errand: Errand, now: datetime) -> WorkloadView | None:
    """Return the workload as the API showed it after the errand; None before the first such look."""
    page = cluster_page(lab, now)
    is_new = page.seen_at is not None and errand.finished_at is not None and page.seen_at > errand.finished_at
    if not is_new or errand.workload is None:
        return None
    return view_of(errand.workload, namespace_of(page.cluster), page.kube, errand)


def judged(
    trial: Trial, check: Check, found: WorkloadView | None, errand: Errand, now: datetime
) -> tuple[str, str] | None:
    """Keep what is seen as evidence; decide when it is ready, or its time is over."""
    assert errand.finished_at is not None
    over_at = errand.finished_at + timedelta(seconds=check.limit_s)
    if found is None:
        if now > over_at + timedelta(seconds=UNSEEN_S):
            raise NoAnswer("The cluster's API answered no look, so nobody knows how the workload is.")
        return None
    word = found.word.rstrip(".")
    sentence = f"{found.workload.title}: {word}."
    Trial.objects.filter(pk=trial.pk).update(sentence=sentence[:500], output=evidence(found))
    if errand.kind == Errand.Kind.APPLY and found.state == "ready":
        return "good", sentence
    if now <= over_at:
        return None
    if errand.kind == Errand.Kind.REMOVE:
        return "bad", f"{len(found.pods)} pods of the trial before are still there after {check.limit_s} s."
    return "bad", f"{found.workload.title} was not ready within {check.limit_s} s: {word}."


def evidence(found: WorkloadView) -> str:
    """Return its pods and events as lines, without secrets."""
    lines = [*map(pod_line, found.pods), *map(event_line, found.events)]
    return redact_text("\n".join(lines))[:KEPT_OUTPUT]


def pod_line(pod: PodFacts) -> str:
    ready = "ready" if pod.is_ready else "not ready"
    trouble = f": {pod.trouble}" if pod.trouble else ""
    return (
        f"pod {pod.name} on {pod.node or 'no node'}: {pod.phase}, {ready}, {pod.restarts} restarts{trouble}"
    )


def event_line(event: EventFacts) -> str:
    times = f" ({event.count} times)" if event.count > 1 else ""
    return f"{event.type} {event.reason} {event.name}: {event.message}{times}"
