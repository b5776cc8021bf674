"""Logs of the cluster, read from a rehearsed lab: what comes, what is kept out, when it ends."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from tests.cluster.conftest import Rehearsed
from webapp.accounts.models import AuditEntry, User
from webapp.cluster.actions import cluster_of
from webapp.cluster.errands import prune
from webapp.cluster.lost import reap_node_logs
from webapp.cluster.models import NodeLog
from webapp.cluster.nodelogs import Tail, find_log, open_log, read_log, stop_log
from webapp.cluster.nodelogs_api import ANSWER_BYTES, MISSING, PodReader, QueryReader, overlap
from webapp.cluster.nodelogs_batch import Batch
from webapp.cluster.nodelogs_guest import MOST_EVENTS, EventReader, FileReader
from webapp.cluster.nodelogs_readers import make_reader, serves
from webapp.cluster.nodelogs_source import Sieve, Source, SourceError, line_time, source_from
from webapp.cluster.reach import AttachedReach, ReachError, reach_of
from webapp.logs import store
from webapp.logs.models import Log
from webapp.process import Completed

KUBELET = r"C:\var\log\kubelet\kubelet.log"
NOW = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)
SOURCES = {
    "windows file": {"kind": "file", "machine": "winw1", "path": KUBELET},
    "linux file": {"kind": "file", "machine": "controlplane", "path": "/var/log/syslog.log"},
    "journal": {"kind": "unit", "machine": "controlplane", "unit": "kubelet"},
    "events": {"kind": "events", "machine": "winw1", "event_log": "System"},
    "pod": {"kind": "pod", "namespace": "kube-system", "pod": "etcd-controlplane"},
    "query": {"kind": "query", "machine": "winw1", "unit": "kubelet"},
    "service": {"kind": "service", "machine": "winw1", "unit": "kubelet"},
}


def lines_of(row: NodeLog) -> list[str]:
    return [line[4] for line in store.read(row.log_id, -1, 5000).lines]


def read(rehearsed: Rehearsed, by: User, source: dict[str, str], *, follows: bool = False) -> NodeLog:
    row, _ = open_log(cluster_of(rehearsed.lab), source_from(source), by, follows=follows)
    read_log(row.pk)
    return row.refreshed()


def test_every_kind_of_log_is_read(launched: Rehearsed, owner: User) -> None:
    rows = {name: read(launched, owner, source) for name, source in SOURCES.items()}

    assert {name: row.status for name, row in rows.items()} == dict.fromkeys(SOURCES, "succeeded"), [
        row.sentence for row in rows.values()
    ]
    assert [name for name, row in rows.items() if not lines_of(row)] == []
    assert AuditEntry.objects.filter(action="reads a log").count() == len(SOURCES)


def test_secret_in_a_log_is_not_kept(launched: Rehearsed, owner: User) -> None:
    text = "\n".join(lines_of(read(launched, owner, SOURCES["windows file"])))

    assert "5a10000000000000" not in text
    assert 'token="[redacted]"' in text or "[redacted]" in text


def test_service_is_read_by_shell_where_the_query_is_not_served(launched: Rehearsed, owner: User) -> None:
    row = read(launched, owner, SOURCES["service"])  # nobody has looked: the version is not known

    assert "Read by remote shell" in lines_of(row)[0]
    launched.look()
    again = read(launched, owner, {**SOURCES["service"], "tail": "50"})
    assert "Read by node log query" in lines_of(again)[0]


def test_pattern_and_window_keep_what_fits(launched: Rehearsed, owner: User) -> None:
    row = read(launched, owner, {**SOURCES["windows file"], "pattern": "PLEG"})
    none = read(launched, owner, {**SOURCES["windows file"], "until": "2020-01-01T00:00"})

    assert lines_of(row)
    assert all("PLEG" in line for line in lines_of(row))
    assert lines_of(none) == []


def test_log_that_is_not_there_says_so(launched: Rehearsed, owner: User) -> None:
    row = read(launched, owner, {"kind": "pod", "namespace": "kube-system", "pod": "nobody"})

    assert row.status == "failed"
    assert "not found" in row.sentence
    assert Log.objects.get(pk=row.log_id).complete == "failed"


def test_tail_that_nobody_watches_ends(launched: Rehearsed, owner: User) -> None:
    row, _ = open_log(cluster_of(launched.lab), source_from(SOURCES["pod"]), owner, follows=True)
    NodeLog.objects.filter(pk=row.pk).update(watched_at=timezone.now() - timedelta(minutes=5))

    read_log(row.pk)

    assert row.refreshed().sentence == "Nobody watched any more."


def test_tail_goes_on_where_it_was_until_it_is_stopped(launched: Rehearsed, owner: User) -> None:
    cluster = cluster_of(launched.lab)
    source = source_from(SOURCES["journal"])
    row, _ = open_log(cluster, source, owner, follows=True)
    row.start("test:1:a", timezone.now())
    tail = Tail(row, make_reader(reach_of(cluster), source, version="", files=()), source)
    tail.put(tail.ask())
    first = lines_of(row)
    tail.put(tail.ask())

    stop_log(row, owner)

    assert tail.end(None) == ("canceled", "Stopped.")
    assert len(set(lines_of(row))) == len(lines_of(row))
    assert lines_of(row)[: len(first)] == first


def test_open_log_is_shared(launched: Rehearsed, owner: User, member: User) -> None:
    source, cluster = source_from(SOURCES["pod"]), cluster_of(launched.lab)
    first, was_new = open_log(cluster, source, owner, follows=True)

    second, is_new = open_log(cluster, source, member, follows=True)

    assert (first.pk, was_new, is_new) == (second.pk, True, False)
    assert find_log(cluster, source) == first


def test_old_logs_are_pruned_and_lost_ones_end(launched: Rehearsed, owner: User) -> None:
    old = read(launched, owner, SOURCES["pod"])
    lost, _ = open_log(cluster_of(launched.lab), source_from(SOURCES["journal"]), owner, follows=True)
    now = timezone.now()
    NodeLog.objects.filter(pk=old.pk).update(finished_at=now - timedelta(days=15))

    assert prune(now, 0) == 0
    assert prune(now, 14) == 1
    assert not Log.objects.filter(pk=old.log_id).exists()
    assert reap_node_logs(now + timedelta(hours=1), 600) == 1
    assert lost.refreshed().status == "interrupted"


REFUSED = {
    "no kind": {"kind": "shell"},
    "no machine": {"kind": "file", "path": KUBELET},
    "outside": {"kind": "file", "machine": "winw1", "path": r"C:\Windows\System32\config\SAM"},
    "upwards": {"kind": "file", "machine": "winw1", "path": r"C:\var\log\..\..\secret.log"},
    "linux outside": {"kind": "file", "machine": "a", "path": "/etc/shadow"},
    "linux upwards": {"kind": "file", "machine": "a", "path": "/var/log/../../etc/shadow"},
    "quote": {"kind": "file", "machine": "winw1", "path": r"C:\var\log\a'; Stop-Computer; '.log"},
    "newline": {"kind": "file", "machine": "winw1", "path": "C:\\var\\log\\a\n.log"},
    "unit": {"kind": "unit", "machine": "a", "unit": "kubelet; reboot"},
    "option": {"kind": "unit", "machine": "a", "unit": "--vacuum-size=1"},
    "event log": {"kind": "events", "machine": "a", "event_log": "System'; x"},
    "pod": {"kind": "pod", "namespace": "kube-system", "pod": "a/../../secrets"},
    "namespace": {"kind": "pod", "namespace": "../..", "pod": "a"},
    "pattern": {**SOURCES["pod"], "pattern": "(("},
    "time": {**SOURCES["pod"], "since": "yesterday"},
    "window": {**SOURCES["pod"], "since": "2026-11-22T10:00", "until": "2026-11-22T09:00"},
}


@pytest.mark.parametrize("given_source", REFUSED.values(), ids=REFUSED)
def test_source_is_refused_when(given_source: dict[str, str]) -> None:
    with pytest.raises(SourceError):
        source_from(given_source)


@given(st.dictionaries(st.sampled_from(["kind", "machine", "path", "unit", "pod", "since"]), st.text()))
def test_no_source_crashes_the_check(given_source: dict[str, str]) -> None:
    try:
        source = source_from(given_source)
    except SourceError:
        return
    assert "'" not in source.path + source.unit + source.machine


LINES = {
    "klog": (
        "I1122 18:59:58.123456    4321 kubelet.go:1] x",
        datetime(2026, 11, 22, 18, 59, 58, 123456, UTC),
    ),
    "klog of last year": ("E1231 23:59:59.000000 1 a", datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)),
    "containerd": (
        "2026-11-22T18:00:00.123456789Z level=info",
        datetime(2026, 11, 22, 18, 0, 0, 123456, UTC),
    ),
    "journal": ("2026-11-22T18:00:00.000000+0000 host", datetime(2026, 11, 22, 18, 0, tzinfo=UTC)),
    "none": ("    at a stack frame", None),
    "no such day": ("I0231 18:59:58.123456 1 x", None),
}


@pytest.mark.parametrize(("line", "at"), LINES.values(), ids=LINES)
def test_time_of_a_line(line: str, at: datetime | None) -> None:
    assert line_time(line, NOW) == at


def test_line_without_a_time_goes_with_the_one_before() -> None:
    sieve = Sieve(Source("file", since="2026-11-22T18:00:00+00:00"))
    lines = ["I1122 17:00:00.000000 1 old", "  of it", "I1122 18:30:00.000000 1 new", "  of it too"]

    assert sieve.keep(lines, NOW) == lines[2:]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [(["a", "b"], ["b", "c"], 1), ([], ["a"], 0), (["a", "b"], ["a", "b"], 2), (["a"], ["b"], 0)],
    ids=["partly", "first", "nothing new", "all new"],
)
def test_overlap_finds_what_was_said_before(before: list[str], now: list[str], expected: int) -> None:
    assert overlap(before, now) == expected


@pytest.mark.parametrize(
    ("version", "is_served"), [("v1.36.1", True), ("v1.26.3", False), ("v1.27.0", True), ("", False)]
)
def test_query_is_asked_where_it_can_be_served(version: str, is_served: bool) -> None:
    assert serves(version) is is_served


class Kubelet(AttachedReach):
    """Answers what one kubelet answered at /logs/?query=…"""

    def __init__(self, said: str) -> None:
        self.said = said

    def raw(self, path: str, query: object) -> str:
        return self.said


@pytest.mark.parametrize(
    "head", ["", '<!doctype html>\n<meta name="viewport" content="width=device-width">\n']
)
def test_kubelet_that_lists_its_folder_does_not_serve_the_query(head: str) -> None:
    """As a true kubelet 1.20.2 answered; newer ones do so where the feature is off."""
    listing = f'{head}<pre>\n<a href="README">README</a>\n<a href="apt/">apt/</a>\n</pre>\n'

    with pytest.raises(ReachError, match="lists its log folder"):
        QueryReader(Kubelet(listing), Source("query", machine="linuxw1", unit="kubelet")).read()


class PodOf(AttachedReach):
    """A kubelet with one container's log: whole seconds in sinceTime, `limitBytes` cut wherever they end."""

    def __init__(self, *lines: str) -> None:
        self.text = "".join(f"{line}\n" for line in lines)

    def raw(self, path: str, query: Mapping[str, str]) -> str:
        lines = self.text.splitlines(keepends=True)
        if "sinceTime" in query:
            lines = [line for line in lines if line[:19] >= query["sinceTime"][:19]]
        lines = lines[-int(query["tailLines"]) :] if "tailLines" in query else lines
        return "".join(lines)[: int(query["limitBytes"])]


