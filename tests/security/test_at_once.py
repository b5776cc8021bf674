"""Two presses at the very same time, by one person or by two: one thing happens, and nobody is failed."""

import pytest

from tests.at_once import at_once
from tests.factories import MachineFactory, UserFactory
from webapp.accounts.actions import AccountError, change_role
from webapp.accounts.models import Role, User
from webapp.cluster.actions import cluster_of, request_fix
from webapp.cluster.errands import request_errand
from webapp.cluster.models import Errand, Fix
from webapp.definitions.actions import add_revision, create_definition
from webapp.pairing import guests
from webapp.pairing.actions import open_pairing
from webapp.pairing.errors import InvitationError
from webapp.pairing.models import Invitation, Pairing
from webapp.runs.actions import request_run
from webapp.runs.models import Run
from webapp.shells import actions, baton
from webapp.shells.errors import ShellError
from webapp.shells.models import Recording, Terminal

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pairing(settings) -> Pairing:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    lab = MachineFactory(name="winw1").lab
    return open_pairing(lab, lab.owner, title="Late")[0]


def invited(pairing: Pairing, uses: int) -> Invitation:
    return guests.invite(pairing, pairing.lab.owner, role="read", uses=uses)[0]


def test_one_person_who_presses_join_twice_is_one_use(pairing: Pairing) -> None:
    invitation, eve = invited(pairing, 1), UserFactory(role=Role.GUEST)

    came = at_once(*[lambda: guests.accept(invitation, eve)] * 2)

    invitation.refresh_from_db()
    assert (came, invitation.use_count) == ([None, None], 1)


def test_of_two_who_come_by_a_single_use_one_gets_in(pairing: Pairing) -> None:
    invitation, both = invited(pairing, 1), UserFactory.create_batch(2, role=Role.GUEST)

    came = at_once(*[lambda one=one: guests.accept(invitation, one) for one in both])

    assert sorted(type(one).__name__ for one in came) == ["InvitationError", "NoneType"]
    assert pairing.participants.filter(user__in=both).count() == 1


def test_two_who_sign_up_by_a_single_use_leave_one_account(pairing: Pairing) -> None:
    invitation = invited(pairing, 1)

    came = at_once(*[lambda name=name: guests.sign_up(invitation, name) for name in ("Eva", "Ida")])

    assert sum(isinstance(one, InvitationError) for one in came) == 1
    assert User.objects.filter(role=Role.GUEST).count() == 1


def test_two_presses_on_a_verb_are_one_run(pairing: Pairing) -> None:
    lab = pairing.lab
    runs = at_once(*[lambda: request_run(lab, "halt", lab.owner)] * 2)

    assert sorted(is_new for _, is_new in runs) == [False, True]
    assert Run.objects.count() == 1


@pytest.mark.parametrize("kind", ["approve-request", "bundle"])
def test_two_presses_on_the_cluster_are_one_piece_of_work(kind: str, pairing: Pairing) -> None:
    cluster, by = cluster_of(pairing.lab), pairing.lab.owner
    ask = {
        "approve-request": lambda: request_fix(cluster, kind, by, machine="winw1", argument="csr-winw1"),
        "bundle": lambda: request_errand(cluster, Errand.Kind.BUNDLE, by),
    }[kind]

    answers = at_once(ask, ask)

    assert [one for one in answers if isinstance(one, Exception)] == []
    assert Fix.objects.count() + Errand.objects.count() == 1


def test_two_who_save_a_definition_make_two_revisions(owner: User) -> None:
    definition = create_definition(name="Calico", text="cni: calico\n", by=owner)

    texts = ["cni: antrea\n", "cni: calico\nscope: machines\n"]
    at_once(*[lambda text=text: add_revision(definition, text=text, by=owner) for text in texts])

    assert sorted(definition.revisions.values_list("number", flat=True)) == [1, 2, 3]


def test_of_two_administrators_who_put_each_other_out_one_stays() -> None:
    ana, ben = UserFactory.create_batch(2, role=Role.ADMINISTRATOR)

    done = at_once(
        lambda: change_role(ana, Role.MEMBER, ben),
        lambda: change_role(ben, Role.MEMBER, ana),
    )

    assert sorted(type(one) for one in done if one is not True) == [AccountError]
    assert User.objects.filter(role=Role.ADMINISTRATOR).count() == 1


def test_terminals_that_are_opened_at_once_have_their_numbers_and_their_limit(
    pairing: Pairing, settings
) -> None:
    lab, settings.SHELLS_PER_LAB = pairing.lab, 2
    settings.LAB_HOST = lab.host.name

    done = at_once(*[lambda: actions.open_terminal(lab, lab.machines.get(), lab.owner)] * 3)

    assert sum(isinstance(one, ShellError) for one in done) == 1
    assert sorted(Terminal.objects.values_list("number", flat=True)) == [1, 2]


def test_of_two_who_reach_for_a_free_baton_one_has_it_and_one_has_asked(pairing: Pairing) -> None:
    lab, both = pairing.lab, UserFactory.create_batch(2)
    terminal = Terminal.objects.create(lab=lab, machine=lab.machines.get(), number=1)

    came = at_once(*[lambda one=one: baton.ask_baton(terminal, one) for one in both])

    terminal.refresh_from_db()
    assert sorted(map(str, came)) == ["asked", "held"]
    assert {terminal.holder, terminal.asked_by} == set(both)


def test_two_presses_on_record_are_one_recording(pairing: Pairing) -> None:
    lab = pairing.lab
    terminal = Terminal.objects.create(lab=lab, machine=lab.machines.get(), number=1)

    done = at_once(*[lambda: actions.start_recording(terminal, lab.owner)] * 2)

    assert done[0] == done[1] == Recording.objects.get()
