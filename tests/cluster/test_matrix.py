"""The connectivity matrix: every way tried in a rehearsed lab, and the failing hop named."""

import json
import threading

import pytest

from tests.cluster.conftest import Rehearsed
from webapp.accounts.models import User
from webapp.cluster import matrix_run
from webapp.cluster.actions import cluster_of
from webapp.cluster.errands import carry_out_errand, request_errand
from webapp.cluster.matrix import Check, Hop, Probe, Result, checks_for, findings, results_of
from webapp.cluster.models import Errand, Sighting
from webapp.tasks import ERRANDS

PROBES = (
    Probe("linux", "n", "whoami-linux-1", "10.244.0.5", "head", "192.168.56.10", "10.96.0.5"),
    Probe("windows", "n", "whoami-windows-1", "10.244.1.5", "winw1", "192.168.56.11", "10.96.0.6"),
)
# mishap → what is found, by source and hop
WAYS = {
    "all is well": ((), []),
    "overlay": (("no-overlay",), [("linux", "pod"), ("windows", "pod")]),
    "services": (("windows:no-services",), [("windows", "service"), ("windows", "service")]),
    "dns": (("windows:no-dns",), [("windows", "dns")]),
    "egress": (("no-egress",), [("linux", "egress"), ("windows", "egress")]),
}


def run(rehearsed: Rehearsed, by: User, mishaps: tuple[str, ...]) -> Errand:
    facts = json.loads((rehearsed.folder / "lab.json").read_text())
    facts["rehearsal"]["mishaps"] = list(mishaps)
    (rehearsed.folder / "lab.json").write_text(json.dumps(facts))
    rehearsed.look()
    errand, _ = request_errand(cluster_of(rehearsed.lab), Errand.Kind.MATRIX, by)
    carry_out_errand(errand.pk, ERRANDS)
    return errand.refreshed()


@pytest.mark.parametrize(("mishaps", "found"), WAYS.values(), ids=WAYS)
def test_matrix_names_the_failing_hop(
    launched: Rehearsed, owner: User, mishaps: tuple[str, ...], found: list[tuple[str, str]]
) -> None:
    errand = run(launched, owner, mishaps)

    assert errand.status == "succeeded", errand.sentence
    assert [(one["source"], one["hop"]) for one in errand.result["findings"]] == found
    assert [row["source"] for row in errand.result["rows"]] == ["linux", "windows"]
    assert len(errand.result["columns"]) == 8
    cells = [cell["state"] for row in errand.result["rows"] for cell in row["cells"]]
    assert (cells.count("unknown"), cells.count("failed")) == (0, len(found))


def test_probes_are_taken_away(launched: Rehearsed, owner: User) -> None:
    run(launched, owner, ())

    kept = json.loads((launched.folder / ".vagrant" / "rehearsal" / "workloads.json").read_text())
    assert [item["kind"] for item in kept] == ["Namespace"]


def test_matrix_waits_for_a_first_look(launched: Rehearsed, owner: User) -> None:
    errand, _ = request_errand(cluster_of(launched.lab), Errand.Kind.MATRIX, owner)

    carry_out_errand(errand.pk, ERRANDS)

    assert errand.refreshed().status == "failed"
    assert "Nothing is known" in errand.sentence


def test_node_that_is_deleted_is_not_waited_for(
    launched: Rehearsed, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched.look()
    errand, _ = request_errand(cluster_of(launched.lab), Errand.Kind.MATRIX, owner)

    class Deleting(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            """Instead of a pause: the next look finds no Windows node."""
            row = Sighting.objects.get(cluster=errand.cluster, machine="")
            row.facts["nodes"] = [one for one in row.facts["nodes"] if one["os"] == "linux"]
            Sighting.objects.filter(pk=row.pk).update(facts=row.facts)
            return super().wait(0.5)

    monkeypatch.setattr(matrix_run, "SLEEP", Deleting())
    carry_out_errand(errand.pk, ERRANDS)

    assert errand.refreshed().status == "succeeded", errand.sentence
    assert [row["source"] for row in errand.result["rows"]] == ["linux"]


SAID = {
    "ok": ("labkit-ok", "ok"),
    "timeout": ("TIMEOUT\ncommand terminated with exit code 1", "failed"),
    "refused": ("REFUSED", "failed"),
    "other": ("OTHER: dial tcp: no route", "failed"),
    "no exec": ("error: unable to upgrade connection", "unknown"),
    "silence": ("", "unknown"),
}


@pytest.mark.parametrize(("said", "state"), SAID.values(), ids=SAID)
def test_answer_is_read(said: str, state: str) -> None:
    checks = [Check("linux", "pod", "windows", "10.244.1.5", 8080)]

    (result,) = results_of(checks, f"labkit-hop 0\n{said}\nlabkit-hop 1\n")

    assert result.state == state


def test_answer_that_was_cut_off_is_unknown() -> None:
    checks = checks_for(PROBES, "a.b:80")

    assert {result.state for result in results_of(checks, "labkit-hop 0\nlabkit-ok\n")[1:]} == {"unknown"}


def test_nearest_hop_to_the_ground_is_blamed() -> None:
    failing = [Check("linux", hop, "windows", "10.0.0.1", 1) for hop in ("service", "pod", "node")]

    (finding,) = findings([Result(check, "failed", "no answer") for check in failing])

    assert finding.hop == "node"


def test_complaint_of_exec_itself_is_not_shown() -> None:
    """As `agnhost connect` through a true API's exec said it."""
    said = (
        "labkit-hop 0\nOTHER: dial tcp 10.99.0.1:10250: connect: network is unreachable\n"
        "error: command terminated with non-zero exit code\nlabkit-hop 1\n"
    )

    (result,) = results_of([Check("linux", "node", "linux", "10.99.0.1", 10250)], said)

    assert (result.state, result.words) == (
        "failed",
        "dial tcp 10.99.0.1:10250: connect: network is unreachable",
    )


@pytest.mark.parametrize(("hop", "state"), [("dns", "failed"), ("pod", "unknown")])
def test_name_that_nobody_answers_has_failed(hop: Hop, state: str) -> None:
    """Seen at a true node without DNS: agnhost waits for names longer than its own time limit."""
    said = "labkit-hop 0\nerror: It did not end within 12 s.\nlabkit-hop 1\n"

    (result,) = results_of([Check("linux", hop, "", "whoami.x.svc", 80)], said)

    assert result.state == state
