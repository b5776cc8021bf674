"""Rows → `Seen` → ladders: what both the pages and the observer draw from. A fixed number of queries."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Max, QuerySet

from webapp.catalog import library
from webapp.catalog.spec import LabSpec
from webapp.cluster.facts import MachineFacts
from webapp.cluster.ladder import make_ladder
from webapp.cluster.models import Change, Cluster, NamedMachine, Sighting
from webapp.cluster.rungs import Ladder
from webapp.cluster.seen import Entered, Role, Seen, Wanted
from webapp.cluster.usual import usual_times
from webapp.diagnosis.rules import Rules, load_rules
from webapp.kube.facts import KubeFacts
from webapp.kube.stored import from_json
from webapp.labs.models import Lab, Machine
from webapp.labs.state import machine_word
from webapp.vagrant.states import is_on

NODE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?")
NEWCOMERS_SHOWN = 20  # whoever has a bootstrap token can ask in any name
UNANSWERED_LOOKS = 2  # one look that got lost is no news
Key = tuple[str, str, str]  # machine, kind, key


@dataclass(frozen=True)
class Rows:
    """All rows of one cluster. `entered`: the newest change of each machine's rungs and services."""

    cluster: Cluster
    lab: Lab | None
    machines: tuple[Machine, ...]
    sightings: Mapping[str, Sighting]
    entered: Mapping[Key, Entered]
    usual_s: Mapping[str, int] = field(default_factory=dict)
    kube: KubeFacts | None = None
    kube_problem: str = ""
    named: tuple[NamedMachine, ...] = ()  # of an attached cluster


def load_rows(cluster: Cluster) -> Rows:
    """Load a cluster's rows; an unsaved cluster has none."""
    lab = cluster.lab
    machines = tuple(lab.machines.all()) if lab is not None else ()
    stored = Sighting.objects.filter(cluster=cluster) if cluster.pk else Sighting.objects.none()
    sightings = {sighting.machine: sighting for sighting in stored}
    kube, problem = kube_of(sightings.get(""))
    return Rows(
        cluster,
        lab,
        machines,
        sightings,
        newest_changes([cluster.pk]).get(cluster.pk, {}) if cluster.pk else {},
        usual_times(lab.provider) if lab is not None else {},
        kube,
        problem,
        tuple(cluster.named_machines.all()) if lab is None and cluster.pk else (),
    )


def is_answered(sighting: Sighting | None) -> bool:
    return (
        sighting is not None
        and sighting.seen_at is not None
        and sighting.failures < UNANSWERED_LOOKS
        and bool(sighting.facts)
    )


def problem_of(sighting: Sighting | None) -> str:
    """Return why nothing is known now, "" while it is answered or nobody has looked."""
    return "" if sighting is None or is_answered(sighting) else sighting.problem


def kube_of(sighting: Sighting | None) -> tuple[KubeFacts | None, str]:
    if sighting is not None and is_answered(sighting):
        return from_json(KubeFacts, sighting.facts), ""
    return None, problem_of(sighting)


def newest_changes(cluster_ids: Iterable[int]) -> dict[int, dict[Key, Entered]]:
    """Return the newest change of every rung and service by cluster. One query."""
    found: dict[int, dict[Key, Entered]] = {}
    for row in Change.objects.filter(pk__in=newest_ids(cluster_ids)):
        changes = found.setdefault(row.cluster_id, {})
        changes[row.machine, row.kind, row.key] = Entered(row.state, row.at)
    return found


def newest_ids(cluster_ids: Iterable[int]) -> QuerySet[Any, Any]:  # Any: rows of one number
    """Return, as a subquery, the change of each rung and service that says how it is now."""
    changes = Change.objects.filter(cluster__in=list(cluster_ids)).order_by()
    return changes.values("cluster", "machine", "kind", "key").annotate(last=Max("id")).values("last")


def machine_names(rows: Rows) -> tuple[str, ...]:
    """Return the lab's machines, or an attached cluster's nodes."""
    if rows.lab is not None:
        return tuple(machine.name for machine in rows.machines)
    nodes = (node.name for node in rows.kube.nodes) if rows.kube is not None else ()
    return tuple(dict.fromkeys([*(machine.name for machine in rows.named), *nodes, *newcomers(rows.kube)]))


def newcomers(kube: KubeFacts | None) -> tuple[str, ...]:
    """Return who asks to join an attached cluster and has no Node yet: a join is stuck right there."""
    if kube is None or "nodes" in kube.missing:
        return ()
    asks = (
        one
        for one in kube.requests
        if one.is_bootstrap and one.state != "issued" and NODE_NAME.fullmatch(one.node)
    )
    return tuple(dict.fromkeys(one.node for one in asks if kube.node(one.node) is None))[:NEWCOMERS_SHOWN]