def stamped(micros: int, said: str) -> str:
    return f"2026-11-22T18:00:{micros // 10**6:02d}.{micros % 10**6:06d}000Z {said}"


def read_all(reader: PodReader) -> list[str]:
    batch = reader.read()
    return batch.lines + (read_all(reader) if batch.has_more else [])


def test_pods_line_is_kept_when_two_streams_write_in_another_order() -> None:
    kubelet = PodOf(stamped(5_000_002, "output"), stamped(5_000_001, "error"))
    reader = PodReader(kubelet, Source("pod", namespace="d", pod="a"))

    assert read_all(reader) == kubelet.text.splitlines()
    kubelet.text += stamped(4_999_999, "late") + "\n"
    assert read_all(reader) == [stamped(4_999_999, "late")]
    assert read_all(reader) == []


def test_pods_line_that_is_half_written_is_read_whole() -> None:
    kubelet = PodOf(stamped(1, "whole"))
    kubelet.text += stamped(2, "ha")
    reader = PodReader(kubelet, Source("pod", namespace="d", pod="a"))

    assert (read_all(reader), reader.rest()) == ([stamped(1, "whole")], [stamped(2, "ha")])
    kubelet.text += "lf\n"
    assert (read_all(reader), reader.rest()) == ([stamped(2, "half")], [])


