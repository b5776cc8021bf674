"""Making labs: names, subnets, providers."""

import re
from dataclasses import replace

import pytest
from django.utils import timezone

from tests.factories import HostFactory, LabFactory, RevisionFactory
from webapp.accounts.models import User
from webapp.catalog.spec import LabSpec, NetworkSpec, default_machine
from webapp.hosts.models import Host
from webapp.labs.actions import (
    LaunchError,
    choose_provider,
    choose_subnet,
    free_slug,
    make_lab,
    name_prefix,
    record_states,
)
from webapp.labs.models import Lab

SPEC = LabSpec()
FIXED = replace(SPEC, network=NetworkSpec(subnet="10.20.30.0/24"))


@pytest.mark.parametrize(
    ("taken", "subnet"),
    [([], "192.168.56.0/24"), (["192.168.56.0/24", "192.168.57.0/25"], "192.168.58.0/24")],
    ids=["first", "next free"],
)
def test_a_lab_gets_the_first_free_subnet(taken: list[str], subnet: str):
    assert choose_subnet(SPEC, taken) == subnet


def test_a_subnet_that_is_asked_for_is_honoured_when_free():
    assert choose_subnet(FIXED, ["192.168.56.0/24"]) == "10.20.30.0/24"


@pytest.mark.parametrize(
    ("spec", "taken", "word"),
    [(FIXED, ["10.20.0.0/16"], "which a lab on this host uses"), (SPEC, ["192.168.56.0/21"], "All subnets")],
    ids=["asked for", "pool empty"],
)
def test_a_subnet_that_cannot_be_had_is_said(spec: LabSpec, taken: list[str], word: str):
    with pytest.raises(LaunchError, match=word):
        choose_subnet(spec, taken)


@pytest.mark.parametrize(
    ("found", "asked", "chosen"),
    [([], "", "rehearsal"), (["libvirt"], "", "libvirt"), (["libvirt"], "rehearsal", "rehearsal")],
    ids=["nothing found", "first found", "asked for"],
)
def test_the_provider_is_the_asked_one_or_what_there_is(found: list[str], asked: str, chosen: str):
    assert choose_provider(SPEC, Host(name="h", providers=found), asked) == chosen


def test_a_provider_that_the_host_lacks_is_refused():
    with pytest.raises(LaunchError, match="no provider 'hyperv'; it has rehearsal"):
        choose_provider(SPEC, Host(name="h", providers=[]), "hyperv")


@pytest.mark.django_db
def test_a_second_lab_of_a_name_gets_a_number():
    LabFactory(name="try")

    assert free_slug("Try") == "try-2"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "   ", "!!!"], ids=repr)
def test_a_name_without_a_letter_is_refused(name: str):
    with pytest.raises(LaunchError, match="needs a name"):
        free_slug(name)


@pytest.mark.django_db
def test_a_lab_has_its_machines_with_addresses_of_its_subnet(owner: User):
    lab = make_lab(revision=RevisionFactory(), host=HostFactory(), name="Try me", provider="", by=owner)

    assert [(m.name, m.ip) for m in lab.machines.all()] == [
        ("controlplane", "192.168.56.10"),
        ("winw1", "192.168.56.11"),
    ]
    assert lab.name_prefix == "try-me-"


@pytest.mark.django_db
def test_a_state_is_stored_with_the_time_it_began_and_was_seen(lab: Lab):

    first, later = timezone.now(), timezone.now()
    record_states(lab, {"winw1": "running"}, first)
    record_states(lab, {"winw1": "running", "nobody": "running"}, later)

    winw1 = lab.machines.get(name="winw1")
    assert (winw1.state, winw1.state_since, winw1.seen_at) == ("running", first, later)
    assert lab.machines.get(name="controlplane").seen_at is None


def test_no_two_labs_share_their_machines_names_and_the_kit_takes_each():
    slugs = ["try-me", "try_me", *(f"calico-on-server-2022-for-{name}" for name in ("ana", "ben"))]

    prefixes = [name_prefix(slug) for slug in slugs]

    assert prefixes[0] == "try-me-"
    assert len(set(prefixes)) == len(slugs)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", prefix) for prefix in prefixes)  # kit/Vagrantfile


@pytest.mark.django_db
def test_record_states_keeps_of_a_providers_own_words_what_the_column_holds(lab: Lab):
    record_states(lab, {"winw1": "x" * 300}, timezone.now())

    assert lab.machines.get(name="winw1").state == "x" * 40


@pytest.mark.django_db
def test_a_long_box_fits_the_machines_column(owner: User):
    machine = replace(default_machine("control-plane"), box=f"{'a' * 80}/{'b' * 80}", box_version="1" * 40)
    spec = replace(SPEC, machines=(machine, default_machine("windows")))
    revision = RevisionFactory(spec=spec.to_json())

    lab = make_lab(revision=revision, host=HostFactory(), name="try", provider="rehearsal", by=owner)

    assert max(len(machine.box) for machine in lab.machines.all()) == 120
