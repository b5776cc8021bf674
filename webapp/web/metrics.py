"""What Prometheus reads: counted from the database at each scrape, so the same from every process.

Only `lab_viewers` and the process's own figures (memory, CPU) belong to the process that was asked.
"""

from collections.abc import Iterator
from datetime import datetime

import redis
from django.db.models import Count, Sum
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from webapp.executions.models import Status
from webapp.hosts.models import Host
from webapp.labs.models import Lab
from webapp.logs.feed import viewer_count
from webapp.logs.models import Log
from webapp.runs.models import Run
from webapp.web import broker
from webapp.web.step_durations import BUCKETS_S, StepDurations

DURATIONS = StepDurations()


def render_metrics(now: datetime) -> bytes:
    """Return the text of one scrape (Prometheus text format 0.0.4)."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(LabCollector(now))
    return generate_latest(registry)


class LabCollector(Collector):
    """Everything that the database and Redis know, as of `now`."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def describe(self) -> list[Metric]:
        """Name nothing ahead, so that registering asks the database nothing."""
        return []

    def collect(self) -> Iterator[Metric]:
        hosts = list(Host.objects.all())
        yield from measure_runs()
        yield measure_steps(self.now)
        yield from measure_logs()
        yield measure_hosts(hosts, self.now)
        yield from measure_queues(["default", *(host.queue for host in hosts)])


def measure_runs() -> Iterator[Metric]:
    counts = dict(Run.objects.order_by().values_list("status").annotate(count=Count("pk")))
    runs = GaugeMetricFamily("lab_runs", "Runs stored, by status.", labels=["status"])
    for status in Status.values:
        runs.add_metric([status], counts.get(status, 0))
    yield runs
    standing = Lab.objects.filter(destroyed_at=None).count()
    yield GaugeMetricFamily("lab_labs", "Labs that have not been destroyed.", value=standing)


def measure_steps(now: datetime) -> Metric:
    """Histogram of how long ended steps took, by kind."""
    family = HistogramMetricFamily("lab_step_duration_seconds", "Duration of ended steps.", labels=["kind"])
    for kind, tally in DURATIONS.by_kind(now).items():
        buckets = [(str(float(s)), count) for s, count in zip(BUCKETS_S, tally.within, strict=True)]
        family.add_metric([kind], [*buckets, ("+Inf", tally.count)], tally.total_s)
    return family


def measure_logs() -> Iterator[Metric]:
    sums = Log.objects.aggregate(lines=Sum("line_count"), octets=Sum("byte_count"))
    yield CounterMetricFamily("lab_log_lines", "Lines stored in all logs.", value=sums["lines"] or 0)
    yield CounterMetricFamily("lab_log_bytes", "Bytes of text stored in all logs.", value=sums["octets"] or 0)
    yield GaugeMetricFamily("lab_viewers", "Sockets that watch a log in this process.", value=viewer_count())


def measure_hosts(hosts: list[Host], now: datetime) -> Metric:
    family = GaugeMetricFamily("lab_host_seen", "1 while a worker of the host reports.", labels=["host"])
    for host in hosts:
        family.add_metric([host.name], float(host.is_seen(now)))
    return family


def measure_queues(queues: list[str]) -> Iterator[Metric]:
    """Depth of each Celery queue; left out, with lab_redis_up 0, while Redis does not answer."""
    try:
        depths = broker.queue_depths(queues)
    except redis.RedisError:
        yield GaugeMetricFamily("lab_redis_up", "1 while Redis answers.", value=0)
        return
    yield GaugeMetricFamily("lab_redis_up", "1 while Redis answers.", value=1)
    family = GaugeMetricFamily("lab_queue_depth", "Tasks waiting in a Celery queue.", labels=["queue"])
    for queue, depth in depths.items():
        family.add_metric([queue], depth)
    yield family
