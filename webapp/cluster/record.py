"""Store what a look found, and what changed by it. Unchanged facts are not written again.

Facts go to the sighting; rungs and services that came into another state go to `Change`; a nudge
follows when something that a page shows is different.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from webapp import live
from webapp.cluster.facts import MachineFacts
from webapp.cluster.gather import Rows, load_rows, machine_names, newest_ids, seen_of
from webapp.cluster.gather import known_failures as rules
from webapp.cluster.ladder import make_ladder
from webapp.cluster.models import Change, Cluster, Sighting
from webapp.cluster.services import service_rows
from webapp.kube.facts import KubeFacts
from webapp.kube.stored import to_json

FAST_S, SLOW_S = 5.0, 60.0
WATCHED_FOR = timedelta(seconds=30)
LONGEST_S, LONGEST_WATCHED_S = 300.0, 30.0
COST = 10  # a look may take a tenth of the time between two: `vagrant winrm` needs seconds
MOST_CHANGES = 4000  # of a cluster; then the older half goes
LEASE_LOST = timedelta(seconds=40)
UNSHOWN = ("kubelet_log", "licence_minutes")  # they move all the time, and no rung with them
Answers = Mapping[str, KubeFacts | MachineFacts]


def record_answers(
    sighting: Sighting,
    answers: Answers,
    problems: Mapping[str, str],
    now: datetime,
    took_s: float = 0.0,
) -> bool:
    """Store facts by sighting, and why some were not answered. Tells whether a page would differ.

    `took_s`: how long the look took; one that costs much is made less often.
    """
    cluster = sighting.cluster
    has_changed = False
    for row in Sighting.objects.filter(cluster=cluster, machine__in=[*answers, *problems]):
        if row.machine in answers:
            has_changed |= store_facts(row, answers[row.machine], now, took_s)
        else:
            has_changed |= store_problem(row, problems[row.machine], now)
    return settle(cluster, None if "" in (*answers, *problems) else sighting.machine, now, has_changed)


def record_silence(sighting: Sighting, problem: str, now: datetime) -> bool:
    has_changed = store_problem(sighting, problem, now)
    is_api = sighting.machine == ""
    return settle(sighting.cluster, None if is_api else sighting.machine, now, has_changed)


def settle(cluster: Cluster, machine: str | None, now: datetime, has_changed: bool) -> bool:
    """Record the changes of one machine (None = of all), then nudge."""
    has_changed |= record_changes(cluster, machine, now)
    if has_changed:
        announce_change(cluster)
    return has_changed


def announce_change(cluster: Cluster) -> None:
    live.announce({"type": "cluster.changed", "cluster": cluster.pk, "lab": cluster.lab_id or 0})


def store_facts(sighting: Sighting, facts: KubeFacts | MachineFacts, now: datetime, took_s: float) -> bool:
    stored = to_json(kept(facts, now))
    was_silent = sighting.failures > 0 or sighting.seen_at is None
    fields: dict[str, Any] = {  # Any: update()'s own values
        "problem": "",
        "failures": 0,
        "seen_at": now,
        "tried_at": now,
        "next_look_at": now + interval(sighting.cluster, 0, now, took_s),
    }
    has_changed = was_silent or shown(stored) != shown(sighting.facts)
    if stored != sighting.facts:
        fields["facts"] = stored
    if has_changed:
        fields["changed_at"] = now
    Sighting.objects.filter(pk=sighting.pk).update(**fields)
    return has_changed


def kept(facts: KubeFacts | MachineFacts, now: datetime) -> KubeFacts | MachineFacts:
    """Leave out the leases that are as they should be: they are renewed every ten seconds."""
    if isinstance(facts, MachineFacts):
        return facts
    lost = (lease for lease in facts.leases if lease.renewed_at and now - lease.renewed_at > LEASE_LOST)
    return replace(facts, leases=tuple(lost))


def shown(facts: Mapping[str, Any]) -> dict[str, Any]:  # Any: stored JSON
    return {key: value for key, value in facts.items() if key not in UNSHOWN}


def store_problem(sighting: Sighting, problem: str, now: datetime) -> bool:
    """Keep the facts, say why there are no newer ones, and ask less often."""
    failures = sighting.failures + 1
    has_changed = problem[:500] != sighting.problem
    Sighting.objects.filter(pk=sighting.pk).update(
        problem=problem[:500],
        failures=failures,
        tried_at=now,
        next_look_at=now + interval(sighting.cluster, failures, now),
        **({"changed_at": now} if has_changed else {}),
    )
    return has_changed


def interval(cluster: Cluster, failures: int, now: datetime, took_s: float = 0.0) -> timedelta:
    """Return how long until the next look: doubled with each failure, longer for a costly one."""
    pace, longest = (FAST_S, LONGEST_WATCHED_S) if is_watched(cluster, now) else (SLOW_S, LONGEST_S)
    return timedelta(seconds=min(max(pace * 2 ** min(failures, 10), took_s * COST), longest))


def is_watched(cluster: Cluster, now: datetime) -> bool:
    """Tell whether somebody has a page of it open; a time yet to come is of a clock that was set back."""
    return cluster.watched_at is not None and abs(now - cluster.watched_at) < WATCHED_FOR


def postpone(sighting: Sighting, wait_s: float, now: datetime) -> None:
    """Leave it alone for so long, whatever the pace; 0 changes nothing."""
    later = now + timedelta(seconds=wait_s)
    if wait_s:
        Sighting.objects.filter(pk=sighting.pk, next_look_at__lt=later).update(next_look_at=later)


def record_changes(cluster: Cluster, machine: str | None, now: datetime) -> bool:
    """Write the rungs and services that came into another state. Nothing is locked when none did."""
    if not changes_of(load_rows(cluster), machine, now):
        return False
    with transaction.atomic():
        Cluster.objects.select_for_update().get(pk=cluster.pk)  # one writer of a cluster's history at a time
        found = changes_of(load_rows(cluster), machine, now)
        Change.objects.bulk_create(found)
        prune(cluster)
    return bool(found)


def changes_of(rows: Rows, machine: str | None, now: datetime) -> list[Change]:
    names = machine_names(rows) if machine is None else (machine,)
    return [change for name in names for change in changes_of_machine(rows, name, now)]


def changes_of_machine(rows: Rows, name: str, now: datetime) -> list[Change]:
    seen = seen_of(rows, name, now)
    states = {("rung", rung.key): str(rung.state) for rung in make_ladder(seen, rules()).rungs}
    if seen.facts is not None:
        known = (row for row in service_rows(seen) if row.state)
        states |= {("service", row.name): row.state for row in known}
    return [
        Change(cluster=rows.cluster, machine=name, kind=kind, key=key, state=state, at=now)
        for (kind, key), state in states.items()
        if (entered := rows.entered.get((name, kind, key))) is None or entered.state != state
    ]


def prune(cluster: Cluster) -> None:
    """Keep the history small; how things are now stays, because it is the newest."""
    ids = Change.objects.filter(cluster=cluster).order_by("-id").values_list("pk", flat=True)
    if len(ids[: MOST_CHANGES + 1]) > MOST_CHANGES:
        older = Change.objects.filter(cluster=cluster, pk__lt=ids[MOST_CHANGES // 2])
        older.exclude(pk__in=newest_ids([cluster.pk])).delete()
