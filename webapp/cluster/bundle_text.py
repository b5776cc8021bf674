"""Ladder, services and events as plain text, and the Markdown of a bug report. Pure but for its rows."""

from collections.abc import Iterator
from datetime import datetime

from webapp.cluster.gather import Rows, machine_names, seen_of
from webapp.cluster.page import ClusterPage, ServiceRow
from webapp.cluster.rungs import Ladder, Rung
from webapp.cluster.services import service_rows
from webapp.kube.facts import KubeFacts

MARKS = {"done": "+", "now": "~", "failed": "!", "waiting": ".", "not-applicable": "-", "unknown": "?"}
EVIDENCE_IN_REPORT = 600
WARNINGS_IN_REPORT = 10


def at(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%SZ") if moment is not None else "never"


def ladder_text(ladder: Ladder) -> str:
    head = f"{ladder.machine} ({ladder.role}), seen {at(ladder.seen_at)}"
    problem = f"\n  not answered now: {ladder.problem}" if ladder.problem else ""
    return "\n".join([head + problem, *(line for rung in ladder.rungs for line in rung_lines(rung))])


def rung_lines(rung: Rung) -> Iterator[str]:
    since = f" since {at(rung.since)}" if rung.since else ""
    yield f"  {MARKS[rung.state]} {rung.title}: {rung.state}{since}"
    yield from (f"      {line}" for line in rung.evidence.splitlines())
    if rung.finding:
        yield f"      known failure {rung.finding.rule_id}: {rung.finding.title} {rung.finding.link}".rstrip()


def services_text(rows: Rows, now: datetime) -> str:
    found = []
    for name in machine_names(rows):
        found += [name, *(service_line(row) for row in service_rows(seen_of(rows, name, now))), ""]
    return "\n".join(found)


def service_line(row: ServiceRow) -> str:
    judged = {True: "ok", False: "WRONG", None: "?"}[row.is_as_expected]
    restarts = f", {row.restart_count} restarts in the last hour" if row.restart_count else ""
    words = f"{row.state or 'unknown'} (expected {row.expected}, {row.start_type or '-'}{restarts})"
    return f"  {judged:6} {row.name:28} {words} {row.command}".rstrip()


def events_text(kube: KubeFacts) -> str:
    lines = [
        f"{at(event.last_at)} {event.type or '-':8} {event.namespace}/{event.kind}/{event.name} "
        f"{event.reason} (×{event.count}): {event.message}"
        for event in kube.events
    ]
    return "\n".join(lines) or "No events were seen."


def report_markdown(page: ClusterPage, rows: Rows, now: datetime) -> str:
    """Return the text of a bug report: what is wrong first, then with what."""
    parts = [
        f"## {headline(page)}",
        "",
        "### What happened",
        "",
        "<!-- what you did, what you expected, what came instead -->",
        "",
        "### Where it stands",
        "",
        *(f"- **{ladder.machine}** ({ladder.role}): {standing(ladder)}" for ladder in page.ladders),
        "",
        *evidence(page),
        "### Versions",
        "",
        "| node | system | kubelet | runtime |",
        "|---|---|---|---|",
        *(
            f"| {n.name} | {n.os_image or n.os} {n.kernel} | {n.version} | {n.runtime} |"
            for n in page.kube.nodes
        ),
        "",
        *setting(page),
        *wrong_services(rows, now),
        *warnings(page.kube),
        f"_Seen {at(page.seen_at)} by SIG-Windows Lab; the archive has logs, descriptions and HNS._",
    ]
    return "\n".join(parts)


def headline(page: ClusterPage) -> str:
    stuck = [(ladder, ladder.stuck) for ladder in page.ladders if ladder.stuck is not None]
    if not stuck:
        is_whole = bool(page.ladders) and all(ladder.is_ready for ladder in page.ladders)
        return f"Windows lab {page.cluster}: {'all rungs done' if is_whole else 'nothing known to be stuck'}"
    ladder, rung = min(stuck, key=lambda pair: pair[1].state != "failed" if pair[1] else True)
    assert rung is not None
    return f"{ladder.machine} {'stuck' if rung.state == 'failed' else 'is'} at {rung.title}"


def standing(ladder: Ladder) -> str:
    rung = ladder.stuck
    if rung is None:
        known = f"{ladder.done} of {ladder.due} rungs known to be done" if ladder.done else "not known"
        return "Ready" if ladder.is_ready else ladder.problem or known
    finding = f", known failure _{rung.finding.title}_" if rung.finding else ""
    return f"{rung.title} {rung.state}{finding}"


def evidence(page: ClusterPage) -> Iterator[str]:
    for ladder in page.ladders:
        rung = ladder.stuck
        if rung is not None and rung.evidence:
            yield from (
                f"### {ladder.machine}: {rung.title}",
                "",
                *fenced(rung.evidence[-EVIDENCE_IN_REPORT:]),
            )


def fenced(text: str) -> list[str]:
    """Return a code block; backticks within it cannot end it."""
    return ["```text", text.replace("```", "'''"), "```", ""]


def setting(page: ClusterPage) -> Iterator[str]:
    lab = page.cluster.lab
    if lab is not None:
        spec = lab.spec
        cni, kubernetes = spec.get("cni") or {}, spec.get("kubernetes") or {}
        yield f"CNI {cni.get('name', '?')} ({cni.get('windows', '?')}), asked for Kubernetes "
        yield f"{kubernetes.get('version', '?')}, provider {lab.provider}, kit `{lab.kit_digest[:12]}`."
        yield ""


def wrong_services(rows: Rows, now: datetime) -> Iterator[str]:
    lines = [
        f"- {name}: {row.name} is {row.state or 'unknown'}, expected {row.expected}"
        for name in machine_names(rows)
        for row in service_rows(seen_of(rows, name, now))
        if row.is_as_expected is False
    ]
    if lines:
        yield from ("### Services that are not as expected", "", *lines, "")


def warnings(kube: KubeFacts) -> Iterator[str]:
    found = [event for event in kube.events if event.type == "Warning"][:WARNINGS_IN_REPORT]
    if found:
        yield from ("### Warnings", "")
        yield from (f"- {e.kind} {e.name}: {e.reason} (×{e.count}) {e.message[:200]}" for e in found)
        yield ""
