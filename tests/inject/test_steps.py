"""Injections through the real driver and the rehearsal: put in, refused, rolled back, gone on with."""

import threading

import pytest
from django.db import connections

from tests.stack import wait_until
from webapp.accounts.models import User
from webapp.builds.artifacts import path_of
from webapp.builds.models import ArtifactUse
from webapp.inject.actions import InjectError, RunIsOpen, roll_back, start
from webapp.inject.models import Injection
from webapp.logs import store
from webapp.runs.actions import cancel_run, retry_run
from webapp.runs.models import Run

KUBELET = "C:\\k\\kubelet.exe"
PROXY = "C:\\k\\kube-proxy.exe"


def statuses(run: Run) -> dict[str, str]:
    return {step.key.removeprefix("winw1 "): step.status for step in run.steps.all()}


def said(run: Run) -> str:
    return "\n".join(line[4] if len(line) > 4 else line[3] for line in store.read(run.log_id, -1, 9999).lines)


def test_a_service_gets_its_new_binary(launched, artifact, play, guest_state, owner: User):
    lab, new = launched(), artifact()

    run = play(start(lab, ["winw1"], [new], owner))

    assert run.status == "succeeded", run.sentence
    injection = run.injections.get()
    assert (injection.state, len(injection.before_sha256)) == ("in-place", 64)
    assert guest_state(lab, "winw1")["binaries"][KUBELET]["sha256"] == new.sha256
    assert guest_state(lab, "winw1")["stopped"] == []
    assert ArtifactUse.objects.get(ended_at=None).artifact == new


def test_a_host_process_pod_is_made_anew(launched, artifact, play, guest_state, owner: User):
    lab = launched()

    run = play(start(lab, ["winw1"], [artifact("kube-proxy")], owner))

    assert run.status == "succeeded", run.sentence
    state = guest_state(lab, "winw1")
    assert state["restarted"] == {"kube-proxy-windows": 1}
    assert PROXY in state["binaries"]


def test_a_binary_that_nobody_runs_restarts_nothing(launched, artifact, play, guest_state, owner: User):
    lab = launched()

    run = play(start(lab, ["winw1"], [artifact("kubectl")], owner))

    assert run.status == "succeeded", run.sentence
    assert "nobody runs kubectl all the time" in said(run)
    assert guest_state(lab, "winw1")["restarted"] == {}


def test_a_binary_that_nobody_would_use_is_refused_with_what_works(launched, artifact, owner: User):
    lab = launched(cni="antrea")

    with pytest.raises(
        InjectError, match=r"AntreaProxy does its work on Windows\. Launch a lab with cni calico"
    ):
        start(lab, ["winw1"], [artifact("kube-proxy")], owner)

    assert not Injection.objects.exists() and not Run.objects.exists()


def test_a_new_binary_that_crashes_is_rolled_back_by_itself(
    launched, artifact, play, guest_state, owner: User
):
    lab = launched("winw1:new-binary-crashes")

    run = play(start(lab, ["winw1"], [artifact()], owner))

    assert run.status == "failed"
    assert "does not come up" in said(run)
    assert "The new kubelet does not come up; its last lines are in the log. The old" in run.sentence
    assert run.sentence.endswith("The old kubelet is back on winw1.")
    injection = run.injections.get()
    assert injection.state == "back"
    assert guest_state(lab, "winw1")["binaries"][KUBELET]["sha256"] == injection.before_sha256
    assert not ArtifactUse.objects.exists()


def test_a_lock_that_is_never_freed_leaves_the_old_binary(launched, artifact, play, guest_state, owner: User):
    lab = launched("winw1:lock-held")

    run = play(start(lab, ["winw1"], [artifact()], owner))

    assert run.status == "failed" and "stays in use" in said(run)
    assert statuses(run)["kubelet windows-inject-back"] == "succeeded"
    assert guest_state(lab, "winw1")["stopped"] == []


def test_neither_binary_comes_up_is_said(launched, artifact, play, owner: User):
    lab = launched("winw1:new-binary-crashes", "winw1:old-binary-crashes")

    run = play(start(lab, ["winw1"], [artifact()], owner))

    assert run.status == "failed" and "does not come up either" in said(run)
    assert run.injections.get().state == "broken"


def test_a_removed_flag_stops_before_anything_is_stopped(launched, artifact, play, guest_state, owner: User):
    lab = launched("winw1:flag-removed")

    run = play(start(lab, ["winw1"], [artifact(version="v9-odd")], owner))

    assert run.status == "failed"
    assert "Nothing was stopped: 1 of the service's flags" in run.sentence
    assert "--windows-priorityclass is unknown to the new binary" in run.sentence
    assert statuses(run)["kubelet windows-inject-replace"] == "skipped"
    assert statuses(run)["kubelet windows-inject-back"] == "skipped"
    assert guest_state(lab, "winw1")["binaries"] == {}


