"""python -m bench.real [--rounds N]: a real `vagrant up` through the dashboard against the same by hand.

One Debian machine under vagrant-libvirt (tests/real), the same command in the same folder, in turn: by
hand with its output in a file, and as a run of the product (walker, keeper, recorder, store). Processor
time is that of all taking part: this process, its children, QEMU and libvirtd. Two boots differ by more
than the dashboard costs, so its own share is measured as well: the same run with a vagrant that ends at
once. Says that it is skipped where vagrant-libvirt is not there.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from bench.plan import set_up
from tests.real.fixtures import Missing, RealVagrant, destroy_all, libvirt_running, vagrant_with_box

MOST_LONGER, MOST_CPU = 0.01, 0.03
PROVIDER = "libvirt"
NAME = "controlplane"
SUBNET = "192.168.214.0/24"  # not the tests' own
IDLE_RUNS = 5


@dataclass(frozen=True)
class Cost:
    """Seconds of the clock and of processors."""

    took_s: float
    cpu_s: float


def cpu_now_s() -> float:
    """Return the processor seconds of this process, its ended children, and whatever runs machines."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = time.process_time() + children.ru_utime + children.ru_stime
    return own + sum(cpu_of(process) for process in psutil.process_iter(["name", "cpu_times"]))


def cpu_of(process: psutil.Process) -> float:
    if (process.info["name"] or "").startswith(("qemu-system", "libvirtd")) and process.info["cpu_times"]:
        return float(process.info["cpu_times"].user + process.info["cpu_times"].system)
    return 0.0


def cost_of(act: Callable[[], None]) -> Cost:
    began, cpu = time.monotonic(), cpu_now_s()
    act()
    return Cost(time.monotonic() - began, cpu_now_s() - cpu)


class Lab:
    """One lab of the product, whose folder a person could work in as well."""

    def __init__(self, real: RealVagrant) -> None:
        from webapp.accounts.models import User  # noqa: PLC0415 (after set_up)
        from webapp.catalog import variables  # noqa: PLC0415
        from webapp.definitions.models import Definition, Revision  # noqa: PLC0415
        from webapp.hosts.models import Host  # noqa: PLC0415
        from webapp.runs.actions import launch_lab  # noqa: PLC0415

        self.real, self.by = real, User.objects.create(username="bench")
        host = Host.objects.create(name="local", providers=[PROVIDER])
        definition = Definition.objects.create(name="debian", slug="debian", owner=self.by)
        text = real.definition()
        spec = variables.parse(text).to_json()
        revision = Revision.objects.create(
            definition=definition, number=1, text=text, spec=spec, author=self.by
        )
        self.run = launch_lab(revision=revision, host=host, name="bench", provider=PROVIDER, by=self.by)
        self.lab = self.run.lab
        keep_up_only(self.run)

    @property
    def folder(self) -> Path:
        from webapp.labs.actions import lab_folder  # noqa: PLC0415

        return lab_folder(self.lab)

    def through_the_dashboard(self) -> None:
        """Walk a run of one step, `up`, in this process, as a worker does."""
        from webapp.runs.execute import execute_run  # noqa: PLC0415

        execute_run(self.run.pk)
        self.run.refresh_from_db()
        if self.run.status != "succeeded":
            raise RuntimeError(self.run.sentence)

    def by_hand(self) -> None:
        driver = self.real.driver(self.folder)
        options = ["--no-provision", "--no-destroy-on-error", "--no-parallel", "--provider", PROVIDER]
        with (self.folder / "by-hand.log").open("wb") as log:
            command = [str(self.real.vagrant), "up", NAME, *options, "--machine-readable"]
            subprocess.run(command, cwd=self.folder, env=driver.env, stdout=log, stderr=log, check=True)

    def next_run(self) -> None:
        """Make the next run ready; what this costs is the web process's."""
        from webapp.runs.actions import request_run  # noqa: PLC0415

        self.run, _ = request_run(self.lab, "up", self.by)
        keep_up_only(self.run)


