"""Run op-readiness or an e2e focus on the lab host, where the binary is at hand; keep its JUnit."""

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import zstandard
from django.conf import settings
from django.utils import timezone

from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.cluster.actions import require_change
from webapp.cluster.errands import Canceled, CannotDo, ErrandError, go_on, request_errand
from webapp.cluster.models import Cluster, Errand, NodeLog
from webapp.cluster.nodelogs import make_row
from webapp.cluster.nodelogs_source import Source
from webapp.cluster.reach import LabReach, reach_of
from webapp.cluster.readiness import (
    CATEGORIES,
    Case,
    Comparison,
    ReportError,
    compare,
    outcomes_of,
    parse_junit,
    summary,
)
from webapp.executions.holder import holder_name
from webapp.executions.models import Status
from webapp.executions.record import Recorder, make_spool, record_child
from webapp.logs import store
from webapp.logs.lines import LogLine
from webapp.logs.redact import Redactor
from webapp.process import start_child
from webapp.spool import remove_spool

FOCUS = re.compile(r"[A-Za-z0-9 \[\]\\._|()*+?:/-]{1,200}")
CHECK_EVERY_S = 5.0
UPLOADED = "uploaded"


def readiness_refusal(cluster: Cluster) -> str:
    """Say why no test can be started here; a report can be uploaded in any case."""
    if cluster.lab is None:
        return "readiness is started on a lab's own host; of an attached cluster upload the report"
    if cluster.lab.is_rehearsal:
        return "a rehearsal has no cluster to test"
    return "" if settings.READINESS_DIR else "READINESS_DIR is not set on the lab host"


def request_readiness(cluster: Cluster, by: User, *, category: str, focus: str) -> tuple[Errand, bool]:
    """Ask for a category, or for an e2e focus. Raises ErrandError."""
    if why := readiness_refusal(cluster):
        raise ErrandError(f"It cannot be started: {why}.")
    if focus and not FOCUS.fullmatch(focus):
        raise ErrandError("The focus holds characters that Ginkgo's focus does not need.")
    if not focus and category not in CATEGORIES:
        raise ErrandError("Choose a category or write a focus.")
    argument = f"focus {focus}" if focus else category
    return request_errand(cluster, Errand.Kind.READINESS, by, argument=argument)


def keep_report(cluster: Cluster, name: str, data: bytes, by: User) -> Errand:
    """Keep a report that somebody brings. Raises PermissionDenied, ReportError."""
    require_change(cluster, by)
    cases, now = parse_junit(data), timezone.now()
    argument = f"{UPLOADED} {name}"[:253]
    errand = Errand.objects.create(
        cluster=cluster,
        kind=Errand.Kind.READINESS,
        argument=argument,
        requested_by=by,
        started_at=now,
        finished_at=now,
        status=Status.SUCCEEDED,
        sentence=sentence_of(cases),
        result=summary(cases),
        document=zstandard.compress(data),
    )
    audit.record(by, "kept a readiness report", f"{cluster} {name}"[:200], lab_id=cluster.lab_id)
    return errand


def sentence_of(cases: tuple[Case, ...]) -> str:
    failed = sum(case.outcome == "failed" for case in cases)
    passed = sum(case.outcome == "passed" for case in cases)
    return f"{passed} passed, {failed} failed."


def comparison(errand: Errand) -> Comparison:
    """Compare a report with the one before it of the same tests."""
    rows = Errand.objects.filter(
        cluster=errand.cluster, kind=Errand.Kind.READINESS, argument=errand.argument, pk__lt=errand.pk
    )
    before = rows.exclude(document=b"").first()
    return compare(outcomes_of(before.result) if before is not None else None, outcomes_of(errand.result))


# -- on the worker ----------------------------------------------------------------------


