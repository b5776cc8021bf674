"""The pure ladder on what a real API server told, and on what nobody told."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.cluster.bundle_text import standing
from webapp.cluster.facts import MachineFacts
from webapp.cluster.ladder import KINDS, make_ladder
from webapp.cluster.seen import Entered, Seen, Wanted
from webapp.cluster.services import buckets, expected_services
from webapp.kube.parse import parse_objects
from webapp.kube.stored import from_json

RECORDED = Path(__file__).parents[1] / "kube" / "recorded"
NOW = datetime(2026, 11, 22, 14, 23, 55, tzinfo=UTC)
HEALTHY = MachineFacts(
    clock_skew_s=0,
    missing_features=(),
    is_reboot_pending=False,
    answers_containerd=True,
    can_reach_api=True,
    is_kubelet_healthy=True,
)


def recorded(moment: str, now: datetime = NOW, **changes: object) -> Seen:
    kube = parse_objects(json.loads((RECORDED / f"{moment}.json").read_text()).values())
    wanted = Wanted("winw1", "windows", ip="127.0.0.11", cni="calico")
    return replace(Seen(wanted, now, is_on=True, facts=HEALTHY, kube=kube), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("moment", "later_s", "key", "state"),
    [
        ("02-csr-pending", 0, "request", "now"),
        ("02-csr-pending", 60, "request", "failed"),
        ("04-notready", 0, "cni", "now"),
    ],
)
def test_recorded_join_stands_at(moment: str, later_s: int, key: str, state: str) -> None:
    stuck = make_ladder(recorded(moment, NOW + timedelta(seconds=later_s))).stuck

    assert stuck is not None
    assert (stuck.key, stuck.state) == (key, state)


@pytest.mark.parametrize(
    ("moment", "state"), [("04-notready", "now"), ("06-ready", "done")], ids=["not ready", "ready"]
)
def test_cni_that_nobody_knows_is_judged_by_the_kubelet(moment: str, state: str) -> None:
    """Seen at a true kube-apiserver: an attached node without its CNI was said not to need one."""
    seen = recorded(moment, wanted=Wanted("winw1", "windows", cni="", is_attached=True))

    found = make_ladder(seen).rung("cni")

    assert found is not None
    assert found.state == state


def test_cluster_without_pods_of_kube_proxy_is_not_called_broken() -> None:
    seen = recorded("06-ready", wanted=Wanted("winw1", "windows", cni="", is_attached=True))
    assert seen.kube is not None

    ladder = make_ladder(replace(seen, kube=replace(seen.kube, pods=())))

    states = {rung.key: rung.state for rung in ladder.rungs}
    assert (states["proxy"], states["ready"], ladder.stuck) == ("unknown", "done", None)
    assert standing(ladder) == f"{ladder.done} of {ladder.due} rungs known to be done"
    assert ladder.due == len(ladder.rungs) - list(states.values()).count("not-applicable")


@pytest.mark.parametrize(
    ("kind", "moment", "key"),
    [("pods", "06-ready", "cni"), ("pods", "06-ready", "proxy"), ("requests", "02-csr-pending", "request")],
)
def test_kind_that_the_api_refuses_is_held_against_nobody(kind: str, moment: str, key: str) -> None:
    seen = recorded(moment)
    assert seen.kube is not None
    kube = replace(seen.kube, missing=(kind,), **{kind: ()})

    found = make_ladder(replace(seen, kube=kube)).rung(key)

    assert found is not None
    assert (found.state, found.evidence) == ("unknown", f"The API did not tell its {kind}.")


def test_recorded_join_is_ready_at_its_end() -> None:
    ladder = make_ladder(recorded("06-ready"))

    assert ladder.stuck is None
    ready = ladder.rung("ready")
    assert ready is not None
    assert ready.state == "done"


def test_rung_fails_once_its_time_is_over() -> None:
    entered = {"request": Entered("done", NOW), "node": Entered("done", NOW), "cni": Entered("now", NOW)}

    states = [
        stuck.state
        for minutes in (14, 16)
        if (
            stuck := make_ladder(
                recorded("04-notready", NOW + timedelta(minutes=minutes), entered=entered)
            ).stuck
        )
    ]

    assert states == ["now", "failed"]


def test_lab_without_kubernetes_needs_only_its_machine() -> None:
    seen = recorded("06-ready")

    ladder = make_ladder(replace(seen, wanted=replace(seen.wanted, has_kubernetes=False), kube=None))

    assert [rung.key for rung in ladder.rungs if rung.state == "done"] == ["machine", "shell", "os"]
    assert {rung.state for rung in ladder.rungs[3:]} == {"not-applicable"}


def test_halted_machine_is_stuck_nowhere() -> None:
    ladder = make_ladder(Seen(Wanted("winw1", "windows"), NOW, is_on=False, vm_word="powered off"))

    assert ladder.stuck is None
    assert {rung.state for rung in ladder.rungs} == {"waiting"}


@pytest.mark.parametrize("role", KINDS)
def test_nobody_told_anything_is_unknown(role: str) -> None:
    ladder = make_ladder(Seen(Wanted("a", role), NOW))  # type: ignore[arg-type]

    assert {rung.state for rung in ladder.rungs} <= {"unknown", "waiting"}


FACTS = {
    "clock_skew_s": st.sampled_from([None, 0.0, 4000.0]),
    "answers_containerd": st.sampled_from([None, True, False]),
    "can_reach_api": st.sampled_from([None, True, False]),
    "has_kubelet_conf": st.sampled_from([None, True, False]),
    "is_kubelet_healthy": st.sampled_from([None, True, False]),
    "services": st.sampled_from([None, []]),
    "join_log": st.sampled_from([[], ["token id abcdef is invalid for this cluster or it has expired"]]),
    "hns_networks": st.sampled_from([None, [], [{"name": "Calico"}]]),
}


@given(st.fixed_dictionaries({}, optional=FACTS), st.sampled_from(list(KINDS)), st.booleans())
def test_ladder_stands_at_one_rung_at_most(facts: dict[str, object], role: str, has_kube: bool) -> None:
    kube = recorded("04-notready").kube if has_kube else None
    seen = Seen(Wanted("winw1", role), NOW, is_on=True, facts=from_json(MachineFacts, facts), kube=kube)  # type: ignore[arg-type]

    ladder = make_ladder(seen)

    standing = [rung for rung in ladder.rungs if rung.state in ("now", "failed")]
    assert len(standing) <= 1
    assert all(rung.evidence for rung in standing)
    assert not any(rung.fix for rung in ladder.rungs if rung not in standing)


EXPECTED = {
    ("calico", "host-process"): {"CalicoNode": "pod", "kube-proxy": "pod", "ovsdb-server": "absent"},
    ("calico", "services"): {"CalicoNode": "running", "kube-proxy": "running", "antrea-agent": "absent"},
    ("antrea", "services"): {"antrea-agent": "running", "ovs-vswitchd": "running", "CalicoFelix": "absent"},
    ("antrea", "host-process"): {"ovsdb-server": "pod", "kube-proxy": "absent", "CalicoNode": "absent"},
}


@pytest.mark.parametrize(("mode", "wanted"), EXPECTED.items(), ids=map(str, EXPECTED))
def test_expected_services_follow_cni_and_mode(mode: tuple[str, str], wanted: dict[str, str]) -> None:
    found = {row.name: row.expected for row in expected_services(*mode, is_joined=True)}

    assert {name: found[name] for name in wanted} == wanted
    assert found["kubelet"] == found["containerd"] == "running"


def test_restarts_are_counted_in_parts_of_five_minutes() -> None:
    times = [NOW - timedelta(minutes=minutes) for minutes in (1, 2, 58, 70)]

    assert buckets(times, NOW) == (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2)
    assert buckets(None, NOW) is None
