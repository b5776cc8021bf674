"""Real Vagrant on plain QEMU, for tests: `real_vagrant` (session) and `real_lab` (module).

Import both in a conftest.py that wants them. They skip, with one sentence, where Vagrant,
libvirt or the right to use them is missing, and stop what they started, by its id.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
import yaml

from tests.real.box import BoxError, cached_box
from webapp.vagrant.driver import VagrantDriver

REPOSITORY = Path(__file__).parents[2]
COMMANDS = {
    "vagrant": "vagrant",
    "virsh": "libvirt-clients",
    "libvirtd": "libvirt-daemon-system",
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "dnsmasq": "dnsmasq-base",
    "mmdebstrap": "mmdebstrap",
}
URI = "qemu:///system"
SUBNET = "192.168.213.0/24"
Value = TypeVar("Value")


@dataclass(frozen=True)
class RealVagrant:
    """What a lab of these tests is made of.

    `home` is a VAGRANT_HOME (0.3 GB), `provider_options` fit the definition's
    `provider`, `box_url` is a file:// address.
    """

    vagrant: Path
    home: Path
    box: str
    box_url: str
    provider_options: dict[str, str | bool]
    subnet: str = SUBNET
    memory_mib: int = 384
    cpus: int = 1

    def definition(self) -> str:
        """Return a variables.yaml of one Linux machine without Kubernetes, for the product's own launch."""
        return yaml.safe_dump(
            {
                "scope": "machines",
                "machines": [
                    {
                        "name": "controlplane",
                        "role": "control-plane",
                        "cpus": self.cpus,
                        "memory_mib": self.memory_mib,
                        "box": self.box,
                        "box_url": self.box_url,
                    }
                ],
                "network": {"subnet": self.subnet},
                "provider": {"name": "libvirt", **self.provider_options},
            }
        )

    def cluster_definition(self) -> str:
        """Return one of a control plane alone, whose kubectl is the lab host's file FILES/mine/kubectl."""
        machine = {"name": "controlplane", "role": "control-plane", "cpus": 2, "memory_mib": 1700}
        return yaml.safe_dump(
            {
                "kubernetes": {"version": "1.36.1"},
                "cni": "none",
                "overrides": {"linux": {"kubectl": {"source": "file", "path": "mine/kubectl"}}},
                "machines": [{**machine, "box": self.box, "box_url": self.box_url}],
                "network": {"subnet": self.subnet},
                "provider": {"name": "libvirt", **self.provider_options},
            }
        )

    def driver(self, folder: Path) -> VagrantDriver:
        return VagrantDriver(folder, executable=self.vagrant, vagrant_home=self.home)

    def machine(self, name: str = "controlplane", ip: str = "192.168.213.10") -> dict[str, object]:
        """Return one Linux machine as lab.json has it."""
        step = {"name": "linux-prepare", "script": "linux/prepare.sh", "may_reboot": False, "usual_s": 10}
        return {
            "name": name,
            "role": "control-plane",
            "os": "linux",
            "box": self.box,
            "box_version": "",
            "box_url": self.box_url,
            "cpus": self.cpus,
            "memory_mib": self.memory_mib,
            "ip": ip,
            "communicator": "ssh",
            "steps": [step],
        }


@dataclass(frozen=True)
class RealLab:
    """A lab's folder with the kit and a lab.json, and the product's driver for it."""

    folder: Path
    driver: VagrantDriver
    real: RealVagrant


class Missing(Exception):
    """This machine cannot run real Vagrant; the text says what to install or do."""


def missing_packages() -> list[str]:
    names = [
        package for command, package in COMMANDS.items() if shutil.which(command, path=search_path()) is None
    ]
    if not names and not list(Path("/usr/share/rubygems-integration").glob("*/gems/vagrant-libvirt-*")):
        listed = subprocess.run(
            ["vagrant", "plugin", "list"], capture_output=True, text=True, check=False
        ).stdout
        names += [] if "vagrant-libvirt" in listed else ["vagrant-libvirt"]
    return names


def search_path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin"


def skip_or_fail(reason: str) -> None:
    """Skip; or fail where CI says that it has what these tests need."""
    if "vagrant" in os.environ.get("LAB_TEST_REQUIRE", "").replace(",", " ").split():
        pytest.fail(reason)
    pytest.skip(reason)


def libvirt_answers() -> bool:
    found = subprocess.run(["virsh", "-q", "-c", URI, "list"], capture_output=True, timeout=20, check=False)
    return found.returncode == 0


def entered(context: AbstractContextManager[Value]) -> Iterator[Value]:
    """Yield what a context gives; skip, or fail where CI demands it, when something is missing."""
    with ExitStack() as stack:
        try:
            value = stack.enter_context(context)
        except Missing as error:
            skip_or_fail(f"Real Vagrant is not tried: {error}")
        yield value


@pytest.fixture(scope="session")
def libvirt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """libvirt's daemon answers: the machine's own, or one that lives as long as the tests."""
    yield from entered(libvirt_running(tmp_path_factory.mktemp("libvirt")))


