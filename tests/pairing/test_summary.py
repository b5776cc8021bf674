"""What remains of a pairing."""

import pytest

from tests.factories import RunFactory
from webapp.accounts.models import User
from webapp.executions.models import Status
from webapp.labs.models import Lab
from webapp.logs import store
from webapp.logs.lines import LogLine
from webapp.pairing import chat, notes, quotes
from webapp.pairing.actions import end_pairing, join_pairing, open_pairing
from webapp.pairing.models import Pairing
from webapp.pairing.summary import absolute

pytestmark = pytest.mark.django_db


@pytest.fixture
def ended(lab: Lab, owner: User, member: User) -> Pairing:
    run = RunFactory(lab=lab, number=1, status=Status.FAILED)
    store.append(run.log_id, [LogLine("winw1", "error", "cni ``` not ready")], at_ms=1)
    pairing, _ = open_pairing(lab, owner, title="CNI *late*", goal="a [cause]", agenda="1. look", run=run)
    join_pairing(pairing, member)
    notes.add(pairing, owner, "It was the **NIC**.")
    quotes.quote_log(pairing, member, run, 0, 0, "/labs/calico-1/runs/1/#L1")
    chat.say(pairing, owner, "not in the summary")
    end_pairing(pairing, owner)
    return Pairing.objects.get(pk=pairing.pk)


@pytest.mark.parametrize(
    "text",
    [
        "# CNI \\*late\\*",
        "- Goal: a \\[cause\\]",
        "- Opened on: [run #1](/labs/calico-1/runs/1/)",
        "## Agenda\n\n1. look",
        "- ana, ",
        "- dora, ",
        "It was the **NIC**.",
        "[run #1, line 1](/labs/calico-1/runs/1/#L1), by dora",
        "````text\nwinw1  cni ``` not ready\n````",
    ],
)
def test_it_says_who_when_why_and_what(ended: Pairing, text: str):
    assert text in ended.summary


def test_it_leaves_out_what_there_was_not(ended: Pairing):
    assert "Commands run" not in ended.summary
    assert "not in the summary" not in ended.summary


def test_an_export_has_whole_addresses(ended: Pairing):
    text = absolute(ended.summary, "https://lab.example.org")

    assert "(https://lab.example.org/labs/calico-1/runs/1/#L1)" in text
    assert "](/" not in text
