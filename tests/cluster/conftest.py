"""`api`: what a kubeconfig leads to. `rehearsed`: a lab that is a rehearsal; play its launch, then look."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.utils import timezone

from tests.cluster.api_server import Api, filled_api_server
from tests.rehearsal.stage import VAGRANT, machine
from webapp.accounts.models import User
from webapp.cluster.models import Sighting
from webapp.cluster.observe import look_at, make_sightings
from webapp.cluster.queries import ladder
from webapp.cluster.rungs import Ladder
from webapp.labs.models import Lab, Machine

# A true kube-apiserver is not at hand everywhere: these tests are there for who names one (docs/tested.md).
collect_ignore = [] if os.environ.get("KUBE_APISERVER") else ["test_real_apiserver.py"]
HEAD_STEPS = (
    "linux-prepare",
    "linux-containerd",
    "linux-packages",
    "control-plane-init",
    "control-plane-taints",
    "cni-install",
)
LATER_STEPS = ("cni-windows", "wait-ready", "smoke")
WINDOWS_STEPS = (
    "windows-preflight",
    "windows-network",
    "windows-features",
    "windows-containerd",
    "windows-binaries",
    "windows-join",
)
ADDRESSES = {"controlplane": "192.168.56.10", "winw1": "192.168.56.11"}


@dataclass
class Rehearsed:
    """A lab that plays without waiting."""

    lab: Lab
    folder: Path

    def launch(self, *mishaps: str, cni: str = "calico") -> None:
        """Play the whole launch; it stops where a mishap stops it."""
        self.write(mishaps, cni)
        for name in ADDRESSES:
            if self.vagrant("up", name, "--no-provision", "--no-destroy-on-error").returncode:
                break
        Machine.objects.filter(lab=self.lab).update(state="running")
        plays = (("controlplane", HEAD_STEPS), ("winw1", WINDOWS_STEPS), ("controlplane", LATER_STEPS))
        for name, steps in plays:
            if self.provision(name, *steps) != 0:
                break

    def write(self, mishaps: tuple[str, ...], cni: str) -> None:
        head = machine(
            "controlplane",
            "control-plane",
            "linux",
            ADDRESSES["controlplane"],
            "ssh",
            (*HEAD_STEPS, *LATER_STEPS),
        )
        worker = machine("winw1", "windows", "windows", ADDRESSES["winw1"], "winrm", WINDOWS_STEPS)
        facts = {
            "provider": "rehearsal",
            "kubernetes": {"version": "1.36.1"},
            "cni": {"name": cni, "version": "3.32.1"},
            "machines": [head, worker],
            "rehearsal": {"speed": 0, "mishaps": list(mishaps)},
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "lab.json").write_text(json.dumps(facts))

    def vagrant(self, *args: str) -> "subprocess.CompletedProcess[bytes]":
        command = [sys.executable, VAGRANT, *args]
        env = {"PATH": os.environ["PATH"]}
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, timeout=60, check=False)

    def provision(self, name: str, *steps: str) -> int:
        return self.vagrant("provision", name, "--provision-with", ",".join(steps)).returncode

    def look(self) -> list[bool]:
        """Look at every machine once; tells for each whether anything has changed."""
        make_sightings(self.lab.host, timezone.now())
        rows = Sighting.objects.filter(cluster__lab=self.lab, machine__gt="")
        return [look_at(row) for row in rows.select_related("cluster__lab__host").order_by("machine")]

    def ladder(self, name: str = "winw1") -> Ladder:
        return ladder(self.lab, name)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with filled_api_server(tmp_path) as api:
        yield api


@pytest.fixture
def rehearsed(lab: Lab, var: Path, owner: User) -> Rehearsed:
    for name, address in ADDRESSES.items():
        Machine.objects.filter(lab=lab, name=name).update(ip=address)
    return Rehearsed(lab, var / "labs" / lab.slug)


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a launch that has succeeded, played once; `launched` copies it."""
    folder = tmp_path_factory.mktemp("played") / "lab"
    stand_in = Rehearsed(Lab(), folder)
    stand_in.write((), "calico")
    for name in ADDRESSES:
        stand_in.vagrant("up", name, "--no-provision", "--no-destroy-on-error")
    for name, steps in (
        ("controlplane", HEAD_STEPS),
        ("winw1", WINDOWS_STEPS),
        ("controlplane", LATER_STEPS),
    ):
        assert stand_in.provision(name, *steps) == 0
    return folder


@pytest.fixture
def launched(rehearsed: Rehearsed, played: Path) -> Rehearsed:
    """`rehearsed` after a launch, without the time it takes."""
    shutil.copytree(played, rehearsed.folder)
    Machine.objects.filter(lab=rehearsed.lab).update(state="running")
    return rehearsed
