"""Labs: cards and filters, launching, verbs, people; and how many queries a page takes."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.factories import HostFactory, LabFactory, MachineFactory, RevisionFactory, RunFactory, StepFactory
from webapp.accounts.models import AuditEntry, User
from webapp.cluster.actions import cluster_of
from webapp.definitions.models import Revision
from webapp.executions.models import Status
from webapp.labs.models import Lab, Member
from webapp.logs import store
from webapp.logs.lines import LogLine
from webapp.runs.models import Run, Step

SignIn = Callable[[User], Client]
# Session, person; states of machines and of labs; labs, machines, members, runs, steps, findings;
# clusters and where they are stuck; a lab also: its pairings.
LIST_QUERIES = 12
LAB_QUERIES = 15


@pytest.fixture
def launched(lab: Lab) -> Run:
    """The lab's launch, done; its machines run."""
    lab.machines.update(state="running")
    return RunFactory(lab=lab, number=1, verb="launch", status=Status.SUCCEEDED)


@pytest.fixture
def choices(db: None) -> dict[str, str]:
    """What the launch form needs, as it is sent."""
    revision: Revision = RevisionFactory(definition__slug="calico", definition__name="Calico")
    host = HostFactory(name="big-1")
    return {"revision": str(revision.pk), "host": str(host.pk), "name": "mine", "provider": "rehearsal"}


def verb_address(lab: Lab, verb: str) -> str:
    return reverse("lab-verb", args=[lab.slug, verb])


# -- the list -------------------------------------------------------------------
@pytest.mark.django_db
def test_cards_say_who_where_and_how_it_is(launched: Run, stranger: User, sign_in: SignIn) -> None:
    page = sign_in(stranger).get(reverse("labs")).content.decode()

    assert [word for word in ("calico-1", "ready", "winw1", "ana", "rehearsal") if word not in page] == []


@pytest.mark.parametrize(
    ("query", "is_there"),
    [
        ("?kind=ready", True), ("?kind=failed", False), ("?kind=nonsense", True), ("?q=CALICO", True),
        ("?q=other", False), ("?mine=1", False), ("?destroyed=1", False), ("?page=99", True),
        ("?page=x", True),
    ],
)  # fmt: skip
@pytest.mark.django_db
def test_list_is_filtered(launched: Run, stranger: User, sign_in: SignIn, query: str, is_there: bool) -> None:
    page = sign_in(stranger).get(reverse("lab-cards") + query).content.decode()

    assert (reverse("lab", args=["calico-1"]) in page) is is_there


@pytest.mark.django_db
def test_mine_holds_those_one_is_a_guest_of(launched: Run, guest: User, sign_in: SignIn) -> None:
    page = sign_in(guest).get(reverse("labs") + "?mine=1").content.decode()

    assert reverse("lab", args=["calico-1"]) in page


@pytest.mark.parametrize(("role", "words"), [("member", "Choose a definition"), ("viewer", "ask an")])
@pytest.mark.django_db
def test_empty_list_teaches_the_first_step(role: str, words: str, owner: User, sign_in: SignIn) -> None:
    User.objects.update(role=role)

    assert words in sign_in(owner).get(reverse("labs")).content.decode()


@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.django_db
def test_list_takes_the_same_queries_for_any_number_of_labs(
    count: int, owner: User, sign_in: SignIn, django_assert_num_queries
) -> None:
    revision, host = RevisionFactory(definition__owner=owner), HostFactory()
    for number in range(count):
        lab = LabFactory(name=f"lab-{number}", owner=owner, revision=revision, host=host)
        MachineFactory(lab=lab, state="running")
        cluster_of(lab)
        StepFactory(run=RunFactory(lab=lab, status=Status.RUNNING), status=Step.Status.RUNNING)
    client = sign_in(owner)

    with django_assert_num_queries(LIST_QUERIES):
        client.get(reverse("labs"))


# -- launching --------------------------------------------------------------------
@pytest.mark.django_db
def test_launch_makes_a_lab_and_leads_to_its_run(
    choices: dict[str, str], member: User, sign_in: SignIn
) -> None:
    answer = sign_in(member).post(reverse("lab-new"), choices)

    run = Run.objects.get()
    assert (run.lab.name, run.lab.owner, run.lab.provider, run.verb) == (
        "mine",
        member,
        "rehearsal",
        "launch",
    )
    assert answer["Location"] == reverse("run", args=[run.lab.slug, run.number])


