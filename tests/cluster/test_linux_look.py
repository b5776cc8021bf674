"""The one command for Linux, and answers to it that are whole, partial, cut or foreign."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kube import shapes
from webapp.cluster.linux_look import look_command, parse_api, parse_machine
from webapp.cluster.usual import medians

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
UNITS = """
MainPID=811
ExecStart={ path=/usr/bin/kubelet ; argv[]=/usr/bin/kubelet --token=abcdef.0123456789abcdef ; pid=811 ; }
User=
Id=kubelet.service
ActiveState=failed
UnitFileState=enabled
ActiveEnterTimestamp=Sun 2026-11-22 14:00:00 UTC

MainPID=790
Id=containerd.service
ActiveState=active
UnitFileState=enabled
ActiveEnterTimestamp=Sun 2026-11-22 14:00:00 UTC

Id=chrony.service
ActiveState=active

Id=ssh.service
ActiveState=active
"""
JOURNAL = """
1795358400.120 head systemd[1]: kubelet.service: Scheduled restart job, restart counter is at 1.
1795358401.003 head systemd[1]: Started kubelet.service - kubelet: The Kubernetes Node Agent.
"""
SAID = "\n".join(
    [
        "",
        "labkit-look date",
        "2026-11-22T15:01:00Z",
        "labkit-look restarts",
        JOURNAL,
        "labkit-look units",
        UNITS,
        "labkit-look cni",
        '==> /etc/cni/net.d/10-calico.conflist <==\n{"name": "k8s-pod-network"}',
        "labkit-look files",
        "/etc/cni/net.d:\n10-calico.conflist\n\n/etc/kubernetes:\nadmin.conf\nkubelet.conf\n\n/var/lib/labkit/state:\nsmoke.json",
        "labkit-look hashes",
        f"{'a' * 64} /usr/bin/kubelet\n{'b' * 64} /usr/local/bin/greeter",
        "labkit-look versions",
        "Kubernetes v1.36.1\ncontainerd github.com/containerd/containerd/v2 v2.3.4 abc",
        "labkit-look healthz",
        "ok",
        "labkit-look readyz",
        "ok",
        "labkit-look objects",
        json.dumps(shapes.listed("1.36.1")[0]),
        "labkit-look events",
        "labkit-look tokens",
        "labkit-look end",
        "",
    ]
)


def test_machine_and_api_are_read_from_one_answer() -> None:
    facts, kube = parse_machine(SAID, NOW), parse_api(SAID)

    assert facts is not None
    assert kube is not None
    states = {service.name: service.state for service in facts.services or ()}
    assert states == {"containerd": "Running", "kubelet": "Stopped", "chrony": "Running", "ssh": "Running"}
    assert facts.cni_files == ("10-calico.conflist",)
    assert [(file.name, file.text) for file in facts.cni_contents] == [
        ("10-calico.conflist", '{"name": "k8s-pod-network"}')
    ]
    assert (facts.clock_skew_s, facts.is_kubelet_healthy, facts.is_api_ready) == (60.0, True, True)
    assert facts.files is not None
    assert "smoke.json" in facts.files
    assert [(binary.name, binary.version, binary.sha256[:1]) for binary in facts.binaries or ()] == [
        ("containerd", "v2.3.4", ""),
        ("kubelet", "v1.36.1", "a"),
        ("greeter", "", "b"),
    ]
    assert ([node.name for node in kube.nodes], kube.missing) == (["winw1"], ("events", "tokens"))


def test_units_tell_since_when_restarts_and_command() -> None:
    facts = parse_machine(SAID, NOW)

    assert facts is not None
    kubelet, containerd = facts.service("kubelet"), facts.service("containerd")
    assert kubelet is not None
    assert containerd is not None
    assert (containerd.pid, containerd.since, containerd.restarts) == (790, NOW - timedelta(hours=1), ())
    assert (kubelet.since, kubelet.start_type, kubelet.account) == (None, "Automatic", "root")
    assert kubelet.restarts == (datetime(2026, 11, 22, 14, 40, tzinfo=UTC),)
    assert kubelet.command.startswith("/usr/bin/kubelet --token=")
    assert "0123456789abcdef" not in kubelet.command


@pytest.mark.parametrize("said", ["", "Permission denied (publickey).", "labkit-look date"], ids=range(3))
def test_api_that_said_nothing_is_none(said: str) -> None:
    assert parse_api(said) is None


@given(st.integers(0, len(SAID)))
def test_answer_that_was_cut_off_leaves_the_rest_unknown(at: int) -> None:
    whole, cut = parse_machine(SAID, NOW), parse_machine(SAID[:at], NOW)

    assert whole is not None
    for name in ("clock_skew_s", "services", "files", "is_kubelet_healthy", "is_api_ready", "binaries"):
        assert cut is None or getattr(cut, name) in (None, getattr(whole, name))
    kube = parse_api(SAID[:at])
    assert kube is None or len(kube.nodes) == 1


@given(st.text(), st.sampled_from(["date", "units", "files", "versions", "objects", "events", "tokens"]))
def test_no_answer_makes_it_raise(said: str, part: str) -> None:
    text = f"labkit-look {part}\n{said}\nlabkit-look end\n"

    parse_api(text)
    assert parse_machine(text, NOW) is not None


def test_only_the_control_plane_is_asked_for_the_api() -> None:
    assert "kubectl" in look_command(asks_api=True)
    assert "kubectl --kubeconfig" not in look_command(asks_api=False)


def test_usual_time_is_the_median_since_the_rung_before() -> None:
    rows = [
        (cluster, "winw1", key, "done", NOW + timedelta(seconds=at))
        for cluster, times in ((1, (0, 10)), (2, (0, 30)), (3, (0, 20)))
        for key, at in zip(("node", "cni"), times, strict=True)
    ]

    assert medians(rows) == {"cni": 20}
