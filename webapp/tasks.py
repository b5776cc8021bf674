"""Every Celery task on one page: load, call, done. Rooms know them by name only."""

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings
from django.utils import timezone

from webapp.background import enqueue
from webapp.bisects.actions import go_on_soon
from webapp.bisects.carry_check import check_trial
from webapp.bisects.walk import carry_on_bisects
from webapp.builds import actions as builds
from webapp.builds import watch as builds_watch
from webapp.builds.execute import execute_build
from webapp.builds.follow import look_at_follows
from webapp.builds.reap import reap_builds
from webapp.cluster import nodelogs
from webapp.cluster.actions import look_soon
from webapp.cluster.bundle import do_bundle
from webapp.cluster.errands import Doer, carry_out_errand, prune, reap_errands
from webapp.cluster.fixes import CannotFix, carry_out, reap_fixes
from webapp.cluster.matrix_run import do_matrix
from webapp.cluster.models import Cluster, Errand, Fix
from webapp.cluster.observe import observe_attached, observe_host
from webapp.cluster.offers import RUN_FIXES
from webapp.cluster.readiness_run import do_readiness
from webapp.cluster.workload_run import do_apply, do_remove
from webapp.hosts.actions import inspect_host, report_host
from webapp.hosts.models import Host
from webapp.inject.steps import INJECT_KINDS
from webapp.pairing.actions import end_unjoined
from webapp.pairing.guests import close_old_guests
from webapp.planning.plan import Verb
from webapp.runs.actions import enqueue_forgotten, request_run
from webapp.runs.execute import SHUTTING_DOWN, execute_run
from webapp.runs.looks import look_between_runs
from webapp.runs.reap import reap_host
from webapp.supply.deliver import deliver_follows
from webapp.supply.step import SUPPLY_KINDS

FORGOTTEN_AFTER_S = 15
FIX_LOST_AFTER_S = 600
ERRANDS: dict[str, Doer] = {
    Errand.Kind.APPLY: do_apply,
    Errand.Kind.REMOVE: do_remove,
    Errand.Kind.MATRIX: do_matrix,
    Errand.Kind.READINESS: do_readiness,
    Errand.Kind.BUNDLE: do_bundle,
}


@shared_task(name="webapp.execute_run")
def execute_run_task(run_id: int) -> None:
    try:
        execute_run(run_id, {**INJECT_KINDS, **SUPPLY_KINDS})
    finally:
        look_after_run(run_id)
        go_on_soon()


def look_after_run(run_id: int) -> None:
    """A run changes machines: what was seen of them before its end is not left standing."""
    cluster = Cluster.objects.filter(lab__runs=run_id, lab__destroyed_at=None).first()
    if cluster is not None:
        look_soon(cluster, timezone.now())


@shared_task(name="webapp.execute_build")
def execute_build_task(build_id: int) -> None:
    execute_build(build_id)
    go_on_soon()


@shared_task(name="webapp.keep_builds")
def keep_builds_task() -> None:
    """Runs where builds run: see to lost and forgotten ones."""
    reap_builds(timezone.now())
    builds.enqueue_forgotten(timezone.now(), FORGOTTEN_AFTER_S)
    look_at_follows(timezone.now())
    deliver_follows()


@shared_task(name="webapp.keep_bisects")
def keep_bisects_task() -> None:
    """Runs where builds run: it has the mirrors."""
    carry_on_bisects(timezone.now())


@shared_task(name="webapp.check_trial")
def check_trial_task(trial_id: int) -> None:
    """Runs on the lab's host."""
    check_trial(trial_id)
    go_on_soon()


@shared_task(name="webapp.inspect_host")
def inspect_host_task(host_id: int) -> None:
    inspect_host(Host.objects.get(pk=host_id), timezone.now())


@shared_task(name="webapp.tick")
def tick_task() -> None:
    """Give each lab host its turn, and runs whose message was lost another one."""
    enqueue_forgotten(timezone.now(), FORGOTTEN_AFTER_S)
    enqueue("webapp.keep_builds", queue=builds.QUEUE, expires_s=10)
    enqueue("webapp.keep_bisects", queue=builds.QUEUE, expires_s=10)
    for host in Host.objects.all():
        enqueue("webapp.keep_host", host.pk, queue=host.queue, expires_s=10)
        enqueue("webapp.observe_host", host.pk, queue=host.queue, expires_s=5)
        enqueue("webapp.look_between_runs", host.pk, queue=host.queue, expires_s=5)
    enqueue("webapp.observe_attached", queue="default", expires_s=5)
    reap_fixes(timezone.now(), FIX_LOST_AFTER_S)
    reap_errands(timezone.now(), FIX_LOST_AFTER_S)
    prune(timezone.now(), settings.NODE_LOG_DAYS)
    end_unjoined(timezone.now())
    close_old_guests(timezone.now())


@shared_task(name="webapp.keep_host")
def keep_host_task(host_id: int) -> None:
    """Runs on the host itself: say that a worker is there, and see to lost runs."""
    host = Host.objects.get(pk=host_id)
    report_host(host.name, timezone.now())
    reap_host(host, timezone.now())


@shared_task(name="webapp.observe_host")
def observe_host_task(host_id: int) -> None:
    """Runs on the host itself: start the looks that are due; they go on in threads of their own."""
    observe_host(Host.objects.get(pk=host_id), timezone.now())


@shared_task(name="webapp.look_between_runs")
def look_between_runs_task(host_id: int) -> None:
    """Runs on the host itself: see what the machines of one lab do, if nobody has looked for long."""
    look_between_runs(Host.objects.get(pk=host_id), timezone.now())


@shared_task(name="webapp.observe_attached")
def observe_attached_task() -> None:
    observe_attached(timezone.now())


@shared_task(name="webapp.carry_out_fix")
def carry_out_fix_task(fix_id: int) -> None:
    carry_out(fix_id, join_again)


@shared_task(name="webapp.carry_out_errand")
def carry_out_errand_task(errand_id: int) -> None:
    carry_out_errand(errand_id, ERRANDS)
    go_on_soon()


@shared_task(name="webapp.read_node_log")
def read_node_log_task(row_id: int) -> None:
    """A tail may take hours: it has a thread of its own."""
    nodelogs.start_reading(row_id)


def join_again(fix: Fix) -> str:
    """Start the run that a fix ends in, if it does; rooms do not know each other's actions."""
    lab, by = fix.cluster.lab, fix.requested_by
    if fix.kind not in RUN_FIXES or lab is None or by is None:
        return ""
    step = "windows-join" if lab.machines.get(name=fix.machine).is_windows else "linux-join"
    run, is_new = request_run(lab, Verb.PROVISION, by, machine=fix.machine, with_=step)
    if not is_new:
        raise CannotFix(f"Run #{run.number} of this lab is open; the join can begin when it has ended.")
    return f"Run #{run.number} joins it again with a new token."


@worker_ready.connect
def report_first(**_: object) -> None:
    report_host(settings.LAB_HOST, timezone.now())


@worker_shutting_down.connect
def stop_walkers(**_: object) -> None:
    SHUTTING_DOWN.set()
    nodelogs.SHUTTING_DOWN.set()
    builds_watch.SHUTTING_DOWN.set()