@pytest.mark.django_db
def test_second_click_on_launch_leads_to_the_first_run(
    choices: dict[str, str], member: User, sign_in: SignIn
) -> None:
    client = sign_in(member)
    first, second = (client.post(reverse("lab-new"), choices) for _ in range(2))

    assert first["Location"] == second["Location"]
    assert Lab.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": "!!"}, "at least one letter"),
        ({"name": ""}, "This field is required"),
        ({"revision": "99"}, "Select a valid choice"),
        ({"provider": "hyperv"}, "Select a valid choice"),
    ],
    ids=["sign only", "no name", "no such revision", "provider not there"],
)
@pytest.mark.django_db
def test_bad_launch_says_why_and_makes_nothing(
    choices: dict[str, str], member: User, sign_in: SignIn, change: dict[str, str], problem: str
) -> None:
    answer = sign_in(member).post(reverse("lab-new"), {**choices, **change})

    assert answer.status_code == 422
    assert problem in answer.content.decode()
    assert not Lab.objects.exists()


@pytest.mark.django_db
def test_a_viewer_launches_nothing(choices: dict[str, str], stranger: User, sign_in: SignIn) -> None:
    assert sign_in(stranger).post(reverse("lab-new"), choices).status_code == 403
    assert not Lab.objects.exists()


@pytest.mark.django_db
def test_choices_show_what_would_be_made(choices: dict[str, str], member: User, sign_in: SignIn) -> None:
    page = sign_in(member).get(reverse("lab-new-made"), choices).content.decode()

    assert [word for word in ("controlplane", "winw1", "rehearsal", "GiB") if word not in page] == []


@pytest.mark.django_db
def test_launch_page_asks_for_a_definition_first(member: User, sign_in: SignIn) -> None:
    assert "First a definition" in sign_in(member).get(reverse("lab-new")).content.decode()


# -- a lab ------------------------------------------------------------------------
@pytest.mark.django_db
def test_lab_page_shows_steps_lines_and_reasons(lab: Lab, owner: User, sign_in: SignIn) -> None:
    run = RunFactory(lab=lab, number=1, status=Status.RUNNING)
    StepFactory(run=run, title="Join the cluster", machine="winw1", status=Step.Status.RUNNING)
    store.append(run.log_id, [LogLine("winw1", "output", "\x1b[32mhello\x1b[0m <b>")], at_ms=1)
    page = sign_in(owner).get(reverse("lab", args=[lab.slug])).content.decode()

    assert "hello &lt;b&gt;" in page
    assert "a run is open: #1 launch" in page
    assert page.count("Join the cluster") >= 2


@pytest.mark.django_db
def test_only_the_last_twelve_lines_are_shown(lab: Lab, owner: User, sign_in: SignIn) -> None:
    run = RunFactory(lab=lab, number=1, status=Status.RUNNING)
    store.append(run.log_id, [LogLine("", "output", f"line {n};") for n in range(40)], at_ms=1)
    page = sign_in(owner).get(reverse("lab-run", args=[lab.slug])).content.decode()

    assert ["line 27;" in page, "line 28;" in page, "line 39;" in page] == [False, True, True]


def test_of_an_endless_line_the_beginning_is_shown(lab: Lab, owner: User, sign_in: SignIn) -> None:
    run = RunFactory(lab=lab)
    store.append(run.log_id, [LogLine("winw1", "output", "start" + "z" * 60_000)], at_ms=1)

    page = sign_in(owner).get(reverse("lab", args=[lab.slug])).content.decode()

    assert "startzzz" in page
    assert page.count("z") < 1000


@pytest.mark.parametrize(("person", "is_shown"), [("owner", True), ("guest", False), ("stranger", False)])
@pytest.mark.django_db
def test_ways_to_connect_are_for_the_owner(
    lab: Lab, request: pytest.FixtureRequest, sign_in: SignIn, person: str, is_shown: bool
) -> None:
    Lab.objects.update(provider="libvirt")
    page = sign_in(request.getfixturevalue(person)).get(reverse("lab", args=[lab.slug])).content.decode()

    assert ("vagrant ssh controlplane" in page) is is_shown


@pytest.mark.django_db
def test_lab_page_takes_a_fixed_number_of_queries(
    launched: Run, owner: User, sign_in: SignIn, django_assert_num_queries
) -> None:
    for number in range(2, 20):
        RunFactory(lab=launched.lab, number=number, status=Status.SUCCEEDED, verb="reload")
    client = sign_in(owner)

    with django_assert_num_queries(LAB_QUERIES):
        client.get(reverse("lab", args=[launched.lab.slug]))


