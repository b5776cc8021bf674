"""The palette: what is typed finds labs, runs, definitions; a verb becomes a command."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import DefinitionFactory, RunFactory
from webapp.accounts.models import User
from webapp.definitions.models import Definition
from webapp.executions.models import Status
from webapp.labs.models import Lab
from webapp.web.views.palette import split_verb

SignIn = Callable[[User], Client]


def ask(client: Client, text: str) -> str:
    return client.get(reverse("palette"), {"q": text}).content.decode()


@pytest.mark.parametrize(
    ("text", "verb", "rest"),
    [("halt cal", "halt", "cal"), ("HALT", "halt", ""), ("start x", "up", "x"), ("up x", "up", "x"),
     ("haltcal", None, "haltcal"), ("", None, ""), ("save x", None, "save x")],
)  # fmt: skip
def test_first_word_may_be_a_verb(text: str, verb: str | None, rest: str) -> None:
    assert split_verb(text) == (verb, rest)


@pytest.mark.django_db
def test_text_finds_labs_runs_and_definitions(lab: Lab, owner: User, sign_in: SignIn) -> None:
    RunFactory(lab=lab, number=3, status=Status.FAILED)
    DefinitionFactory(name="Calico for all", slug="calico-all")
    page = ask(sign_in(owner), "calico")

    wanted = [reverse("lab", args=["calico-1"]), reverse("run", args=["calico-1", 3]), "Calico for all"]
    assert [one for one in wanted if one not in page] == []


@pytest.mark.parametrize(("person", "words"), [("owner", "/verbs/halt"), ("stranger", "not operate it")])
@pytest.mark.django_db
def test_verb_is_offered_or_says_why_not(
    lab: Lab, request: pytest.FixtureRequest, sign_in: SignIn, person: str, words: str
) -> None:
    lab.machines.update(state="running")

    assert words in ask(sign_in(request.getfixturevalue(person)), "halt calico")


@pytest.mark.django_db
def test_command_reaches_no_lab_by_its_definitions_name(lab: Lab, owner: User, sign_in: SignIn) -> None:
    Definition.objects.update(name="Windows for all")

    assert "/verbs/" not in ask(sign_in(owner), "halt windows")
    assert reverse("lab", args=["calico-1"]) in ask(sign_in(owner), "windows")


@pytest.mark.django_db
def test_results_say_which_text_they_are_of(owner: User, sign_in: SignIn) -> None:
    assert 'data-for="halt &lt;x"' in ask(sign_in(owner), " halt <x ")


@pytest.mark.django_db
def test_nothing_found_says_so(owner: User, sign_in: SignIn) -> None:
    assert "Nothing is called “&lt;b&gt;”" in ask(sign_in(owner), "<b>")