@contextmanager
def libvirt_running(logs: Path) -> Iterator[None]:
    """Start libvirt's daemons if need be, and stop what was started. Raises Missing."""
    if missing := missing_packages():
        raise Missing(f"apt-get install {' '.join(missing)}")
    if libvirt_answers():
        yield
        return
    if os.geteuid() != 0:
        raise Missing("libvirtd does not run, and only root can start it.")
    daemons = start_daemons(logs)
    try:
        yield
    finally:
        stop_networks()
        stop_daemons(daemons)


def start_daemons(logs: Path) -> list[subprocess.Popen[bytes]]:
    daemons = []
    for name in ("virtlogd", "libvirtd"):
        with (logs / f"{name}.log").open("wb") as log:
            path = shutil.which(name, path=search_path()) or name
            daemons.append(subprocess.Popen([path], stdout=log, stderr=log, start_new_session=True))
    if not until(30, libvirt_answers):
        stop_daemons(daemons)
        raise Missing(f"libvirtd does not answer; see {logs}.")
    return daemons


def stop_daemons(daemons: list[subprocess.Popen[bytes]]) -> None:
    for daemon in reversed(daemons):
        daemon.terminate()
        daemon.wait(30)


def stop_networks() -> None:
    """Take down the networks that Vagrant left up: their dnsmasq outlives libvirtd otherwise."""
    names = subprocess.run(
        ["virsh", "-q", "-c", URI, "net-list", "--name"], capture_output=True, text=True, check=False
    )
    for name in names.stdout.split():
        subprocess.run(["virsh", "-q", "-c", URI, "net-destroy", name], capture_output=True, check=False)


def until(limit_s: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def cache_folder() -> Path:
    return Path(os.environ.get("LAB_TEST_CACHE") or REPOSITORY / "var/cache/boxes")


@pytest.fixture(scope="session")
def real_vagrant(libvirt: None) -> Iterator[RealVagrant]:
    """Vagrant with libvirt and a small Debian box; builds the box when the cache has none."""
    yield from entered(vagrant_with_box())


@contextmanager
def vagrant_with_box() -> Iterator[RealVagrant]:
    """Give Vagrant a home of its own and the box's file. Raises Missing."""
    try:
        box = cached_box(cache_folder())
    except BoxError as error:
        raise Missing(str(error)) from error
    vagrant = shutil.which("vagrant")
    assert vagrant is not None
    name = f"labkit/{box.stem}"
    options: dict[str, str | bool] = {"driver": "qemu", "cpu_mode": "custom", "cpu_model": "qemu64"}
    # Not below pytest's own folder: QEMU, which runs as its own user, reads the box's kernel here,
    # and each start of pytest closes that folder to others.
    with tempfile.TemporaryDirectory(prefix="lab-vagrant-home-") as home:
        Path(home).chmod(0o711)
        yield RealVagrant(Path(vagrant), Path(home), name, box.as_uri(), options)
    drop_box_image(box.stem)


def drop_box_image(stem: str) -> None:
    """Delete the copy of the box that vagrant-libvirt leaves in the storage pool."""
    listed = subprocess.run(
        ["virsh", "-q", "-c", URI, "vol-list", "default"], capture_output=True, text=True, check=False
    )
    for volume in {line.split()[0] for line in listed.stdout.splitlines() if stem in line}:
        subprocess.run(
            ["virsh", "-q", "-c", URI, "vol-delete", volume, "default"], capture_output=True, check=False
        )


@pytest.fixture(scope="module")
def real_lab(real_vagrant: RealVagrant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealLab]:
    """A folder with the kit and a lab.json of one Linux machine; destroyed at the end."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(REPOSITORY / "environments/kit", folder, dirs_exist_ok=True)
    (folder / "lab.json").write_text(json.dumps(lab_json(real_vagrant, [real_vagrant.machine()])))
    yield RealLab(folder, real_vagrant.driver(folder), real_vagrant)
    destroy_all(real_vagrant, folder)


def destroy_all(real: RealVagrant, folder: Path) -> None:
    """Take away the machines of a lab's folder, if there are any."""
    command = [str(real.vagrant), "destroy", "--force"]
    env = real.driver(folder).env
    subprocess.run(command, cwd=folder, env=env, capture_output=True, timeout=120, check=False)


def lab_json(real: RealVagrant, machines: list[dict[str, object]]) -> dict[str, object]:
    return {
        "lab": "real",
        "prefix": f"real{os.getpid()}-",
        "provider": "libvirt",
        "provider_options": real.provider_options,
        "network": {
            "subnet": real.subnet,
            "gateway": "192.168.213.1",
            "pod_cidr": "10.244.0.0/16",
            "service_cidr": "10.96.0.0/12",
        },
        "kubernetes": {"version": "1.36.1"},
        "cni": {"name": "none", "version": ""},
        "containerd": {"version": "2.3.4"},
        "machines": machines,
    }
