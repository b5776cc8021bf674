"""Binaries of a lab on the pages: panels, choosing, rights, roll back."""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from tests.factories import MachineFactory
from webapp.accounts.models import AuditEntry, User
from webapp.builds.models import Artifact
from webapp.cluster.models import Cluster, Sighting
from webapp.inject.models import Injection
from webapp.inject.runners import Runner
from webapp.labs.models import Lab
from webapp.runs.models import Run

SignIn = Callable[[User], Client]
HASHES = {"old": "a" * 64, "new": "b" * 64}


@pytest.fixture(autouse=True)
def store(var) -> None:
    settings.ARTIFACT_DIR = var / "artifacts"


@pytest.fixture
def binary(owner: User) -> Artifact:
    return Artifact.objects.create(
        origin="upload", component="kubelet", target="windows/amd64", file_name="kubelet.exe",
        sha256=HASHES["new"], size_bytes=1, version="v1.36.1-4+abc", added_by=owner,
    )  # fmt: skip


@pytest.fixture
def injection(lab: Lab, binary: Artifact, owner: User) -> Injection:
    return Injection.objects.create(
        lab=lab, machine="winw1", component="kubelet", path="C:\\k\\kubelet.exe", artifact=binary,
        runner=Runner("service", "kubelet", ("kubelet",)).to_json(), asked_by=owner, state="in-place",
        sha256=binary.sha256, version=binary.version, before_sha256=HASHES["old"],
    )  # fmt: skip


def look(lab: Lab, sha256: str, version: str = "v1.36.1", failures: int = 0) -> None:
    """Store what a look at winw1 told."""
    cluster, _ = Cluster.objects.get_or_create(lab=lab)
    found = {"name": "kubelet", "path": "C:\\k\\kubelet.exe", "version": version, "sha256": sha256}
    Sighting.objects.create(
        cluster=cluster, machine="winw1", facts={"os": "windows", "binaries": [found]},
        seen_at=timezone.now(), next_look_at=timezone.now(), failures=failures,
        problem="Nobody answers." if failures else "",
    )  # fmt: skip


def page(client: Client, lab: Lab, rest: str = "") -> str:
    return client.get(f"/labs/{lab.slug}/binaries/{rest}").content.decode()


def test_what_runs_stands_beside_what_was_meant(lab: Lab, injection: Injection, owner: User, sign_in: SignIn):
    look(lab, HASHES["new"])

    text = page(sign_in(owner), lab)

    assert "It is what was injected." in text
    assert "Roll back kubelet on winw1" in text
    assert "not what was meant" not in text


def test_another_file_than_was_injected_is_an_alarm(
    lab: Lab, injection: Injection, owner: User, sign_in: SignIn
):
    look(lab, HASHES["old"])

    text = page(sign_in(owner), lab, "alarm")

    assert "1 binary is not what was meant" in text
    assert f"/labs/{lab.slug}/binaries/" in text


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        ("v1.36.1", "It is 1.36.1, as the definition says."),
        ("v1.35.0", "The definition says 1.36.1; this is v1.35.0."),
    ],
)
def test_a_binary_of_the_release_is_held_against_the_definition(
    lab: Lab, owner: User, sign_in: SignIn, version: str, sentence: str
):
    look(lab, "", version)

    assert sentence in page(sign_in(owner), lab)


def test_a_machine_that_is_silent_is_unknown_and_no_alarm(
    lab: Lab, injection: Injection, owner: User, sign_in: SignIn
):
    look(lab, HASHES["old"], failures=3)

    text = page(sign_in(owner), lab)

    assert "Nobody could look: Nobody answers." in text
    assert "not what was meant" not in text


def test_the_panels_cost_the_same_however_many_machines(
    lab: Lab, injection: Injection, owner: User, sign_in: SignIn, django_assert_max_num_queries
):
    look(lab, HASHES["old"])
    for number in range(2, 6):
        MachineFactory(lab=lab, position=number, name=f"winw{number}")
    client = sign_in(owner)

    with django_assert_max_num_queries(18):
        page(client, lab, "panels")


