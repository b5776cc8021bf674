"""A rehearsed Calico lab that has been launched (its guests' states are written, nothing is played).

make_lab(text) -> Lab          machines are on, every step of theirs is done
artifact(component, …)         a binary in the store
play(run) -> Run               carry a run out in this process, as the worker's task does
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from tests.factories import HostFactory, RevisionFactory
from webapp.accounts.models import User
from webapp.builds.artifacts import store_content
from webapp.builds.models import Artifact
from webapp.catalog.variables import parse
from webapp.inject.steps import INJECT_KINDS
from webapp.labs.actions import lab_folder, make_lab
from webapp.labs.folder import prepare_folder
from webapp.labs.models import Lab
from webapp.runs.execute import execute_run
from webapp.runs.models import Run

TEXT = "cni: {cni}\nrehearsal: {{speed: 2000, mishaps: [{mishaps}]}}\n"
MIB = 1024 * 1024

MakeLab = Callable[..., Lab]
MakeArtifact = Callable[..., Artifact]
Play = Callable[[Run], Run]


@pytest.fixture
def launched(transactional_db: None, owner: User, var: Path) -> MakeLab:
    settings.ARTIFACT_DIR = var / "artifacts"

    def make(*mishaps: str, cni: str = "calico", text: str = TEXT) -> Lab:
        written = text.format(cni=cni, mishaps=", ".join(f'"{mishap}"' for mishap in mishaps))
        revision = RevisionFactory(text=written, spec=parse(written).to_json())
        lab = make_lab(revision=revision, host=HostFactory(name="local"), name="try", provider="", by=owner)
        lab.machines.update(state="running")
        prepare_folder(lab, lab_folder(lab), Path(settings.ENVIRONMENTS_DIR))
        write_states(lab)
        return lab

    return make


def write_states(lab: Lab) -> None:
    """Note every step of a launch as done, in the rehearsal's own files."""
    folder = lab_folder(lab)
    for machine in json.loads((folder / "lab.json").read_text())["machines"]:
        names = [step["name"] for step in machine["steps"] if "inject" not in step["name"]]
        state = {"state": "running", "id": machine["name"], "booted_at": time.time()}
        state["done"] = dict.fromkeys(names, time.time())
        home = folder / ".vagrant" / "rehearsal" / machine["name"]
        home.mkdir(parents=True)
        (home / "state.json").write_text(json.dumps(state))


@pytest.fixture
def guest_state() -> Callable[[Lab, str], dict]:  # type: ignore[type-arg]  # a state as JSON
    def read(lab: Lab, machine: str) -> dict:  # type: ignore[type-arg]
        path = lab_folder(lab) / ".vagrant" / "rehearsal" / machine / "state.json"
        return dict(json.loads(path.read_text()))

    return read


@pytest.fixture
def artifact(db: None, owner: User) -> MakeArtifact:
    def make(
        component: str = "kubelet", target: str = "windows/amd64", version: str = "v1.36.1-4+abc"
    ) -> Artifact:
        content = f"MZ {component} {target} {version}".encode()
        sha256, size = store_content([content], MIB)
        exe = ".exe" if target.startswith("windows") else ""
        return Artifact.objects.create(
            origin="upload",
            component=component,
            target=target,
            file_name=f"{component}{exe}",
            sha256=sha256,
            size_bytes=size,
            version=version,
            added_by=owner,
        )

    return make


@pytest.fixture
def play() -> Play:
    def carry_out(run: Run) -> Run:
        execute_run(run.pk, INJECT_KINDS)
        run.refresh_from_db()
        return run

    return carry_out
