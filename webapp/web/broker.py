"""Ask Redis whether it answers and how much waits in its queues; changes nothing there."""

from collections.abc import Iterable

import redis
from django.conf import settings

ANSWER_WITHIN_S = 2.0


def connect() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=ANSWER_WITHIN_S, socket_connect_timeout=ANSWER_WITHIN_S
    )


def ping() -> None:
    """Raise redis.RedisError unless Redis answers within 2 s."""
    with connect() as client:
        client.ping()


def queue_depths(queues: Iterable[str]) -> dict[str, int]:
    """Return how many tasks wait in each queue: Celery keeps one list a queue, by its name."""
    names = list(queues)
    with connect() as client, client.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.llen(name)
        return dict(zip(names, map(int, pipeline.execute()), strict=True))
