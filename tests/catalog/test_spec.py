"""LabSpec as JSON, concrete addresses, and the kit's lab.json."""

import json
from dataclasses import replace

import pytest

from webapp.catalog.kit_steps import KitStep
from webapp.catalog.placing import lab_json, place
from webapp.catalog.spec import LabSpec, NetworkSpec, ProviderSpec, RehearsalSpec, default_machine

SUBNET = "192.168.57.0/24"


def test_spec_is_equal_when_it_went_through_json() -> None:
    spec = LabSpec(
        provider=ProviderSpec("libvirt", {"driver": "qemu", "nested": True}),
        rehearsal=RehearsalSpec(2.5, ("winw1:hang",)),
    )

    again = LabSpec.from_json(json.loads(json.dumps(spec.to_json())))

    assert again == spec


def test_spec_gets_defaults_when_a_stored_row_is_older() -> None:
    stored = LabSpec().to_json()
    del stored["cni"]["kube_proxy"], stored["rehearsal"]

    assert LabSpec.from_json(stored) == LabSpec()


def test_place_counts_from_ten_eleven_and_twenty_one() -> None:
    workers = [default_machine("windows", 2), default_machine("linux", 1)]
    spec = replace(LabSpec(), machines=(*LabSpec().machines, *workers))

    placed = place(spec, SUBNET)

    assert [m.ip.rpartition(".")[2] for m in placed.machines] == ["10", "11", "12", "21"]
    assert placed.network.subnet == SUBNET


def test_place_skips_addresses_when_the_definition_has_taken_them() -> None:
    fixed = default_machine("windows", 2, ip="192.168.57.11")
    spec = replace(LabSpec(), machines=(*LabSpec().machines, fixed))

    ips = [machine.ip for machine in place(spec, SUBNET).machines]

    assert ips == ["192.168.57.10", "192.168.57.12", "192.168.57.11"]


def test_place_fails_when_a_fixed_address_lies_outside() -> None:
    spec = replace(LabSpec(), machines=(default_machine("control-plane", ip="10.0.0.1"),))

    with pytest.raises(ValueError, match=r"10\.0\.0\.1 outside"):
        place(spec, SUBNET)


def test_place_has_room_for_all_machines_when_the_subnet_is_the_smallest() -> None:
    windows = [default_machine("windows", n) for n in range(1, 10)]
    linux = [default_machine("linux", n) for n in range(1, 10)]
    spec = replace(LabSpec(), machines=(default_machine("control-plane"), *windows, *linux))

    ips = [machine.ip for machine in place(spec, "192.168.57.32/27").machines]

    assert len(set(ips)) == 19
    assert max(ips, key=lambda ip: int(ip.rpartition(".")[2])) == "192.168.57.61"


def test_place_fails_when_fixed_addresses_leave_no_room() -> None:
    fixed = [default_machine("windows", n, ip=f"192.168.57.{52 + n}") for n in range(1, 6)]
    linux = [default_machine("linux", n) for n in range(1, 10)]
    spec = replace(LabSpec(), machines=(default_machine("control-plane"), *fixed, *linux))

    with pytest.raises(ValueError, match=r"192\.168\.57\.32/27 has no address left for linw6, "):
        place(spec, "192.168.57.32/27")


STEPS = (
    KitStep("linux-prepare", "every-linux", "Prepare", "linux/prepare.sh", scope="machines", usual_s=40),
    KitStep("init", "control-plane", "Init", "linux/init.sh"),
    KitStep("windows-join", "windows", "Join", "windows/join.ps1", may_reboot=True),
    KitStep("cni", "control-plane", "CNI", "linux/cni.sh", when={"cni": ("calico", "antrea")}),
    KitStep("not-calico", "control-plane", "Other", "linux/x.sh", when={"cni": "not-calico"}),
)


@pytest.mark.parametrize(
    ("scope", "cni", "control_plane", "windows"),
    [
        ("cluster", "calico", ["linux-prepare", "init", "cni"], ["windows-join"]),
        ("cluster", "none", ["linux-prepare", "init", "not-calico"], ["windows-join"]),
        ("machines", "calico", ["linux-prepare"], []),
    ],
    ids=["calico", "no CNI", "machines only"],
)
def test_lab_json_has_the_steps_of_each_machine(scope, cni, control_plane, windows) -> None:  # type: ignore[no-untyped-def]
    spec = place(replace(LabSpec(), scope=scope, cni=replace(LabSpec().cni, name=cni)), SUBNET)

    value = lab_json(spec, lab="a", prefix="a-", provider="libvirt", kit_steps=STEPS)

    names = [[step["name"] for step in machine["steps"]] for machine in value["machines"]]
    assert names == [control_plane, windows]


def test_lab_json_is_what_the_kit_documents() -> None:
    spec = place(replace(LabSpec(), network=NetworkSpec()), SUBNET)

    value = json.loads(json.dumps(lab_json(spec, lab="a", prefix="a-", provider="libvirt", kit_steps=STEPS)))

    assert value["network"] == {
        "subnet": SUBNET,
        "gateway": "192.168.57.1",
        "pod_cidr": "10.244.0.0/16",
        "service_cidr": "10.96.0.0/12",
    }
    assert [machine["communicator"] for machine in value["machines"]] == ["ssh", "winrm"]
    step = value["machines"][1]["steps"][0]
    assert (step["name"], step["script"], step["may_reboot"]) == ("windows-join", "windows/join.ps1", True)


@pytest.mark.parametrize(("own", "given", "expected"), [(None, 20, 20), (5.0, 20, 5.0), (None, None, None)])
def test_lab_json_takes_the_sites_speed_when_the_definition_has_none(own, given, expected) -> None:  # type: ignore[no-untyped-def]
    spec = place(replace(LabSpec(), rehearsal=RehearsalSpec(own)), SUBNET)

    value = lab_json(spec, lab="a", prefix="a-", provider="rehearsal", kit_steps=(), rehearsal_speed=given)

    assert value["rehearsal"]["speed"] == expected
