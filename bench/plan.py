"""python -m bench.plan [--speed N] [--preset NAME …]: a launch as a DAG against one step after the other.

The same steps with the same durations, played by the rehearsal through the product's own walker: once
with the plan's needs, once in the serial order of the upstream Makefile (fetch, bring up the control
plane and set it up, then the same for the worker, then the cluster). Exits with 1 below the target.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TARGET = 1 / 3  # less time than the serial order
SPEED = 60
PRESETS = ("calico", "antrea")  # both network plugins


def set_up(folder: Path, speed: float) -> None:
    """Point Django at a database and folders of its own."""
    os.environ |= {
        "VAR_DIR": str(folder),
        "LAB_REHEARSAL_SPEED": str(speed),
        "LOG_LEVEL": "CRITICAL",
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3",
    }
    import django  # noqa: PLC0415 (the settings are read with this import)
    from django.core.management import call_command  # noqa: PLC0415

    django.setup()
    call_command("migrate", verbosity=0)


def serial(plan: Any) -> Any:  # Any: planning.plan.Plan, imported after set_up
    """Return the same steps in one line: the control plane's first, then each worker's, then the rest."""
    steps = in_upstream_order(plan.steps)
    chained = [replace(step, needs=(before.key,)) for before, step in pairwise(steps)]
    return type(plan)((replace(steps[0], needs=()), *chained))


def in_upstream_order(steps: Any) -> list[Any]:  # Any: PlannedStep
    """Take each machine as far as it comes alone, one machine at a time, as often as it needs."""
    waiting, ordered, done = list(steps), [], set()
    machines = ["", *dict.fromkeys(step.machine for step in steps if step.machine)]
    while waiting:
        for machine in machines:
            while ready := next((s for s in waiting if s.machine == machine and set(s.needs) <= done), None):
                if ready.always and len(waiting) > 1:
                    break
                waiting.remove(ready)
                ordered.append(ready)
                done.add(ready.key)
    return ordered


def make_run(preset: str, plan_of: Any) -> Any:  # Any: a function of the plan; a Run
    """Store a lab of the preset and its launch, with the plan that `plan_of` makes of the usual one."""
    from webapp.accounts.models import User  # noqa: PLC0415
    from webapp.catalog import library, variables  # noqa: PLC0415
    from webapp.definitions.models import Definition, Revision  # noqa: PLC0415
    from webapp.hosts.models import Host  # noqa: PLC0415
    from webapp.planning.plan import Plan  # noqa: PLC0415
    from webapp.runs.actions import launch_lab  # noqa: PLC0415

    text = library.preset(ROOT / "environments", preset).text  # type: ignore[union-attr]
    by, _ = User.objects.get_or_create(username="bench")
    host, _ = Host.objects.get_or_create(name="local")
    definition, _ = Definition.objects.get_or_create(name=preset, slug=preset, owner=by)
    spec = variables.parse(text).to_json()
    revision, _ = Revision.objects.get_or_create(
        definition=definition, number=1, text=text, spec=spec, author=by
    )
    run = launch_lab(revision=revision, host=host, name="bench", provider="rehearsal", by=by)
    run.plan = plan_of(Plan.from_json(run.plan)).to_json()
    run.save(update_fields=["plan"])
    return run


def critical_steps(plan: Any) -> list[Any]:  # Any: Plan; PlannedStep
    """Return the steps that decide how long the plan takes, first to last."""
    steps = {step.key: step for step in plan.steps}
    ends: dict[str, int] = {}
    for step in plan.steps:
        ends[step.key] = max((ends[need] for need in step.needs), default=0) + (step.usual_s or 0)
    path = [max(ends, key=lambda key: ends[key])]
    while needs := steps[path[-1]].needs:
        path.append(max(needs, key=lambda key: ends[key]))
    return [steps[key] for key in reversed(path)]


def measured_s(run: Any) -> float:  # Any: a Run
    from webapp.runs.execute import execute_run  # noqa: PLC0415

    began = time.monotonic()
    execute_run(run.pk)
    took = time.monotonic() - began
    run.refresh_from_db()
    assert run.status == "succeeded", run.sentence
    return took


def measure(preset: str, speed: float) -> dict[str, Any]:  # Any: numbers, and the path as text
    """Return seconds of real labs (usual) and of the two rehearsals, and how much less the DAG takes."""
    from webapp.planning.plan import Plan, critical_path_s  # noqa: PLC0415

    ours, upstream = make_run(preset, lambda plan: plan), make_run(preset, serial)
    usual = critical_path_s(Plan.from_json(ours.plan)), critical_path_s(Plan.from_json(upstream.plan))
    took = measured_s(ours), measured_s(upstream)
    path = critical_steps(Plan.from_json(ours.plan))
    return {
        "preset": preset,
        "critical_path": " → ".join(f"{step.key} {step.usual_s or 0}" for step in path),
        "usual_dag_s": usual[0],
        "usual_serial_s": usual[1],
        "usual_less": 1 - usual[0] / usual[1],
        "measured_dag_s": took[0],
        "measured_serial_s": took[1],
        "measured_less": 1 - took[0] / took[1],
        "speed": speed,
    }


def show(figures: dict[str, Any]) -> None:  # Any: see measure
    print(
        f"launch of {figures['preset']}: critical path {figures['usual_dag_s']:.0f} s, one after the other "
        f"{figures['usual_serial_s']:.0f} s: {figures['usual_less']:.0%} less\n"
        f"  {figures['critical_path']}\n"
        f"  rehearsed at {figures['speed']:g} times: {figures['measured_dag_s']:.1f} s against "
        f"{figures['measured_serial_s']:.1f} s: {figures['measured_less']:.0%} less (target {TARGET:.0%})"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.plan", description=__doc__.splitlines()[0])
    parser.add_argument("--speed", type=float, default=SPEED, help="times real time")
    parser.add_argument("--preset", nargs="+", default=PRESETS)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-plan-"))
    found = []
    try:
        set_up(folder, options.speed)
        for preset in options.preset:
            found.append(measure(preset, options.speed))
            show(found[-1])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    target = ROOT / "var" / "bench-plan.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(found, indent=1))
    return int(any(figures["usual_less"] < TARGET for figures in found))


if __name__ == "__main__":
    sys.exit(main())
