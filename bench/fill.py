"""Rows for the measurements, through Django; what is made comes back as one line of JSON.

python -m bench.fill session | log | long LINES | labs LABS RUNS | labs-page
"""

import json
import sys
import time
from itertools import islice

import django

django.setup()

from django.conf import settings  # noqa: E402 (Django first)
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from bench.producer import line  # noqa: E402
from tests.factories import LabFactory, LogFactory, RunFactory, UserFactory  # noqa: E402
from webapp.accounts.models import Role, User  # noqa: E402
from webapp.labs.models import Lab  # noqa: E402
from webapp.logs import store  # noqa: E402
from webapp.logs.lines import LogLine  # noqa: E402
from webapp.logs.models import Log  # noqa: E402
from webapp.runs.models import Run  # noqa: E402

BATCH = 2000


def person() -> User:
    found = User.objects.filter(username="bench").first()
    return found or UserFactory(username="bench", role=Role.ADMINISTRATOR)


def session() -> dict[str, object]:
    user = person()
    store_ = SessionStore()
    store_[SESSION_KEY] = str(user.pk)
    store_[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store_[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store_.create()
    return {"cookie": f"{settings.SESSION_COOKIE_NAME}={store_.session_key}"}


def bench_lab() -> Lab:
    found = Lab.objects.filter(name="bench").first()
    return found or LabFactory(name="bench", owner=person())


def log() -> dict[str, object]:
    lab = bench_lab()
    return {"log": RunFactory(lab=lab, number=lab.runs.count() + 1, status="succeeded").log_id}


def long(lines: int) -> dict[str, object]:
    """A finished log of so many lines."""
    log_id = int(str(log()["log"]))
    numbers = iter(range(lines))
    while batch := [LogLine("winw1", "output", line(number)[:-1]) for number in islice(numbers, BATCH)]:
        store.append(log_id, batch, at_ms=int(time.time() * 1000), step=1)
    store.finish(log_id, "succeeded")
    return {"log": log_id}


def labs(lab_count: int, run_count: int) -> dict[str, object]:
    lab, by = bench_lab(), person()
    host, revision = lab.host, lab.revision
    made = [
        LabFactory(
            name=f"lab-{n}", owner=by, host=host, revision=revision, subnet=f"172.{n // 250}.{n % 250}.0/24"
        )
        for n in range(lab_count)
    ]
    first = Log.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    Log.objects.bulk_create([LogFactory.build() for _ in range(run_count)], batch_size=1000)
    logs = list(Log.objects.filter(pk__gt=first).order_by("pk"))
    done = {"requested_by": by, "status": "succeeded"}
    runs = [
        RunFactory.build(lab=made[n % lab_count], number=n // lab_count + 1, log=logs[n], **done)
        for n in range(run_count)
    ]
    Run.objects.bulk_create(runs, batch_size=1000)
    return {"labs": lab_count, "runs": run_count}


def labs_page() -> dict[str, object]:
    """Median server time and queries of the labs page, signed in, in this process."""
    client = Client(headers={"host": "localhost"})
    client.force_login(person(), backend="django.contrib.auth.backends.ModelBackend")
    times = []
    for _ in range(7):
        began = time.perf_counter()
        assert client.get("/").status_code == 200
        times.append(time.perf_counter() - began)
    with CaptureQueriesContext(connection) as queries:
        client.get("/")
    return {"ms": sorted(times)[3] * 1000, "queries": len(queries)}


MAKE = {"session": session, "log": log, "long": long, "labs": labs, "labs-page": labs_page}

if __name__ == "__main__":
    print(json.dumps(MAKE[sys.argv[1]](*map(int, sys.argv[2:]))))  # type: ignore[operator]
