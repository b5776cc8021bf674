"""python -m bench.cluster: what observing clusters costs, how fast a ladder is, how soon a change shows.

Fifty labs of three machines each, with the very answers of a rehearsed lab. Measured apart: the product's
own work (parse, judge, store, ticks), the process that asks (the driver and its keeper, with `true` in the
place of Vagrant), and the rehearsal's. Exits with 1 above a target.
"""

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent
LABS, SLOW_S, FAST_S = 50, 60.0, 5.0
MOST_CORE, MOST_PAGE_MS, MOST_CHANGE_S = 0.10, 50.0, 1.0
SPAWNS = 12


def cpu_s(*, of_children: bool = False) -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN if of_children else resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@dataclass
class Timed:
    """CPU seconds that a block took, in this process and in children that have ended."""

    own_s: float = 0.0
    children_s: float = 0.0

    def __enter__(self) -> "Timed":
        self.own_s, self.children_s = cpu_s(), cpu_s(of_children=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.own_s, self.children_s = cpu_s() - self.own_s, cpu_s(of_children=True) - self.children_s


def set_up(stack: Any) -> None:  # Any: tests.stack.Stack, imported late
    """Point Django at the stack's own database."""
    os.environ |= {**stack.env, "LOG_LEVEL": "CRITICAL"}
    import django  # noqa: PLC0415 (the settings are read with this import)

    django.setup()


def make_labs() -> list[Any]:  # Any: a Lab
    from tests.factories import LabFactory, MachineFactory  # noqa: PLC0415

    labs: list[Any] = []
    shared: dict[str, Any] = {}  # a password takes a quarter of a second to hash
    for number in range(LABS):
        lab = LabFactory(name=f"bench-{number}", subnet=f"10.{number}.0.0/24", **shared)
        for position, (name, role) in enumerate(
            (("controlplane", "control-plane"), ("winw1", "windows"), ("winw2", "windows"))
        ):
            MachineFactory(
                lab=lab,
                position=position,
                name=name,
                role=role,
                ip=f"192.168.56.{10 + position}",
                state="running",
            )
        labs.append(lab)
        shared = {"host": lab.host, "owner": lab.owner, "revision": lab.revision}
    return labs


def answers_of(folder: Path) -> dict[str, str]:
    """Play one lab and return what its machines say to a look, with what the rehearsal took for it."""
    from tests.cluster.conftest import ADDRESSES, HEAD_STEPS, LATER_STEPS, WINDOWS_STEPS, Rehearsed  # noqa: PLC0415
    from webapp.cluster import linux_look, powershell  # noqa: PLC0415
    from webapp.labs.models import Lab  # noqa: PLC0415

    played = Rehearsed(Lab(), folder)
    played.write((), "calico")
    for name in ADDRESSES:
        played.vagrant("up", name, "--no-provision", "--no-destroy-on-error")
    for name, steps in (
        ("controlplane", HEAD_STEPS),
        ("winw1", WINDOWS_STEPS),
        ("controlplane", LATER_STEPS),
    ):
        played.provision(name, *steps)
    linux = played.vagrant("ssh", "controlplane", "-c", linux_look.look_command(asks_api=True))
    windows = played.vagrant("winrm", "winw1", "-c", powershell.look_command("192.168.56.10:6443"))
    return {"controlplane": linux.stdout.decode(), "windows": windows.stdout.decode()}


def facts_of(name: str, said: dict[str, str], now: Any) -> dict[str, Any]:
    """Parse as a look does: facts by sighting."""
    from webapp.cluster import linux_look, powershell  # noqa: PLC0415

    if name != "controlplane":
        return {name: powershell.parse_look(said["windows"], now)}
    return {
        name: linux_look.parse_machine(said[name], now),
        "": linux_look.parse_api(said[name]),
    }


def one_round(said: dict[str, str]) -> None:
    """Look at every machine of every lab once, all that the product does but asking."""
    from django.utils import timezone  # noqa: PLC0415

    from webapp.cluster.models import Sighting  # noqa: PLC0415
    from webapp.cluster.record import record_answers  # noqa: PLC0415

    for row in Sighting.objects.filter(machine__gt="").select_related("cluster__lab__host"):
        now = timezone.now()
        record_answers(row, facts_of(row.machine, said, now), {}, now)


def ticks_s(host: Any) -> float:  # Any: a Host
    """Return the CPU of one tick in which nothing is due."""
    from django.utils import timezone  # noqa: PLC0415

    from webapp.cluster.observe import observe_host  # noqa: PLC0415

    observe_host(host, timezone.now(), start=lambda work, pk: None)
    with Timed() as timed:
        for _ in range(10):
            observe_host(host, timezone.now(), start=lambda work, pk: None)
    return timed.own_s / 10


def asking_s(folder: Path) -> float:
    """Return the CPU of asking one machine by a process, without what that process itself does."""
    from webapp.process import capture  # noqa: PLC0415

    with Timed() as timed:
        for _ in range(SPAWNS):
            capture(["true"], cwd=folder, env={"PATH": os.environ["PATH"]}, timeout_s=20)
    return (timed.own_s + timed.children_s) / SPAWNS


def page_figures(lab: Any) -> tuple[float, float, int]:  # Any: a Lab
    """Return the ladder page's median milliseconds of CPU and of the clock, and its queries."""
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    client = Client(SERVER_NAME="localhost")
    client.force_login(lab.owner, backend="django.contrib.auth.backends.ModelBackend")
    address = f"/labs/{lab.slug}/cluster/"
    assert client.get(address).status_code == 200
    times, used = [], []
    for _ in range(20):
        began, cpu = time.perf_counter(), time.process_time()
        client.get(address)
        times.append((time.perf_counter() - began) * 1000)
        used.append((time.process_time() - cpu) * 1000)
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    return median(used), median(times), len(queries)


def change_s(stack: Any, lab: Any, said: dict[str, str]) -> float:
    """Return the seconds from the end of a look to the new ladder in the browser's hands, median of five."""
    from websockets.sync.client import connect  # noqa: PLC0415

    stack.add_person("watcher", "administrator")
    visitor = stack.visitor("watcher")
    url = f"ws://127.0.0.1:{stack.port}/ws/live/?topics=lab-{lab.pk}"
    with connect(url, additional_headers={"Cookie": visitor.cookies}, origin=stack.url) as socket:
        return median(one_change(lab, said, visitor, socket, number) for number in range(5))


def one_change(lab: Any, said: dict[str, str], visitor: Any, socket: Any, number: int) -> float:
    from django.utils import timezone  # noqa: PLC0415

    from webapp.cluster.models import Sighting  # noqa: PLC0415
    from webapp.cluster.record import record_answers  # noqa: PLC0415

    row = Sighting.objects.select_related("cluster__lab__host").get(cluster__lab=lab, machine="winw1")
    state = ("Stopped", "Running")[number % 2]
    facts = facts_of("winw1", said, timezone.now())["winw1"]
    changed = with_state(facts, state)
    began = time.monotonic()
    record_answers(row, {"winw1": changed}, {}, timezone.now())
    while json.loads(socket.recv(timeout=10)).get("type") != "cluster.changed":
        pass
    status, _, _ = visitor.open(f"/labs/{lab.slug}/cluster/grid")
    assert status == 200
    return time.monotonic() - began


def with_state(facts: Any, state: str) -> Any:  # Any: MachineFacts
    from dataclasses import replace  # noqa: PLC0415

    services = tuple(replace(s, state=state) if s.name == "containerd" else s for s in facts.services)
    return replace(facts, services=services, answers_containerd=state == "Running")


def measure(stack: Any, folder: Path) -> dict[str, float]:
    from django.utils import timezone  # noqa: PLC0415

    from webapp.cluster.observe import make_sightings  # noqa: PLC0415

    labs = make_labs()
    make_sightings(labs[0].host, timezone.now())
    with Timed() as playing:
        said = answers_of(folder / "played")
    one_round(said)  # the first look writes everything
    with Timed() as looking:
        one_round(said)
    tick, asking = ticks_s(labs[0].host), asking_s(folder)
    page_ms, clock_ms, queries = page_figures(labs[0])
    looks = LABS * 3
    own = (looking.own_s + tick * SLOW_S / FAST_S) / SLOW_S
    return {
        "look_ms": looking.own_s / looks * 1000,
        "tick_ms": tick * 1000,
        "own_core": own,
        "asking_ms": asking * 1000,
        "asking_core": asking * looks / SLOW_S,
        "rehearsal_ms": playing.children_s / 22 * 1000,
        "page_ms": page_ms,
        "page_clock_ms": clock_ms,
        "page_queries": queries,
        "change_s": change_s(stack, labs[0], said),
    }


def words_of(figures: dict[str, float]) -> str:
    own, asking, page, change = (figures[key] for key in ("own_core", "asking_core", "page_ms", "change_s"))
    return "\n".join(
        [
            f"observing {LABS} labs × 3 machines every {SLOW_S:g} s: {own:.1%} of a core (target "
            f"{MOST_CORE:.0%}): {figures['look_ms']:.1f} ms a look, {figures['tick_ms']:.1f} ms a tick",
            f"asking by a process of one's own (rehearsal, WinRM through Vagrant): "
            f"{figures['asking_ms']:.0f} ms a look, {asking:.1%} of a core more; over kept SSH: none",
            f"ladder page: {page:.0f} ms of a core (target {MOST_PAGE_MS:g}), "
            f"{figures['page_clock_ms']:.0f} ms by the clock, {figures['page_queries']} queries; "
            f"load {os.getloadavg()[0]:.1f}",
            f"change, from the end of a look to the new ladder at the browser: {change * 1000:.0f} ms "
            f"(target {MOST_CHANGE_S * 1000:g})",
        ]
    )


def main() -> int:
    argparse.ArgumentParser(prog="python -m bench.cluster", description=__doc__.splitlines()[0]).parse_args()
    from tests.stack import Stack  # noqa: PLC0415

    folder = Path(tempfile.mkdtemp(prefix="bench-cluster-"))
    stack = Stack(folder, {"LOG_LEVEL": "WARNING"})
    try:
        stack.manage("migrate", "--verbosity", "0")
        stack.start_redis()
        stack.start_web()
        set_up(stack)
        figures = measure(stack, folder)
    finally:
        stack.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(words_of(figures))
    target = ROOT / "var" / "bench-cluster.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(figures, indent=1))
    is_over = (
        figures["own_core"] > MOST_CORE,
        figures["page_ms"] > MOST_PAGE_MS,
        figures["change_s"] > MOST_CHANGE_S,
    )
    return int(any(is_over))


if __name__ == "__main__":
    sys.exit(main())
