"""The whole plan for both CNIs, and what goes wrong on purpose: the right finding at the right step."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.factories import HostFactory, RevisionFactory
from webapp.accounts.models import User
from webapp.catalog.variables import parse
from webapp.labs.actions import lab_folder, make_lab
from webapp.labs.models import Lab
from webapp.runs.actions import request_run
from webapp.runs.execute import execute_run
from webapp.runs.models import Run, Step

SPEED = 5000


class Told(NamedTuple):
    """What a failed step tells: the rule its sentence begins with, and how often it was tried."""

    rule: str
    attempts: int


# One Windows worker each; where no retry can mend it, there is one attempt.
ON_WORKERS = {
    "winw1 windows-join:token-expired": Told("token-expired", 2),
    "winw2 windows-join:kubelet-flag-unknown": Told("kubelet-unknown-flag", 1),
    "winw3 windows-preflight:licence-expired": Told("licence-expired", 1),
    "winw4 windows-features:reboot-refused": Told("reboot-refused", 2),
    "winw5 windows-containerd:checksum-wrong": Told("checksum-wrong", 2),
    "winw6 windows-binaries:winrm-lost": Told("winrm-lost", 2),
    "winw7 windows-join:clock-skew": Told("clock-skew", 2),
}
ON_THE_CLUSTER = {
    "controlplane wait-ready:cni-not-initialised": Told("cni-not-ready", 2),
    "controlplane wait-ready:wrong-nic": Told("wrong-card", 2),
    "controlplane smoke:disk-full": Told("host-disk-full", 1),
}


def stored(owner: User, text: str, mishaps: list[str]) -> Lab:
    text += f"rehearsal: {json.dumps({'speed': SPEED, 'mishaps': mishaps})}\n"
    revision = RevisionFactory(text=text, spec=parse(text).to_json())
    return make_lab(revision=revision, host=HostFactory(name="local"), name="try", provider="", by=owner)


def carry_out(lab: Lab, by: User, verb: str = "launch", **options: str) -> Run:
    run, _ = request_run(lab, verb, by, **options)
    execute_run(run.pk)
    run.refresh_from_db()
    return run


def told(step: Step) -> Told:
    """Return what the step's sentence comes from; its line lies within the step."""
    causes = [f for f in step.findings.all() if step.sentence.startswith(f"{f.title}. {f.advice}"[:400])]
    assert step.status == Step.Status.FAILED, step.status
    assert causes, (step.sentence, list(step.findings.all()))
    assert all(step.first_line < f.line < step.last_line for f in causes)
    return Told(causes[0].rule, step.attempt)


@pytest.fixture
def place(transactional_db: None, var: Path) -> None:
    """A database that threads share, and every folder below tmp_path."""


def test_the_whole_plan_with_antrea_ends_well_and_without_a_finding(place: None, owner: User):
    run = carry_out(stored(owner, "cni: antrea\n", []), owner)

    assert run.status == "succeeded", run.sentence
    assert set(run.steps.values_list("status", flat=True)) == {Step.Status.SUCCEEDED}
    assert list(run.findings.values_list("rule", flat=True)) == []


def test_seven_workers_with_a_mishap_each_tell_each_its_own(place: None, owner: User):
    machines = {"vm": {"windows": {"count": len(ON_WORKERS)}}}
    lab = stored(owner, f"cni: calico\n{json.dumps(machines)[1:-1]}\n", list(ON_WORKERS))

    run = carry_out(lab, owner)

    failed = {key.rpartition(":")[0]: key for key in ON_WORKERS}
    assert {failed[s.key]: told(s) for s in run.steps.filter(status=Step.Status.FAILED)} == ON_WORKERS
    assert set(run.findings.values_list("step__key", flat=True)) == set(failed)
    assert run.steps.get(key="controlplane cni-install").status == Step.Status.SUCCEEDED
    assert any(f.title in run.sentence for f in run.findings.all())


def test_the_whole_plan_with_calico_then_mishaps_of_the_cluster(place: None, owner: User):
    lab = stored(owner, "cni: calico\n", [])
    launched = carry_out(lab, owner)

    found = {mishap: told(failed_step(lab, owner, mishap)) for mishap in ON_THE_CLUSTER}

    assert launched.status == "succeeded", launched.sentence
    assert list(launched.findings.values_list("rule", flat=True)) == []
    assert found == ON_THE_CLUSTER


def failed_step(lab: Lab, owner: User, mishap: str) -> Step:
    """Provision one step again, with the mishap written into the lab's own file."""
    path = lab_folder(lab) / "lab.json"
    value = json.loads(path.read_text())
    value["rehearsal"]["mishaps"] = [mishap]
    path.write_text(json.dumps(value))
    key = mishap.rpartition(":")[0]
    run = carry_out(lab, owner, "provision", machine="controlplane", with_=key.partition(" ")[2])
    return run.steps.get(key=key)