def test_a_forced_injection_goes_on_in_spite_of_its_flags(launched, artifact, play, owner: User):
    lab = launched("winw1:flag-removed")

    run = play(start(lab, ["winw1"], [artifact(version="v9-odd")], owner, is_forced=True))

    assert run.status == "succeeded", run.sentence
    assert [finding["flag"] for finding in run.injections.get().findings] == ["windows-priorityclass"]


def test_the_button_puts_the_old_binary_back(launched, artifact, play, guest_state, owner: User):
    lab = launched()
    injection = play(start(lab, ["winw1"], [artifact()], owner)).injections.get()

    run = play(roll_back(injection, owner))

    assert run.status == "succeeded", run.sentence
    injection.refresh_from_db()
    assert injection.state == "taken-out" and not injection.can_roll_back
    assert guest_state(lab, "winw1")["binaries"][KUBELET]["sha256"] == injection.before_sha256
    assert not ArtifactUse.objects.filter(ended_at=None).exists()


@pytest.mark.parametrize(
    ("component", "path", "restarts"),
    [("kube-proxy", PROXY, {"kube-proxy-windows": 2}), ("kubectl", "C:\\k\\kubectl.exe", {})],
    ids=["host process", "nobody"],
)
def test_the_button_puts_back_what_no_service_runs(  # noqa: PLR0917
    launched, artifact, play, guest_state, owner: User, component: str, path: str, restarts: dict[str, int]
):
    lab = launched()
    injection = play(start(lab, ["winw1"], [artifact(component)], owner)).injections.get()

    run = play(roll_back(injection, owner))

    assert run.status == "succeeded", run.sentence
    injection.refresh_from_db()
    state = guest_state(lab, "winw1")
    assert (injection.state, state["restarted"]) == ("taken-out", restarts)
    assert state["binaries"].get(path, {}).get("sha256", "") == injection.before_sha256


def test_going_back_to_an_earlier_injection_uses_its_binary_again(launched, artifact, play, owner: User):
    lab, first = launched(), artifact()
    play(start(lab, ["winw1"], [first], owner))
    second = play(start(lab, ["winw1"], [artifact(version="v1.36.1-9+def")], owner)).injections.get()

    play(roll_back(second, owner))

    assert ArtifactUse.objects.get(ended_at=None).artifact == first


def test_retry_after_a_roll_back_does_all_of_it_again(launched, artifact, play, owner: User):
    lab = launched("once:winw1:new-binary-crashes")
    failed = play(start(lab, ["winw1"], [artifact()], owner))

    again, _ = retry_run(failed, owner)
    run = play(again)

    assert run.status == "succeeded", run.sentence
    assert failed.injections.get().state == "in-place"


def test_two_binaries_of_a_machine_go_in_one_after_the_other(launched, artifact, play, owner: User):
    lab = launched()

    run = play(start(lab, ["winw1"], [artifact(), artifact("kube-proxy")], owner))

    assert run.status == "succeeded", run.sentence
    assert set(run.injections.values_list("state", flat=True)) == {"in-place"}


def test_an_open_run_is_named(launched, artifact, owner: User):
    lab = launched()
    run = start(lab, ["winw1"], [artifact()], owner)

    with pytest.raises(RunIsOpen, match=f"Run #{run.number}") as refused:
        start(lab, ["winw1"], [artifact("kubectl")], owner)

    assert refused.value.run == run
    assert Injection.objects.count() == 1


def test_a_canceled_injection_that_has_not_begun_changes_nothing(launched, artifact, owner: User):
    run = start(launched(), ["winw1"], [artifact()], owner)

    assert cancel_run(run, owner)
    assert run.injections.get().state == "asked"


def test_a_cancel_half_way_puts_the_old_binary_back(launched, artifact, play, guest_state, owner: User):
    lab = launched("once:winw1 windows-inject-replace:hang")
    run = start(lab, ["winw1"], [artifact()], owner)
    walk = threading.Thread(target=in_a_thread, args=(play, run))
    walk.start()
    wait_until(lambda: "waiting for the device to settle" in said(run), 90, "the step to hang")

    cancel_run(run.refreshed(), owner)
    walk.join(90)

    run.refresh_from_db()
    assert (run.status, run.injections.get().state) == ("canceled", "back")
    assert run.sentence == "Canceled. The old kubelet is back on winw1."
    assert guest_state(lab, "winw1")["stopped"] == []


def in_a_thread(play, run: Run) -> None:
    try:
        play(Run.objects.get(pk=run.pk))
    finally:
        connections.close_all()


def test_a_binary_for_another_system_is_refused(launched, artifact, owner: User):
    with pytest.raises(InjectError, match="is for linux/amd64; winw1 runs Windows"):
        start(launched(), ["winw1"], [artifact(target="linux/amd64")], owner)


def test_content_that_the_store_has_lost_is_said(launched, artifact, play, owner: User):
    lab, new = launched(), artifact()
    run = start(lab, ["winw1"], [new], owner)
    path_of(new.sha256).unlink()

    assert "not on this lab host" in play(run).sentence
