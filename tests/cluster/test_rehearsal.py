"""A rehearsed launch, seen as the pages see it: each known failure stops at its rung, with its advice."""

import pytest

from tests.cluster.conftest import Rehearsed
from webapp.cluster.models import Change, Sighting

# mishap → the rung where winw1 stands, the rule that explains it, the repair that is offered
FAILURES = {
    "reboot": ("winw1:reboot-refused", "os", "", ""),
    "licence": ("winw1:licence-expired", "os", "licence-expired", ""),
    "checksum": ("winw1:checksum-wrong", "runtime", "", ""),
    "runtime": ("winw1:containerd-stopped", "runtime", "containerd-not-running", "restart-in-order"),
    "token": ("winw1:token-expired", "api", "token-expired", "rejoin"),
    "ca": ("winw1:ca-hash-wrong", "api", "ca-hash-wrong", "rejoin"),
    "api": ("winw1:api-unreachable", "api", "api-unreachable", ""),
    "clock": ("winw1:clock-skew", "os", "clock-skew", "resync-clock"),
    "flag": ("winw1:kubelet-flag-unknown", "kubelet", "kubelet-unknown-flag", "reset-and-rejoin"),
    "csr": ("winw1:csr-pending", "request", "", "approve-request"),
    "cni": ("cni-not-initialised", "cni", "cni-not-ready", ""),
    "nic": ("wrong-nic", "network", "wrong-card", "reset-and-rejoin"),
    "hns": ("hns-broken", "cni", "hns-broken", ""),
    "smoke": ("disk-full", "smoke", "host-disk-full", ""),
}


def test_ladder_is_done_when_the_launch_succeeds(rehearsed: Rehearsed) -> None:
    rehearsed.launch()

    rehearsed.look()

    for name in ("controlplane", "winw1"):
        states = {rung.key: (rung.state, rung.evidence) for rung in rehearsed.ladder(name).rungs}
        assert {state for state, _ in states.values()} == {"done"}, states


@pytest.mark.parametrize("case", FAILURES.values(), ids=FAILURES)
def test_ladder_stops_at_its_rung_when(rehearsed: Rehearsed, case: tuple[str, str, str, str]) -> None:
    mishap, rung_key, rule, fix = case
    rehearsed.launch(mishap)

    rehearsed.look()

    stuck = rehearsed.ladder().stuck
    assert stuck is not None
    assert (stuck.key, stuck.finding.rule_id if stuck.finding else "") == (rung_key, rule), stuck
    assert (stuck.fix.kind if stuck.fix else "") == fix
    assert stuck.evidence


def test_shell_has_failed_when_the_boot_timed_out(rehearsed: Rehearsed) -> None:
    rehearsed.launch("winw1:boot-timeout")

    rehearsed.look()
    rehearsed.look()

    stuck = rehearsed.ladder().stuck
    assert stuck is not None
    assert stuck.key == "shell"
    assert stuck.state == "failed"


def test_antrea_needs_no_proxy_on_windows(rehearsed: Rehearsed) -> None:
    rehearsed.lab.spec["cni"]["name"] = "antrea"
    rehearsed.lab.save()
    rehearsed.launch(cni="antrea")

    rehearsed.look()

    states = {rung.key: rung.state for rung in rehearsed.ladder().rungs}
    assert states.pop("proxy") == "not-applicable"
    assert set(states.values()) == {"done"}


def test_second_look_writes_no_change(rehearsed: Rehearsed) -> None:
    rehearsed.launch()
    rehearsed.look()
    facts = list(Sighting.objects.order_by("pk").values_list("facts", "changed_at"))
    count = Change.objects.count()

    assert rehearsed.look() == [False, False]

    assert Change.objects.count() == count
    assert list(Sighting.objects.order_by("pk").values_list("facts", "changed_at")) == facts
