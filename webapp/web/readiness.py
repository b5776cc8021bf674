"""Can this dashboard do its work: the database, Redis, and a worker that was seen lately."""

from datetime import datetime

import redis
from django.db import Error as DatabaseError
from django.db import connection

from webapp.hosts.models import SEEN_WITHIN, Host
from webapp.web import broker

OK = "ok"


def check_readiness(now: datetime) -> dict[str, str]:
    """Return `ok` or a sentence for each part: database, redis, worker."""
    database = check_database()
    worker = check_worker(now) if database == OK else "Unknown while the database does not answer."
    return {"database": database, "redis": check_redis(), "worker": worker}


def check_database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return f"The database does not answer: {first_line(error)}"
    return OK


def check_redis() -> str:
    try:
        broker.ping()
    except redis.RedisError as error:
        return f"Redis does not answer: {first_line(error)}"
    return OK


def check_worker(now: datetime) -> str:
    """A worker reports its host every few seconds (tasks.keep_host)."""
    seen = Host.objects.filter(seen_at__gte=now - SEEN_WITHIN).exists()
    return OK if seen else f"No worker has reported within {SEEN_WITHIN.total_seconds():.0f} s."


def first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
