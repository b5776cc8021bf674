"""Known failures where people see them: at the step, on the lab, on the labs page, for the log viewer."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import HostFactory, RevisionFactory, RunFactory, StepFactory
from webapp.accounts.models import User
from webapp.catalog.variables import parse
from webapp.labs.models import Lab
from webapp.logs import store
from webapp.logs.lines import LogLine
from webapp.runs.findings import StepWatch, rules
from webapp.runs.models import Run

SignIn = Callable[[User], Client]
TOKEN = "could not find a JWS signature in the cluster-info ConfigMap for token ID"
TITLE = rules().by_id["token-expired"].title
NOISE = next(rule for rule in rules().rules if rule.kind == "noise" and not rule.steps and not rule.roles)


@pytest.fixture
def run(lab: Lab) -> Run:
    run = RunFactory(lab=lab, number=1, status="running")
    step = StepFactory(run=run, number=1, key="winw1 windows-join", machine="winw1", status="running")
    lines = [LogLine("winw1", "output", text) for text in ("fine", NOISE.samples[0], TOKEN)]
    store.append(run.log_id, lines, at_ms=1, step=1)
    StepWatch(run, step, name="windows-join", role="windows").look(0, lines)
    return run


@pytest.mark.parametrize("name", ["lab-cards", "lab-head", "run-steps"])
def test_a_finding_is_shown_while_the_run_goes_on(run: Run, stranger: User, sign_in: SignIn, name: str):
    arguments = {"lab-cards": [], "lab-head": [run.lab.slug], "run-steps": [run.lab.slug, run.number]}[name]

    page = sign_in(stranger).get(reverse(name, args=arguments)).content.decode()

    assert TITLE in page


def test_a_lab_whose_run_succeeded_shows_no_finding(run: Run, stranger: User, sign_in: SignIn):
    Run.objects.update(status="succeeded")

    assert TITLE not in sign_in(stranger).get(reverse("lab-head", args=[run.lab.slug])).content.decode()


def test_the_viewer_gets_findings_and_the_noise_of_a_range(run: Run, stranger: User, sign_in: SignIn):
    answer = (
        sign_in(stranger).get(reverse("log-findings", args=[run.log_id]), {"after": 0, "limit": 10}).json()
    )

    assert [(f["line"], f["rule"], f["machine"]) for f in answer["findings"]] == [
        (2, "token-expired", "winw1")
    ]
    assert (answer["noise"], answer["first"], answer["looked_at"]) == ([1], 1, 2)


@pytest.mark.parametrize("query", ["", "?after=x&limit=-5", "?limit=99999999999999999"], ids=repr)
def test_rubbish_in_the_address_is_no_error(run: Run, stranger: User, sign_in: SignIn, query: str):
    assert sign_in(stranger).get(reverse("log-findings", args=[run.log_id]) + query).status_code == 200


def test_findings_need_somebody_and_refuse_post(run: Run, client: Client, owner: User, sign_in: SignIn):
    address = reverse("log-findings", args=[run.log_id])

    assert client.get(address).status_code == 302
    assert sign_in(owner).post(address).status_code == 405


def test_a_run_that_is_not_there_is_not_found(owner: User, sign_in: SignIn):
    assert sign_in(owner).get(reverse("log-findings", args=[4711])).status_code == 404


@pytest.mark.parametrize(("provider", "words"), [("rehearsal", "plays it all the same"), ("", "be refused")])
def test_the_launch_page_says_what_would_be_refused_and_why(
    owner: User, sign_in: SignIn, provider: str, words: str
):
    spec = parse("kubernetes: {version: '1.24.3'}\n").to_json()
    query = {"revision": RevisionFactory(spec=spec).pk, "host": HostFactory(providers=["virtualbox"]).pk}

    page = sign_in(owner).get(reverse("lab-new-made"), {**query, "provider": provider}).content.decode()

    assert words in page
    assert "Nearest that works: 1.36.1" in page