# -- verbs ------------------------------------------------------------------------
@pytest.mark.django_db
def test_verb_makes_a_run_and_leads_to_it(launched: Run, guest: User, sign_in: SignIn) -> None:
    answer = sign_in(guest).post(verb_address(launched.lab, "halt"), {"machine": "winw1"})

    run = Run.objects.get(number=2)
    assert (run.verb, run.machine, run.requested_by) == ("halt", "winw1", guest)
    assert answer["Location"] == reverse("run", args=[run.lab.slug, 2])


@pytest.mark.django_db
def test_verb_while_a_run_is_open_leads_to_that_run(launched: Run, owner: User, sign_in: SignIn) -> None:
    client = sign_in(owner)
    places = {client.post(verb_address(launched.lab, verb))["Location"] for verb in ("halt", "reload")}

    assert places == {reverse("run", args=[launched.lab.slug, 2])}
    assert Run.objects.count() == 2


@pytest.mark.parametrize("verb", ["dance", "snapshot-save"], ids=["no such verb", "no name given"])
@pytest.mark.django_db
def test_verb_that_cannot_be_says_so_on_the_labs_page(
    launched: Run, owner: User, sign_in: SignIn, verb: str
) -> None:
    answer = sign_in(owner).post(verb_address(launched.lab, verb), follow=True)

    assert answer.redirect_chain == [(reverse("lab", args=[launched.lab.slug]), 302)]
    assert "toast-error" in answer.content.decode()
    assert Run.objects.count() == 1


@pytest.mark.parametrize("typed", ["", "calico", "CALICO-1"])
@pytest.mark.django_db
def test_destroy_without_the_exact_name_destroys_nothing(
    launched: Run, owner: User, sign_in: SignIn, typed: str
) -> None:
    answer = sign_in(owner).post(verb_address(launched.lab, "destroy"), {"confirm": typed})

    assert answer.status_code == 422
    assert Run.objects.count() == 1


@pytest.mark.django_db
def test_destroy_with_the_name_typed_is_asked_for(launched: Run, owner: User, sign_in: SignIn) -> None:
    sign_in(owner).post(verb_address(launched.lab, "destroy"), {"confirm": "calico-1"})

    assert Run.objects.get(number=2).verb == "destroy"


@pytest.mark.django_db
def test_a_guest_operates_but_does_not_destroy(launched: Run, guest: User, sign_in: SignIn) -> None:
    answer = sign_in(guest).post(verb_address(launched.lab, "destroy"), {"confirm": "calico-1"})

    assert answer.status_code == 403


# -- people of a lab ----------------------------------------------------------------
@pytest.mark.django_db
def test_owner_adds_and_removes_a_guest(lab: Lab, owner: User, stranger: User, sign_in: SignIn) -> None:
    client = sign_in(owner)
    client.post(reverse("lab-guest-add", args=[lab.slug]), {"person": "carl"})
    was_guest = Member.objects.filter(lab=lab, user=stranger).exists()
    client.post(reverse("lab-member-remove", args=[lab.slug]), {"person": "carl"})

    assert was_guest
    assert not Member.objects.filter(lab=lab, user=stranger).exists()


@pytest.mark.parametrize("person", ["ben", "ana", "nobody", ""], ids=["guest", "owner", "unknown", "empty"])
@pytest.mark.django_db
def test_adding_somebody_twice_changes_nothing(lab: Lab, owner: User, sign_in: SignIn, person: str) -> None:
    sign_in(owner).post(reverse("lab-guest-add", args=[lab.slug]), {"person": person})

    assert Member.objects.filter(lab=lab).count() == 1
    assert not AuditEntry.objects.filter(action="added guest").exists()


def test_a_failed_run_shows_first_what_did_not_work(lab: Lab, sign_in: SignIn, owner: User):
    run = RunFactory(lab=lab, status="failed", sentence="winw1: no.")
    now = timezone.now()
    for number, (title, status) in enumerate([("Went well", "succeeded"), ("Broke", "failed")], 1):
        step = {"number": number, "key": title, "title": title, "status": status}
        StepFactory(run=run, started_at=now, finished_at=now, **step)

    page = sign_in(owner).get(reverse("lab", args=[lab.slug])).content.decode()

    places = [page.index(text) for text in ("1 step done", "Went well", "Broke")]
    assert places == sorted(places)
    assert "</details>" in page[places[1] : places[2]]
    assert page.count("banner-failed") == 1
