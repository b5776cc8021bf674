"""The issue-ready bundle: what a bug report needs, redacted, as one archive and as Markdown.

    do_bundle (worker) ─► one NodeLog a part (log, describe, HNS …) ─► bundle_archive: zipped as it streams

What the database has (ladder, services, events, definition) is written when it is downloaded.
"""

import json
import shlex
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import RawIOBase

from django.utils import timezone

from webapp.cluster.bundle_text import events_text, ladder_text, report_markdown, services_text
from webapp.cluster.errands import go_on
from webapp.cluster.gather import Rows, ladders_of, load_rows, machine_names, seen_of
from webapp.cluster.linux_look import KUBECTL
from webapp.cluster.models import Cluster, Errand, NodeLog, Sighting
from webapp.cluster.nodelogs import Tail, make_row, seen_of_machine, store_lines
from webapp.cluster.nodelogs_readers import make_reader
from webapp.cluster.nodelogs_source import Source
from webapp.cluster.observe import look_at, make_sightings
from webapp.cluster.queries import page_of
from webapp.cluster.reach import LabReach, Reach, ReachError, reach_of
from webapp.cluster.services import service_rows
from webapp.executions.holder import holder_name
from webapp.executions.models import Status
from webapp.kube.facts import KubeFacts
from webapp.kube.stored import to_json
from webapp.logs import store
from webapp.logs.lines import LogLine
from webapp.logs.redact import Redactor

LINES = 2_000  # of each log
SERVICES = (
    "kubelet",
    "containerd",
    "kube-proxy",
    "antrea-agent",
    "ovs-vswitchd",
    "CalicoNode",
    "CalicoFelix",
)
CNI_APPS = (
    "calico-node",
    "antrea-agent",
    "antrea-controller",
    "kube-proxy",
    "kube-flannel",
    "tigera-operator",
)
HNS = "ConvertTo-Json -Depth 6 -Compress -InputObject @(Get-HnsNetwork)"
HNS_ENDPOINTS = "ConvertTo-Json -Depth 6 -Compress -InputObject @(Get-HnsEndpoint)"
ADDRESSES = "ipconfig /all"
MOST_CNI_PODS = 12


@dataclass(frozen=True)
class Part:
    """One thing to gather: `path` within the archive, and how it is asked for."""

    path: str
    machine: str
    ask: Callable[[Reach], str] | Source


@dataclass(frozen=True)
class PodName:
    """Which pod."""

    namespace: str
    name: str
    node: str


def do_bundle(errand: Errand) -> str:
    """Gather everything that needs the guests; a part that fails says so and stops nothing."""
    reach = reach_of(errand.cluster)
    look_first(errand, reach)
    parts = list(parts_of(load_rows(errand.cluster), reach))
    failed = 0
    for number, part in enumerate(parts):
        go_on(errand, {"done": number, "total": len(parts), "part": part.path})
        failed += not gather(errand, reach, part)
    go_on(errand, {"done": len(parts), "total": len(parts), "failed": failed})
    missed = f", {failed} of them not answered" if failed else ""
    return f"{len(parts)} parts gathered{missed}."


def look_first(errand: Errand, reach: Reach) -> None:
    """Look at machines that nobody has seen yet: which services and files they have is not known else."""
    rows = Sighting.objects.select_related("cluster__lab__host").filter(cluster=errand.cluster)
    lab = errand.cluster.lab
    if lab is not None:
        make_sightings(lab.host, timezone.now())
    for row in rows.filter(seen_at=None).exclude(machine=""):
        if reach.is_windows(row.machine) is not None:
            go_on(errand, {"part": f"a first look at {row.machine}"})
            look_at(row)


def parts_of(rows: Rows, reach: Reach) -> Iterator[Part]:
    """Yield what is gathered of this cluster."""
    for name in machine_names(rows):
        yield from machine_parts(rows, reach, name)
    for node in rows.kube.nodes if rows.kube is not None else ():
        yield Part(f"describe/node-{node.name}.txt", node.name, describer("node", "", node.name))
    for pod in cni_pods(rows.kube):
        path = f"describe/pod-{pod.namespace}-{pod.name}.txt"
        yield Part(path, pod.node, describer("pod", pod.namespace, pod.name))
        source = Source("pod", namespace=pod.namespace, pod=pod.name, tail=LINES)
        yield Part(f"logs/pod-{pod.namespace}-{pod.name}.log", pod.node, source)


def machine_parts(rows: Rows, reach: Reach, name: str) -> Iterator[Part]:
    is_windows = reach.is_windows(name)
    seen = seen_of(rows, name, timezone.now())
    if is_windows is None or seen.facts is None:
        why = seen.problem if is_windows is not None else "the dashboard has no way to it but the API"
        yield Part(f"logs/{name}-services.txt", name, unasked(name, why or "nobody has looked at it yet"))
    if is_windows is None:
        return
    there = {row.name for row in service_rows(seen) if row.state not in ("", "absent")}
    for unit in SERVICES:
        if unit in there:
            yield Part(
                f"logs/{name}-{unit}.log", name, Source("service", machine=name, unit=unit, tail=LINES)
            )
    for path in (seen.facts.log_files if seen.facts is not None else ()) if is_windows else ():
        if not any(unit.lower() in path.lower() for unit in there):
            short = path.rpartition("\\")[2]
            yield Part(f"logs/{name}-{short}", name, Source("file", machine=name, path=path, tail=LINES))
    if is_windows:
        yield Part(f"hns/{name}-networks.json", name, sheller(name, HNS))
        yield Part(f"hns/{name}-endpoints.json", name, sheller(name, HNS_ENDPOINTS))
        yield Part(f"hns/{name}-ipconfig.txt", name, sheller(name, ADDRESSES))
        events = Source(
            "events", machine=name, event_log="System", unit="Service Control Manager", tail=LINES
        )
        yield Part(f"logs/{name}-system-events.log", name, events)