def test_pods_log_of_more_than_an_answer_is_read_to_its_end() -> None:
    lines = [stamped(n * 400_000, f"{n} {'x' * 100_000}") for n in range(100)]
    reader = PodReader(PodOf(*lines), Source("pod", namespace="d", pod="a", tail=1000))

    assert read_all(reader) == lines


def test_pods_second_of_more_than_an_answer_says_what_is_missing() -> None:
    loud = [stamped(n, f"{n} {'x' * 100_000}") for n in range(ANSWER_BYTES // 100_000 + 9)]
    reader = PodReader(PodOf(*loud, stamped(9_000_000, "after")), Source("pod", namespace="d", pod="a"))

    notes: list[str] = []
    lines: list[str] = []
    for _ in range(6):
        batch = reader.read()
        notes, lines = [*notes, batch.note], [*lines, *batch.lines]

    assert lines[-1] == stamped(9_000_000, "after")
    assert notes.count(MISSING) == 1


def test_query_whose_answer_does_not_reach_back_says_so() -> None:
    kubelet = Kubelet("a\nb\n")
    reader = QueryReader(kubelet, Source("query", machine="winw1", unit="kubelet"))
    reader.read()
    kubelet.said = "y\nz\n"

    assert reader.read() == Batch(["y", "z"], note=MISSING)


class Answers(AttachedReach):
    """A machine whose shell answers these, one after the other."""

    def __init__(self, *said: str) -> None:
        self.said = list(said)

    def shell(self, machine: str, command: str, *, timeout_s: float = 0.0) -> Completed:
        return Completed(0, self.said.pop(0), "")


def events(*numbers: int) -> str:
    found = [{"Record": number, "At": "2026-11-22T18:00:00Z", "Text": "x"} for number in numbers]
    return json.dumps({"labkit": 1, "events": found})


def test_events_that_came_faster_than_they_are_read_are_told() -> None:
    machine = Answers(events(1), events(2, 3), events(*range(900, 900 + MOST_EVENTS)))
    reader = EventReader(machine, Source("events", machine="winw1", event_log="System"))

    assert ["may be missing" in reader.read().note for _ in range(3)] == [False, False, True]


def test_file_without_a_newline_at_its_end_is_read_whole() -> None:
    data = base64.b64encode(b"one\ntwo").decode()
    machine = Answers(f"labkit-log 0 7\n{data}\n")
    reader = FileReader(machine, Source("file", machine="a", path="/var/log/a.log"))

    assert (reader.read().lines, reader.rest()) == (["one"], ["two"])


def test_file_that_begins_anew_keeps_the_line_that_had_no_end() -> None:
    first, second = (base64.b64encode(data).decode() for data in (b"one\ntwo", b"3\n"))
    machine = Answers(f"labkit-log 0 7\n{first}\n", f"labkit-log 0 2\n{second}\n")
    reader = FileReader(machine, Source("file", machine="a", path="/var/log/a.log"))
    reader.read()

    assert reader.read() == Batch(["two", "3"], note="The file has begun anew.")


def test_what_has_no_newline_is_stored_when_the_reading_ends(launched: Rehearsed, owner: User) -> None:
    source = Source("file", machine="a", path="/var/log/a.log")
    row, _ = open_log(cluster_of(launched.lab), source, owner, follows=False)
    row.start("test:1:a", timezone.now())
    machine = Answers(f"labkit-log 0 7\n{base64.b64encode(b'one' + bytes([10]) + b'two').decode()}\n")

    assert Tail(row, FileReader(machine, source), source).run() == ("succeeded", "")
    assert lines_of(row) == ["one", "two"]