def test_the_choice_starts_a_run(lab: Lab, binary: Artifact, owner: User, sign_in: SignIn):
    lab.machines.update(state="running")

    answer = sign_in(owner).post(f"/labs/{lab.slug}/binaries/winw1/kubelet/", {"artifact": binary.pk})

    run = Run.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/labs/{lab.slug}/runs/{run.number}/")
    assert (run.verb, run.machine, run.injections.get().artifact) == ("inject", "winw1", binary)
    assert AuditEntry.objects.filter(action="asked inject").exists()


def test_a_choice_of_nothing_is_told(lab: Lab, binary: Artifact, owner: User, sign_in: SignIn):
    answer = sign_in(owner).post(f"/labs/{lab.slug}/binaries/winw1/kubelet/", {})

    assert answer.status_code == 422 and "Choose a binary." in answer.content.decode()


def test_a_binary_goes_from_its_page_onto_machines(lab: Lab, binary: Artifact, owner: User, sign_in: SignIn):
    client = sign_in(owner)
    shown = client.get(f"/builds/artifacts/{binary.pk}/inject").content.decode()

    answer = client.post(f"/builds/artifacts/{binary.pk}/inject", {"lab": lab.slug, "machines": ["winw1"]})

    assert "The service kubelet runs it." in shown
    assert "kubelet.exe is for windows/amd64; controlplane runs Linux." in shown
    assert answer.status_code == 302 and Injection.objects.get().machine == "winw1"


def test_a_second_injection_leads_to_the_open_run(lab: Lab, binary: Artifact, owner: User, sign_in: SignIn):
    client = sign_in(owner)
    for _ in range(2):
        answer = client.post(f"/labs/{lab.slug}/binaries/winw1/kubelet/", {"artifact": binary.pk})

    assert "is open; ask again" in answer.content.decode()
    assert Run.objects.count() == 1


def test_the_roll_back_button_starts_a_run(lab: Lab, injection: Injection, owner: User, sign_in: SignIn):
    answer = sign_in(owner).post(f"/labs/{lab.slug}/injections/{injection.pk}/roll-back")

    assert answer.status_code == 302
    back = Run.objects.get().injections.get()
    assert (back.kind, back.sha256, back.undoes) == ("roll-back", HASHES["old"], injection)


def test_a_run_page_tells_what_it_puts_in(lab: Lab, binary: Artifact, owner: User, sign_in: SignIn):
    client = sign_in(owner)
    where = client.post(f"/labs/{lab.slug}/binaries/winw1/kubelet/", {"artifact": binary.pk})["Location"]

    text = client.get(where).content.decode()

    assert "The service kubelet runs it." in text and "not begun" in text


@pytest.mark.parametrize("path", ["binaries/winw1/kubelet/", "injections/{pk}/roll-back"])
def test_a_stranger_may_look_and_not_inject(
    lab: Lab, injection: Injection, stranger: User, sign_in: SignIn, path: str
):
    client = sign_in(stranger)

    assert client.get(f"/labs/{lab.slug}/binaries/").status_code == 200
    assert client.post(f"/labs/{lab.slug}/{path.format(pk=injection.pk)}").status_code == 403
    assert not Run.objects.exists()


def test_only_an_owner_forces(lab: Lab, binary: Artifact, member: User, owner: User, sign_in: SignIn):
    given = {"artifact": binary.pk, "force": "1"}

    refused = sign_in(member).post(f"/labs/{lab.slug}/binaries/winw1/kubelet/", given)
    sign_in(owner).post(f"/labs/{lab.slug}/binaries/winw1/kubelet/", given)

    assert "Only the lab&#x27;s owner may inject in spite of the flags." in refused.content.decode()
    assert Injection.objects.get().is_forced


@pytest.mark.parametrize("method", ["get", "put"])
def test_a_roll_back_is_asked_for_by_post_only(
    lab: Lab, injection: Injection, owner: User, sign_in: SignIn, method: str
):
    asked = getattr(sign_in(owner), method)

    assert asked(f"/labs/{lab.slug}/injections/{injection.pk}/roll-back").status_code == 405


def test_anonymous_people_are_sent_to_sign_in(lab: Lab, client: Client):
    assert client.get(f"/labs/{lab.slug}/binaries/")["Location"].startswith("/sign-in")