def cni_pods(kube: KubeFacts | None) -> tuple[PodName, ...]:
    pods = kube.pods if kube is not None else ()
    found = [pod for pod in pods if pod.name.startswith(CNI_APPS)]
    return tuple(PodName(pod.namespace, pod.name, pod.node) for pod in found[:MOST_CNI_PODS])


def unasked(name: str, why: str) -> Callable[[Reach], str]:
    """Say in the place of logs why there are none."""

    def ask(reach: Reach) -> str:  # noqa: ARG001  (nobody is asked)
        raise ReachError(f"No log of a service of {name} is in here: {why.rstrip('.')}.")

    return ask


def sheller(machine: str, command: str) -> Callable[[Reach], str]:
    def ask(reach: Reach) -> str:
        done = reach.shell(machine, command)
        return f"{done.output}{done.errors if done.code else ''}"

    return ask


def describer(kind: str, space: str, name: str) -> Callable[[Reach], str]:
    """Ask kubectl on the control plane; of an attached cluster the object as the API gives it."""

    def ask(reach: Reach) -> str:
        if isinstance(reach, LabReach):
            within = f" -n {shlex.quote(space)}" if space else ""
            return reach.kubectl(f"{KUBECTL}{within} describe {kind} {shlex.quote(name)}")
        path = f"/api/v1/namespaces/{space}/pods/{name}" if space else f"/api/v1/nodes/{name}"
        return json.dumps(json.loads(reach.raw(path, {})), indent=1)

    return ask


def gather(errand: Errand, reach: Reach, part: Part) -> bool:
    """Store one part; tells whether it was answered."""
    is_log = isinstance(part.ask, Source)
    source = part.ask if isinstance(part.ask, Source) else Source("file", machine=part.machine)
    row = make_row(errand.cluster, source, errand.requested_by, follows=False, errand=errand)
    NodeLog.objects.filter(pk=row.pk).update(title=part.path[:300])
    row.start(holder_name("bundle"), timezone.now())
    try:
        if is_log:
            read_part(row, reach, source)
        else:
            assert callable(part.ask)
            store_lines(row, part.ask(reach).splitlines(), part.machine)
        status, sentence = Status.SUCCEEDED, ""
    except (ReachError, ValueError) as error:
        status, sentence = Status.FAILED, str(error)[:400]
        store.note(row.log_id, sentence or "It was not answered.")
    row.finish(status, timezone.now(), sentence)
    store.finish(row.log_id, status)
    return status == Status.SUCCEEDED


def read_part(row: NodeLog, reach: Reach, source: Source) -> None:
    version, files = seen_of_machine(row.cluster, source)
    Tail(row, make_reader(reach, source, version=version, files=files), source).run()


# -- the archive ------------------------------------------------------------------------


class Outlet(RawIOBase):
    """What the zip writer writes into; taken away piece by piece, so that memory does not grow."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken = b"".join(self.pieces)
        self.pieces.clear()
        return taken


Entry = tuple[str, Iterable[bytes]]


def bundle_archive(errand: Errand, more: Iterable[Entry] = ()) -> Iterator[bytes]:
    """Yield the zip archive; `more` are entries of other rooms (the newest run's log)."""
    outlet = Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, pieces in (*texts_of(errand), *logs_of_parts(errand), *more):
            with archive.open(zipfile.ZipInfo(name, stamp(errand)), "w", force_zip64=True) as file:
                for piece in pieces:
                    file.write(piece)
                    yield outlet.take()
    yield outlet.take()


def stamp(errand: Errand) -> tuple[int, int, int, int, int, int]:
    at = errand.finished_at or errand.requested_at
    return at.year, at.month, at.day, at.hour, at.minute, at.second


def texts_of(errand: Errand) -> list[Entry]:
    """Return what the database knows, redacted once more on its way out."""
    cluster, now = errand.cluster, timezone.now()
    rows = load_rows(cluster)
    page = page_of(cluster, now)
    texts = {
        "README.md": report_markdown(page, rows, now),
        "ladder.txt": "\n\n".join(ladder_text(ladder) for ladder in ladders_of(rows, now)),
        "services.txt": services_text(rows, now),
        "events.txt": events_text(page.kube),
        "objects.json": json.dumps(to_json(page.kube), indent=1),
        **facts_of(rows, now),
        **definition_of(cluster),
    }
    return [(name, [redacted_text(text).encode()]) for name, text in texts.items()]


def facts_of(rows: Rows, now: datetime) -> dict[str, str]:
    found = {name: seen_of(rows, name, now).facts for name in machine_names(rows)}
    return {
        f"facts/{name}.json": json.dumps(to_json(facts), indent=1)
        for name, facts in found.items()
        if facts is not None
    }


def definition_of(cluster: Cluster) -> dict[str, str]:
    if cluster.lab is None:
        return {}
    spec = json.dumps(cluster.lab.spec, indent=1)
    return {"definition.yaml": cluster.lab.revision.text, "lab.json": spec}


def redacted_text(text: str) -> str:
    lines = [LogLine("", "output", line) for line in text.split("\n")]
    return "\n".join(line.text for line in Redactor(()).redact(lines))


def logs_of_parts(errand: Errand) -> Iterator[Entry]:
    """Yield the parts; each log is read chunk by chunk."""
    taken: set[str] = set()
    for row in NodeLog.objects.filter(errand=errand).order_by("pk"):
        name = row.title if row.title not in taken else f"{row.pk}-{row.title}"
        taken.add(name)
        yield name, store.iter_text(row.log_id, stamps=False)
