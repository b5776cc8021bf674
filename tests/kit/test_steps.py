"""steps.yaml: whole, in one line for each machine, and backed by scripts."""

import itertools
import stat
import subprocess

import pytest

from tests.kit.labs import ENVIRONMENTS, KIT
from webapp.catalog import library
from webapp.catalog.kit_steps import KitStep
from webapp.catalog.variables import parse
from webapp.planning.make import make_plan
from webapp.planning.plan import Plan, Verb

STEPS = library.kit_steps(ENVIRONMENTS)
BIG = """
scope: cluster
cni: {cni}
machines:
  - {{name: controlplane, role: control-plane}}
  - {{name: winw1, role: windows}}
  - {{name: winw2, role: windows}}
  - {{name: linw1, role: linux}}
"""


def plan_for(cni: str, verb: Verb = Verb.LAUNCH) -> Plan:
    return make_plan(parse(BIG.format(cni=cni)), STEPS, verb)


def needed(plan: Plan, key: str) -> set[str]:
    """Return everything that has ended when this step begins."""
    by_key = {step.key: step for step in plan.steps}
    direct = set(by_key[key].needs)
    return direct.union(*(needed(plan, need) for need in direct)) if direct else direct


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_step_has_a_script_of_its_system(step: KitStep) -> None:
    folder = "windows" if step.on == "windows" else "linux"

    assert step.script.startswith(f"{folder}/")
    assert (KIT / step.script).is_file()


def test_every_script_belongs_to_a_step_or_is_shared() -> None:
    shared = {
        "linux/lib.sh",
        "linux/inject-lib.sh",
        "linux/run-step.sh",
        "windows/lib.ps1",
        "windows/inject-lib.ps1",
        "windows/run-step.ps1",
    }
    scripts = {str(path.relative_to(KIT)) for path in KIT.glob("*/*") if path.suffix in (".sh", ".ps1")}

    assert scripts - shared == {step.script for step in STEPS}


@pytest.mark.parametrize("cni", ["calico", "antrea", "none"])
def test_steps_of_one_machine_stand_in_one_line(cni: str) -> None:
    """Vagrant locks a machine while it provisions it: two steps at once would fail."""
    plan = plan_for(cni)
    steps = [step for step in plan.steps if step.with_]

    for one, other in itertools.combinations(steps, 2):
        if one.machine == other.machine:
            assert one.key in needed(plan, other.key) or other.key in needed(plan, one.key)


def test_join_waits_for_both_sides() -> None:
    before = needed(plan_for("calico"), "winw1 windows-join")

    assert {"controlplane control-plane-init", "winw1 windows-binaries"} <= before


def test_windows_prepares_while_the_control_plane_initialises() -> None:
    before = needed(plan_for("calico"), "winw1 windows-binaries")

    assert not [key for key in before if key.startswith("controlplane")]


def test_windows_cni_waits_for_every_windows_join() -> None:
    before = needed(plan_for("antrea"), "controlplane cni-windows")

    assert {"winw1 windows-join", "winw2 windows-join"} <= before


def test_no_cni_step_runs_without_a_cni() -> None:
    names = {step.with_ for step in plan_for("none").steps}

    assert names.isdisjoint({"cni-install", "cni-windows", "wait-ready", "smoke"})
    assert "windows-join" in names


@pytest.mark.parametrize("verb", [Verb.UP, Verb.RELOAD, Verb.RESUME, Verb.SNAPSHOT_RESTORE])
def test_only_the_check_runs_after_a_later_boot(verb: Verb) -> None:
    names = {step.with_ for step in plan_for("calico", verb).steps if step.with_}

    assert names == {"linux-post-boot", "windows-post-boot"}


def test_shellcheck_finds_nothing() -> None:
    scripts = sorted(KIT.glob("linux/*.sh"))

    found = subprocess.run(["shellcheck", "-x", *scripts], capture_output=True, text=True, check=False)

    assert found.returncode == 0, found.stdout


def test_scripts_need_no_mode() -> None:
    """They are started by bash: a copy that loses the executable bit works as well."""
    assert not [path for path in KIT.glob("linux/*.sh") if path.stat().st_mode & stat.S_IXUSR]
