"""The lab's folder: kit, lab.json and what is rendered, in one rename."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.factories import HostFactory, RevisionFactory
from webapp.accounts.models import User
from webapp.catalog import library
from webapp.catalog.variables import parse
from webapp.labs.actions import LaunchError, lab_folder, make_lab
from webapp.labs.folder import FolderError, prepare_folder
from webapp.labs.models import Lab
from webapp.labs.settle import settle_versions

ENVIRONMENTS = Path(__file__).parents[2] / "environments"
MakeLab = Callable[..., Lab]


@pytest.fixture
def make(db: None, owner: User, var: Path) -> MakeLab:
    def make(text: str, provider: str = "rehearsal") -> Lab:
        revision = RevisionFactory(text=text, spec=parse(text).to_json())
        host = HostFactory(providers=["libvirt"])
        return make_lab(revision=revision, host=host, name="try", provider=provider, by=owner)

    return make


def test_the_folder_holds_everything_that_guests_use(make: MakeLab):
    lab = make("cni: calico\n")
    folder = lab_folder(lab)

    prepare_folder(lab, folder, ENVIRONMENTS)

    downloads = json.loads((folder / "rendered" / "downloads.json").read_text())
    assert downloads["windows"]["kubelet"]["version"] == lab.spec["kubernetes"]["version"]
    assert (folder / "rendered" / "kubeadm.yaml").read_text().count(lab.machines.first().ip) >= 1
    assert library.kit_digest(folder, kit="") == lab.kit_digest
    assert list(folder.parent.glob(".*.half")) == []


def test_a_mirror_stands_in_every_address(make: MakeLab, settings):
    settings.LAB_MIRROR = "http://mirror.test:8080"
    lab = make("cni: antrea\n")

    prepare_folder(lab, lab_folder(lab), ENVIRONMENTS)

    flat = (lab_folder(lab) / "rendered" / "downloads.flat").read_text()
    assert "https://" not in flat
    assert "http://mirror.test:8080/dl.k8s.io/v" in flat


@pytest.mark.parametrize(
    ("plugins", "communicator"),
    [
        (("vagrant-libvirt", "winrm", "winrm-fs", "winrm-elevated"), "winrm"),
        (("vagrant-libvirt", "winrm"), "winssh"),
        ((), "winssh"),
    ],
    ids=["all gems", "one of them", "none"],
)
def test_windows_is_reached_over_ssh_where_the_winrm_gems_are_missing(
    make: MakeLab, settings, tmp_path: Path, plugins: tuple[str, ...], communicator: str
):
    vagrant = tmp_path / "vagrant"
    vagrant.write_text("#!/bin/sh\n" + "".join(f"echo '{name} (1.0, global)'\n" for name in plugins))
    vagrant.chmod(0o755)
    settings.LAB_VAGRANT = str(vagrant)
    lab = make("cni: calico\n", "libvirt")

    prepare_folder(lab, lab_folder(lab), ENVIRONMENTS)

    machines = json.loads((lab_folder(lab) / "lab.json").read_text())["machines"]
    assert [machine["communicator"] for machine in machines] == ["ssh", communicator]


def test_a_label_is_exact_in_a_rehearsal_from_its_launch_on(make: MakeLab):
    lab = make("kubernetes: {version: stable-1.36}\n")

    assert lab.spec["kubernetes"]["version"] == library.versions(ENVIRONMENTS).minors["1.36"].pin
    assert settle_versions(lab, lab_folder(lab), ENVIRONMENTS) == []


def test_a_definition_that_does_not_go_together_makes_nothing(make: MakeLab):
    with pytest.raises(LaunchError, match="Nearest that works"):
        make("kubernetes: {version: '1.24.3'}\n", provider="libvirt")

    assert not Lab.objects.exists()


def test_a_rehearsal_of_it_is_played_and_says_so(make: MakeLab):
    lab = make("kubernetes: {version: '1.24.3'}\n")
    folder = lab_folder(lab)

    said = settle_versions(lab, folder, ENVIRONMENTS)
    prepare_folder(lab, folder, ENVIRONMENTS)

    assert any(text.startswith("A real launch would be refused: kubernetes.version") for text in said)
    assert not (folder / "rendered").exists()


def test_another_kit_than_the_pinned_one_is_refused(make: MakeLab):
    lab = make("scope: machines\n")
    prepare_folder(lab, lab_folder(lab), ENVIRONMENTS)
    (lab_folder(lab) / "Vagrantfile").write_text("# changed by hand\n")

    with pytest.raises(FolderError, match="not the one this lab was launched with"):
        prepare_folder(lab, lab_folder(lab), ENVIRONMENTS)


def test_a_folder_made_again_keeps_what_vagrant_knows_of_its_machines(make: MakeLab):
    lab = make("scope: machines\n")
    folder = lab_folder(lab)
    prepare_folder(lab, folder, ENVIRONMENTS)
    (folder / ".vagrant" / "machines").mkdir(parents=True)
    (folder / ".vagrant" / "machines" / "id").write_text("a machine that runs")
    (folder / "lab.json").unlink()

    prepare_folder(lab, folder, ENVIRONMENTS)

    assert (folder / ".vagrant" / "machines" / "id").read_text() == "a machine that runs"
    assert json.loads((folder / "lab.json").read_text())["provider"] == "rehearsal"
    assert list(folder.parent.glob(".*.half")) == []