def keep_up_only(run: Any) -> None:  # Any: a Run
    """Leave the plan its folder's check and the boot."""
    from webapp.planning.plan import Plan  # noqa: PLC0415

    steps = [step for step in Plan.from_json(run.plan).steps if step.kind in ("validate", "up")]
    run.plan = Plan(
        tuple(replace(step, needs=tuple(n for n in step.needs if n == "validate")) for step in steps)
    ).to_json()
    run.save(update_fields=["plan"])
    run.steps.exclude(key__in=[step.key for step in steps]).delete()


def measure(lab: Lab, rounds: int) -> tuple[list[Cost], list[Cost]]:
    """Return the costs by hand and through the dashboard, taken in turn; each begins with no machine."""
    hand: list[Cost] = []
    ours: list[Cost] = []
    lab.through_the_dashboard()  # brings the box in, makes the folder; not counted
    for number in range(rounds):
        sides = [(lab.by_hand, hand), (lab.through_the_dashboard, ours)]
        for act, costs in sides if number % 2 == 0 else reversed(sides):
            destroy_all(lab.real, lab.folder)
            if costs is ours:
                lab.next_run()
            costs.append(cost_of(act))
    return hand, ours


def idle_cost(lab: Lab, folder: Path) -> Cost:
    """Return what a run costs whose vagrant ends at once: the dashboard's own part."""
    from django.conf import settings  # noqa: PLC0415

    nothing = folder / "vagrant"
    nothing.write_text("#!/bin/sh\nexit 0\n")
    nothing.chmod(0o755)
    settings.LAB_VAGRANT = str(nothing)
    costs = []
    for _ in range(IDLE_RUNS):
        lab.next_run()
        costs.append(cost_of(lab.through_the_dashboard))
    return Cost(median(cost.took_s for cost in costs), median(cost.cpu_s for cost in costs))


def report(hand: list[Cost], ours: list[Cost], idle: Cost) -> bool:
    """Print the figures; return whether the targets are met."""
    by_hand = Cost(median(cost.took_s for cost in hand), median(cost.cpu_s for cost in hand))
    through = Cost(median(cost.took_s for cost in ours), median(cost.cpu_s for cost in ours))
    spread = (max(cost.took_s for cost in hand) - min(cost.took_s for cost in hand)) / by_hand.took_s
    longer, more = through.took_s / by_hand.took_s - 1, through.cpu_s / by_hand.cpu_s - 1
    own, own_cpu = idle.took_s / by_hand.took_s, idle.cpu_s / by_hand.cpu_s
    print(
        f"a real vagrant up, by hand {by_hand.took_s:.1f} s and {by_hand.cpu_s:.1f} CPU s; "
        f"through the dashboard {through.took_s:.1f} s ({longer:+.1%}) "
        f"and {through.cpu_s:.1f} CPU s ({more:+.1%}); two by hand differ by {spread:.0%}\n"
        f"the dashboard's own part: {idle.took_s:.2f} s = {own:.1%} of it (target {MOST_LONGER:.0%}), "
        f"{idle.cpu_s:.2f} CPU s = {own_cpu:.1%} (target {MOST_CPU:.0%})"
    )
    return own <= MOST_LONGER and own_cpu <= MOST_CPU


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.real", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-real-"))
    try:
        with ExitStack() as stack:
            stack.enter_context(libvirt_running(folder))
            real = replace(stack.enter_context(vagrant_with_box()), subnet=SUBNET)
            os.environ["VAGRANT_HOME"] = str(real.home)
            set_up(folder / "var", 1)
            lab = Lab(real)
            stack.callback(lambda: destroy_all(real, lab.folder))
            is_met = report(*measure(lab, options.rounds), idle_cost(lab, folder))
    except Missing as error:
        print(f"a real vagrant up is skipped: {error}")
        return 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