def do_readiness(errand: Errand) -> str:
    """Run the program with the cluster's own kubeconfig. Raises CannotDo, ReachError, Canceled."""
    tools = Path(settings.READINESS_DIR or ".")
    reach = reach_of(errand.cluster)
    if not isinstance(reach, LabReach) or not settings.READINESS_DIR:
        raise CannotDo(f"It cannot be started: {readiness_refusal(errand.cluster)}.")
    with TemporaryDirectory(prefix="readiness-") as name:
        folder = Path(name)
        config = folder / "kubeconfig"
        with os.fdopen(os.open(config, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(reach.kubectl("sudo cat /etc/kubernetes/admin.conf"))
        ended = run_program(errand, argv_of(errand.argument, tools, config, folder), tools)
        cases, data = read_reports(folder)
    if not cases:
        raise CannotDo(f"It {ended} and left no report; its log says why.")
    Errand.objects.filter(pk=errand.pk).update(document=zstandard.compress(data))
    go_on(errand, summary(cases))
    return sentence_of(cases)


def argv_of(argument: str, tools: Path, config: Path, folder: Path) -> list[str]:
    """Source: windows-operational-readiness' README, run-capz-e2e.sh of windows-testing."""
    report = f"--report-dir={folder}"
    if argument.startswith("focus "):
        return [
            str(tools / "e2e.test"),
            "--provider=skeleton",
            f"--kubeconfig={config}",
            "--node-os-distro=windows",
            f"--ginkgo.focus={argument.removeprefix('focus ')}",
            r"--ginkgo.skip=\[LinuxOnly\]",
            report,
        ]
    program = [str(tools / "op-readiness"), "--provider=local", f"--kubeconfig={config}"]
    return [*program, f"--category={argument}", "--test-dir=specifications/", report]


def run_program(errand: Errand, argv: Sequence[str], cwd: Path) -> str:
    """Run it to its end, recorded as a part of the errand; returns how it ended."""
    source = Source("file")
    row = make_row(errand.cluster, source, errand.requested_by, follows=False, errand=errand)
    NodeLog.objects.filter(pk=row.pk).update(title=f"Readiness: {errand.argument}")
    row.start(holder_name(settings.LAB_HOST), timezone.now())
    folder = Path(settings.SPOOL_DIR) / f"readiness{errand.pk}-{time.time_ns():x}"
    watch = Watch(errand)
    env = {"PATH": f"{cwd}:{os.environ.get('PATH', '')}", "HOME": str(cwd), "LANG": "C.UTF-8"}
    try:
        with start_child(argv, cwd=cwd, env=env, spool=folder) as child:
            ended = record_child(
                child, Recorder(make_spool(row.log_id, 0, folder), plain, Redactor(())), watch
            )
    except FileNotFoundError as error:
        store.note(row.log_id, str(error))
        raise CannotDo(str(error)) from error
    finally:
        row.finish(Status.SUCCEEDED, timezone.now())
        store.finish(row.log_id, Status.SUCCEEDED)
    remove_spool(folder)
    if watch.is_stopped:
        raise Canceled
    return f"ended with {ended}"


def plain(texts: Sequence[str]) -> list[LogLine]:
    return [LogLine("", "output", text) for text in texts]


class Watch:
    """Tells whether it has to stop: somebody asked, or its time is over. Looks every few seconds."""

    def __init__(self, errand: Errand) -> None:
        self.errand, self.is_stopped = errand, False
        self.began = self.looked = time.monotonic()

    def __call__(self) -> bool:
        now = time.monotonic()
        if self.is_stopped or now - self.looked < CHECK_EVERY_S:
            return self.is_stopped
        self.looked = now
        try:
            go_on(self.errand)
        except Canceled:
            self.is_stopped = True
        self.is_stopped |= now - self.began > settings.READINESS_LIMIT_S
        return self.is_stopped


def read_reports(folder: Path) -> tuple[tuple[Case, ...], bytes]:
    """Return the cases of all reports, and the largest one to keep."""
    files = sorted(folder.rglob("junit*.xml"), key=lambda path: path.stat().st_size)
    cases: dict[str, Case] = {}
    for path in files:
        try:
            cases |= {case.name: case for case in parse_junit(path.read_bytes())}
        except ReportError:
            continue  # another suite's may be whole
    return tuple(cases.values()), files[-1].read_bytes() if files else b""
