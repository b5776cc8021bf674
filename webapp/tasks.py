"""Every Celery task on one page: load, call, done. Rooms know them by name only."""

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings
from django.utils import timezone

from webapp.background import enqueue
from webapp.builds import actions as builds
from webapp.builds import watch as builds_watch
from webapp.builds.execute import execute_build
from webapp.builds.reap import reap_builds
from webapp.hosts.actions import inspect_host, report_host
from webapp.hosts.models import Host
from webapp.runs.actions import enqueue_forgotten
from webapp.runs.execute import SHUTTING_DOWN, execute_run
from webapp.runs.reap import reap_host

FORGOTTEN_AFTER_S = 15


@shared_task(name="webapp.execute_run")
def execute_run_task(run_id: int) -> None:
    execute_run(run_id)


@shared_task(name="webapp.execute_build")
def execute_build_task(build_id: int) -> None:
    execute_build(build_id)


@shared_task(name="webapp.keep_builds")
def keep_builds_task() -> None:
    """Runs where builds run: see to lost and forgotten ones."""
    reap_builds(timezone.now())
    builds.enqueue_forgotten(timezone.now(), FORGOTTEN_AFTER_S)


@shared_task(name="webapp.inspect_host")
def inspect_host_task(host_id: int) -> None:
    inspect_host(Host.objects.get(pk=host_id), timezone.now())


@shared_task(name="webapp.tick")
def tick_task() -> None:
    """Give each lab host its turn, and runs whose message was lost another one."""
    enqueue_forgotten(timezone.now(), FORGOTTEN_AFTER_S)
    enqueue("webapp.keep_builds", queue=builds.QUEUE, expires_s=10)
    for host in Host.objects.all():
        enqueue("webapp.keep_host", host.pk, queue=host.queue, expires_s=10)


@shared_task(name="webapp.keep_host")
def keep_host_task(host_id: int) -> None:
    """Runs on the host itself: say that a worker is there, and see to lost runs."""
    host = Host.objects.get(pk=host_id)
    report_host(host.name, timezone.now())
    reap_host(host, timezone.now())


@worker_ready.connect
def report_first(**_: object) -> None:
    report_host(settings.LAB_HOST, timezone.now())


@worker_shutting_down.connect
def stop_walkers(**_: object) -> None:
    SHUTTING_DOWN.set()
    builds_watch.SHUTTING_DOWN.set()