def seen_of(rows: Rows, name: str, now: datetime) -> Seen:
    """Gather what is seen of one machine. KeyError for one that is not there."""
    entered = {
        key: since
        for (machine, kind, key), since in rows.entered.items()
        if machine == name and kind == "rung"
    }
    if rows.lab is None:
        return seen_attached(rows, name, now, entered)
    machine = next((machine for machine in rows.machines if machine.name == name), None)
    if machine is None:
        raise KeyError(name)
    sighting = rows.sightings.get(name)
    on = is_on(machine.state) if machine.state else None
    answers = is_answered(sighting) and on is not False
    return Seen(
        wanted_of(rows.lab, machine),
        now,
        is_on=True if answers else on,
        vm_word=machine_word(machine.state),
        facts=from_json(MachineFacts, sighting.facts) if answers and sighting is not None else None,
        problem=problem_of(sighting) if on is not False else "",
        seen_at=sighting.seen_at if sighting is not None else None,
        kube=rows.kube,
        kube_problem=rows.kube_problem,
        has_smoked=has_smoked(rows),
        entered=entered,
        usual_s=rows.usual_s,
    )


def seen_attached(rows: Rows, name: str, now: datetime, entered: Mapping[str, Entered]) -> Seen:
    """Gather a node's API side, and what its machine says where it was named. KeyError as above."""
    machine = next((machine for machine in rows.named if machine.name == name), None)
    sighting = rows.sightings.get(name) if machine is not None else None
    answers = is_answered(sighting)
    return Seen(
        attached_wanted(rows, name, machine),
        now,
        is_on=True if answers else None,
        facts=from_json(MachineFacts, sighting.facts) if answers and sighting is not None else None,
        problem=problem_of(sighting),
        seen_at=sighting.seen_at if sighting is not None else None,
        kube=rows.kube,
        kube_problem=rows.kube_problem,
        entered=entered,
    )


def wanted_of(lab: Lab, machine: Machine) -> Wanted:
    spec = LabSpec.from_json(lab.spec)
    role = role_of(machine.role)
    os = "windows" if role == "windows" else "linux"
    own_version = spec.kubernetes.control_plane_version if role == "control-plane" else ""
    return Wanted(
        machine.name,
        role,
        ip=machine.ip or "",
        version=exact(own_version or spec.kubernetes.version),
        cni=spec.cni.name,
        windows_cni=spec.cni.windows,
        has_kubernetes=spec.scope == "cluster",
        has_overrides=any(override.os == os for override in spec.overrides),
    )


def role_of(text: str) -> Role:
    return "windows" if text == "windows" else "control-plane" if text == "control-plane" else "linux"


def exact(version: str) -> str:
    """Return a version that can be compared: "1.36.1", not "1.36" or "latest"."""
    return version if version.count(".") == 2 and version.replace(".", "").lstrip("v").isdecimal() else ""


def attached_wanted(rows: Rows, name: str, machine: NamedMachine | None) -> Wanted:
    """`is_attached`: its machine is out of reach, so half of its rungs do not apply."""
    node = rows.kube.node(name) if rows.kube is not None else None
    if machine is not None:
        return Wanted(name, role_of(machine.role), cni=cni_of(rows.kube))
    if node is None and name not in newcomers(rows.kube):
        raise KeyError(name)
    role = role_of("control-plane" if node.is_control_plane else node.os) if node is not None else "node"
    return Wanted(name, role, cni=cni_of(rows.kube), is_attached=True)


def cni_of(kube: KubeFacts | None) -> str:
    """Tell an attached cluster's CNI by its pods; "" for one that the ladder has no check for."""
    apps = {pod.app for pod in kube.pods} if kube is not None else set()
    if any(app.startswith("calico-node") for app in apps):
        return "calico"
    return "antrea" if any(app.startswith("antrea") for app in apps) else ""


def has_smoked(rows: Rows) -> bool | None:
    """Tell by the control plane's state files whether the smoke test has succeeded."""
    head = next((machine for machine in rows.machines if machine.role == "control-plane"), None)
    sighting = rows.sightings.get(head.name) if head is not None else None
    if sighting is None or not is_answered(sighting):
        return None
    files = from_json(MachineFacts, sighting.facts).files
    return None if files is None else "smoke.json" in files


def ladder_of(rows: Rows, name: str, now: datetime) -> Ladder:
    return make_ladder(seen_of(rows, name, now), known_failures())


def ladders_of(rows: Rows, now: datetime) -> tuple[Ladder, ...]:
    return tuple(ladder_of(rows, name, now) for name in machine_names(rows))


def known_failures() -> Rules:
    return parsed_rules(library.failures_text(Path(settings.ENVIRONMENTS_DIR)))


@lru_cache(maxsize=2)
def parsed_rules(text: str) -> Rules:
    return load_rules(text)
