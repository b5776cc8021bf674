"""Plans from a small kit of the test's own."""

from dataclasses import replace

import pytest

from webapp.catalog.kit_steps import KitStep
from webapp.catalog.spec import CniSpec, LabSpec
from webapp.planning.make import PLANNED_ELSEWHERE, make_plan
from webapp.planning.plan import Plan, PlanError, StepKind, Verb, critical_path_s

KIT = (
    KitStep("prepare", "every-linux", "Prepare", "p.sh", scope="machines", usual_s=10),
    KitStep("init", "control-plane", "Init", "i.sh", needs=("prepare",), usual_s=100),
    KitStep("features", "windows", "Features", "f.ps1", usual_s=200, may_reboot=True),
    KitStep(
        "join", "windows", "Join", "j.ps1", needs=("features", "control-plane:init"), usual_s=50, attempts=3
    ),
    KitStep(
        "cni", "control-plane", "CNI", "c.sh", needs=("workers:join",), when={"cni": "calico"}, usual_s=30
    ),
    KitStep("post-boot", "windows", "After a boot", "b.ps1", scope="machines", on_verbs=("up", "resume")),
)
SPEC = LabSpec()


def keys(plan: Plan) -> list[str]:
    return [step.key for step in plan.steps]


def needs(plan: Plan, key: str) -> set[str]:
    return set(next(step.needs for step in plan.steps if step.key == key))


def test_launch_boots_side_by_side_and_joins_after_both():
    plan = make_plan(SPEC, KIT, Verb.LAUNCH)

    assert needs(plan, "controlplane up") == needs(plan, "winw1 up") == {"preflight"}
    assert needs(plan, "winw1 join") == {"winw1 up", "winw1 features", "controlplane init"}
    assert needs(plan, "controlplane cni") == {"controlplane up", "winw1 join"}
    assert keys(plan)[-1] == "look"


def test_launch_of_machines_only_leaves_kubernetes_out():
    plan = make_plan(replace(SPEC, scope="machines"), KIT, Verb.LAUNCH)

    assert "controlplane prepare" in keys(plan)
    assert "controlplane init" not in keys(plan)


def test_a_condition_leaves_a_step_out():
    plan = make_plan(replace(SPEC, cni=CniSpec("none", "")), KIT, Verb.LAUNCH)

    assert "controlplane cni" not in keys(plan)


def test_up_runs_only_the_steps_for_up():
    plan = make_plan(SPEC, KIT, Verb.UP)

    assert keys(plan) == ["validate", "preflight", "controlplane up", "winw1 up", "winw1 post-boot", "look"]


def test_resume_waits_for_the_remote_shell_before_what_follows():
    plan = make_plan(SPEC, KIT, Verb.RESUME, machine="winw1")

    assert needs(plan, "winw1 wait-for") == {"winw1 resume"}
    assert needs(plan, "winw1 post-boot") == {"winw1 wait-for"}


@pytest.mark.parametrize("verb", [Verb.HALT, Verb.DESTROY, Verb.SUSPEND])
def test_workers_go_before_the_control_plane(verb: Verb):
    plan = make_plan(SPEC, KIT, verb)

    assert needs(plan, f"controlplane {verb}") == {f"winw1 {verb}"}


def test_one_machine_alone_needs_no_other():
    plan = make_plan(SPEC, KIT, Verb.HALT, machine="controlplane")

    assert keys(plan) == ["controlplane halt", "look"]
    assert needs(plan, "controlplane halt") == set()


def test_provision_with_a_name_is_one_step():
    plan = make_plan(SPEC, KIT, Verb.PROVISION, machine="winw1", with_="join")

    assert keys(plan) == ["validate", "winw1 join", "look"]
    assert needs(plan, "winw1 join") == {"validate"}


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb not in PLANNED_ELSEWHERE], ids=str)
def test_every_verb_gives_a_plan_that_survives_json(verb: Verb):
    plan = make_plan(SPEC, KIT, verb)

    assert Plan.from_json(plan.to_json()) == plan
    known = set(keys(plan))
    assert all(need in known for step in plan.steps for need in step.needs)


@pytest.mark.parametrize("verb", sorted(PLANNED_ELSEWHERE), ids=str)
def test_a_verb_that_needs_a_binary_is_not_planned_from_its_name(verb: Verb):
    with pytest.raises(PlanError, match="not by its name alone"):
        make_plan(SPEC, KIT, verb)


def test_an_unknown_machine_is_refused_with_the_known_ones():
    with pytest.raises(PlanError, match="no machine 'winw9'; it has controlplane, winw1"):
        make_plan(SPEC, KIT, Verb.UP, machine="winw9")


def test_an_unknown_provisioner_is_refused():
    with pytest.raises(PlanError, match="no provisioning step 'nonsense'"):
        make_plan(SPEC, KIT, Verb.PROVISION, with_="nonsense")


def test_steps_that_need_each_other_are_refused():
    kit = (KitStep("a", "windows", "A", "a", needs=("b",)), KitStep("b", "windows", "B", "b", needs=("a",)))

    with pytest.raises(PlanError, match="in a circle"):
        make_plan(SPEC, kit, Verb.LAUNCH)


def test_the_critical_path_is_shorter_than_all_in_a_row():
    plan = make_plan(SPEC, KIT, Verb.LAUNCH)

    in_a_row = sum(step.usual_s or 0 for step in plan.steps)
    assert critical_path_s(plan) < in_a_row
    assert any(step.kind == StepKind.UP for step in plan.steps)


def test_downloads_run_beside_the_boots_where_a_step_needs_them():
    fetching = replace(KIT[0], needs=("lab:downloads",))

    plan = make_plan(SPEC, (fetching, *KIT[1:]), Verb.LAUNCH)

    assert needs(plan, "downloads") == {"preflight"}
    assert needs(plan, "controlplane prepare") == {"controlplane up", "downloads"}
    assert "downloads" not in needs(plan, "controlplane up") | needs(plan, "winw1 features")


def test_downloads_are_left_out_where_nobody_needs_them():
    fetching = replace(KIT[0], needs=("lab:downloads",))

    assert "downloads" not in keys(make_plan(SPEC, KIT, Verb.LAUNCH))
    assert "downloads" not in keys(make_plan(SPEC, (fetching, *KIT[1:]), Verb.HALT))
    assert needs(make_plan(SPEC, (fetching, *KIT[1:]), Verb.PROVISION), "downloads") == {"validate"}
