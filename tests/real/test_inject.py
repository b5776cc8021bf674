"""A program that the product built, put into a real machine under real Vagrant in place of another.

One machine, two injections: the first lives; the second ends at once, and the first comes back by itself.
The programs are built while the machine boots.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.builds.repository import commit, git
from tests.factories import HostFactory, RevisionFactory
from tests.real.fixtures import RealVagrant, destroy_all
from webapp.accounts.models import User
from webapp.builds.actions import request_build
from webapp.builds.components import add_component
from webapp.builds.execute import execute_build
from webapp.builds.models import Artifact, ArtifactUse
from webapp.catalog.components import Component, Place
from webapp.catalog.variables import parse
from webapp.inject.actions import start
from webapp.inject.steps import INJECT_KINDS
from webapp.labs.actions import lab_folder, make_lab
from webapp.labs.folder import prepare_folder
from webapp.labs.models import Lab
from webapp.runs.execute import execute_run
from webapp.runs.models import Run
from webapp.runs.steps import driver_for

pytestmark = [pytest.mark.timeout(900), pytest.mark.django_db(transaction=True)]
PATH = "/usr/local/bin/greeter"
SUBNET = "192.168.214.0/24"  # its own: another real lab may be up
UNIT = f"""[Service]
ExecStart={PATH} -greeting=servus
Restart=on-failure
RestartSec=1
"""
# Replaces what a shell script did; `End` is how the program ends.
PROGRAM = """package main

import (
\t"flag"
\t"fmt"
\t"os"
\t"time"
)

var version string

func main() {
\tgreeting := flag.String("greeting", "hello", "what to say")
\tflag.Parse()
\tfmt.Println(version, *greeting)
\t%s
}
"""
LIVES = "select { case <-time.After(1000 * time.Hour): os.Exit(0) }"
DIES = "time.Sleep(500 * time.Millisecond); os.Exit(3)"


@dataclass(frozen=True)
class Scene:
    """The lab, whose machine boots, and the two programs' repository."""

    lab: Lab
    repository: Path
    owner: User

    def guest(self, command: str) -> str:
        return driver_for(self.lab).run("controlplane", command, timeout_s=60).output

    def in_place(self) -> str:
        return self.guest(f"sha256sum {PATH}").split()[0]

    def play(self, run: Run) -> Run:
        execute_run(run.pk, INJECT_KINDS)
        run.refresh_from_db()
        return run


@pytest.fixture
def repository() -> Iterator[Path]:
    """A repository that the user who compiles may read."""
    folder = Path(tempfile.mkdtemp(prefix="lab-greeter-"))
    folder.chmod(0o755)
    git(folder, "init", "-q", "-b", "main")
    commit(
        folder,
        "lives",
        {"go.mod": "module example.org/greeter\n\ngo 1.21\n", "cmd/greeter/main.go": PROGRAM % LIVES},
    )
    git(folder, "checkout", "-q", "-b", "dies")
    commit(folder, "dies", {"cmd/greeter/main.go": PROGRAM % DIES})
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def scene(repository: Path, real_vagrant: RealVagrant, owner: User, var: Path, settings) -> Iterator[Scene]:  # type: ignore[no-untyped-def]
    settings.LAB_VAGRANT_HOME, settings.LAB_INJECT_SETTLE_S = real_vagrant.home, 3
    settings.BUILD_HOME = repository.with_name(f"{repository.name}-builds")
    settings.ARTIFACT_DIR, settings.BUILD_LOCAL_REPOSITORIES = var / "artifacts", [str(repository)]
    settings.BUILD_FREE_DISK_MIB = settings.BUILD_FREE_MEMORY_MIB = 10
    text = replace(real_vagrant, subnet=SUBNET).definition()
    revision = RevisionFactory(text=text, spec=parse(text).to_json())
    lab = make_lab(
        revision=revision, host=HostFactory(providers=["libvirt"]), name="greet", provider="libvirt", by=owner
    )
    prepare_folder(lab, lab_folder(lab), Path(settings.ENVIRONMENTS_DIR))
    yield Scene(lab, repository, owner)
    destroy_all(real_vagrant, lab_folder(lab))
    shutil.rmtree(settings.BUILD_HOME, ignore_errors=True)


def test_a_service_gets_its_new_binary_and_keeps_it_when_the_next_one_dies(scene: Scene, var: Path):
    with driver_for(scene.lab).up("controlplane", provider="libvirt", spool=var / "up") as boot:
        add_greeter(scene)
        lives, dies = built(scene, "main"), built(scene, "dies")
        said = b""
        while boot.ended is None:
            boot.wait(5)
            said += boot.read()
        assert boot.ended.is_ok, said[-3000:].decode(errors="replace")
    old = install_the_old_one(scene)

    put_in_what_lives(scene, lives, old)
    put_in_what_dies(scene, dies, lives)


def add_greeter(scene: Scene) -> None:
    place = {"linux": Place(PATH, "service greeter")}
    component = Component(
        "greeter", "Says hello", str(scene.repository), ("./cmd/greeter",), (("main.version", "{version}"),),
        targets=("linux/amd64",), places=place,
    )  # fmt: skip
    add_component(component, scene.owner)


def built(scene: Scene, ref: str) -> Artifact:
    build, _ = request_build(
        url=str(scene.repository), ref=ref, names=["greeter"], targets=["linux/amd64"], by=scene.owner
    )
    execute_build(build.pk)
    build.refresh_from_db()
    assert build.status == "succeeded", build.sentence
    return build.artifacts.get()


def install_the_old_one(scene: Scene) -> str:
    """Let a shell script be the service so far; return its hash."""
    script = "#!/bin/sh\nexec sleep 100000\n"
    scene.guest(
        f"printf '%s' '{script}' | sudo tee {PATH} >/dev/null; sudo chmod 755 {PATH}; "
        f"printf '%s' '{UNIT}' | sudo tee /etc/systemd/system/greeter.service >/dev/null; "
        "sudo systemctl daemon-reload; sudo systemctl start greeter"
    )
    assert scene.in_place() == hashlib.sha256(script.encode()).hexdigest()
    return scene.in_place()


def put_in_what_lives(scene: Scene, lives: Artifact, old: str) -> None:
    run = scene.play(start(scene.lab, ["controlplane"], [lives], scene.owner))

    assert run.status == "succeeded", run.sentence
    injection = run.injections.get()
    assert (injection.state, injection.before_sha256) == ("in-place", old)
    assert scene.in_place() == lives.sha256
    assert f"{lives.version} servus" in scene.guest("sudo journalctl -u greeter -o cat")


def put_in_what_dies(scene: Scene, dies: Artifact, lives: Artifact) -> None:
    run = scene.play(start(scene.lab, ["controlplane"], [dies], scene.owner))

    assert run.status == "failed"
    assert run.sentence.endswith("The old greeter is back on controlplane.")
    assert run.injections.get().state == "back"
    assert scene.in_place() == lives.sha256
    assert scene.guest("sudo systemctl is-active greeter").strip() == "active"
    assert ArtifactUse.objects.get(ended_at=None).artifact == lives
