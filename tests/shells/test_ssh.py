"""Terminals and files over real OpenSSH, against a server on loopback that plays the machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories import HostFactory, LabFactory, MachineFactory
from tests.shells.ssh_machine import SshMachine, ssh_machine
from tests.stack import free_port
from webapp.accounts.models import User
from webapp.labs.actions import lab_folder
from webapp.shells.files import carry_out, transfer_folder
from webapp.shells.models import Terminal
from webapp.shells.ways import ssh_config

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def machine(transactional_db: None, tmp_path: Path, settings, var: Path) -> Iterator[SshMachine]:
    with ssh_machine(tmp_path / "machine") as machine:
        settings.LAB_VAGRANT, settings.LAB_VAGRANT_HOME = str(machine.vagrant), tmp_path / "vagrant-home"
        settings.SHELL_FILE_MIB = 1
        yield machine


LINUX = pytest.mark.parametrize("terminal", ["controlplane"], indirect=True)


@pytest.fixture(params=["controlplane", "winw1"])
def terminal(request: pytest.FixtureRequest, machine: SshMachine, owner: User, settings) -> Terminal:
    """On a Linux and on a Windows machine of a lab that is no rehearsal."""
    name, role = request.param, "windows" if request.param == "winw1" else "control-plane"
    lab = LabFactory(name="real", owner=owner, provider="libvirt", host=HostFactory(name=settings.LAB_HOST))
    lab_folder(lab).mkdir(parents=True)
    (lab_folder(lab) / "lab.json").write_text('{"machines": []}')
    machine.name_it(name)
    row = MachineFactory(lab=lab, name=name, role=role, state="running")
    return Terminal.objects.create(lab=lab, machine=row, number=1, opened_by=owner, holder=owner)


async def test_a_shell_is_shared_over_ssh(look_at, terminal, machine, owner, guest):
    first, second = await look_at(terminal, owner), await look_at(terminal, guest)
    await first.until(lambda looker: looker.shown)

    first.type("echo Zürich together\r")

    await second.sees("Zürich together\r\n")
    is_windows = terminal.machine.is_windows
    assert machine.asked == [("powershell -NoLogo" if is_windows else None, "xterm-256color")]


@LINUX
async def test_a_shell_that_ends_closes_the_terminal(look_at, terminal, owner):
    looker = await look_at(terminal, owner)
    await looker.until(lambda looker: looker.shown)

    looker.type("exit 3\r")

    await looker.until(lambda looker: looker.state.get("status") == "closed")
    assert looker.state["sentence"] == "The shell ended with code 3."


def copied(terminal: Terminal, way: str, name: str) -> str:
    """Copy; return the sentence why not."""
    question = {"file": way, "terminal": terminal.pk, "name": name, "local": "at-home"}
    return carry_out(question)["error"]


def test_a_file_goes_in_and_comes_back(terminal: Terminal, machine: SshMachine):
    local, content = transfer_folder() / "at-home", bytes(range(256)) * 4096
    local.write_bytes(content)

    assert copied(terminal, "up", "kubelet.exe") == ""
    local.unlink()
    assert copied(terminal, "down", "kubelet.exe") == ""

    assert (machine.home / "kubelet.exe").read_bytes() == local.read_bytes() == content


@LINUX
async def test_files_go_the_way_of_the_open_terminal(look_at, terminal, machine, owner, act):
    looker = await look_at(terminal, owner)
    await looker.until(lambda looker: looker.state.get("status") == "open")
    machine.vagrant.write_text("")  # nobody asks it again
    (transfer_folder() / "at-home").write_text("hello")

    assert await act(copied, terminal, "up", "note.txt") == ""

    assert (machine.home / "note.txt").read_text() == "hello"


@LINUX
@pytest.mark.parametrize("size", [1024 * 1024 + 1, 40 * 1024 * 1024], ids=["a byte", "much"])
def test_a_file_that_is_too_large_is_cut_off_and_not_left(terminal: Terminal, machine: SshMachine, size: int):
    with (machine.home / "disk.img").open("wb") as file:
        file.truncate(size)

    assert copied(terminal, "down", "disk.img") == "The file is larger than 1 MiB."
    assert list(transfer_folder().iterdir()) == []


@LINUX
@pytest.mark.parametrize(
    "name", ["../key", "/etc/passwd", "a/b", "-oProxyCommand=x", "a b", "$(id)", "x:y", ".", "", "a\nb", "*"]
)
def test_a_path_is_refused_before_anything_is_asked(terminal: Terminal, machine: SshMachine, name: str):
    machine.vagrant.write_text("")  # whoever called it would be told that it is no program

    for way in ("up", "down"):
        assert copied(terminal, way, name).startswith("A file's name may hold letters")


@LINUX
@pytest.mark.parametrize("name", ["missing", "folder"])
def test_what_is_no_file_is_not_fetched(terminal: Terminal, machine: SshMachine, name: str):
    (machine.home / "folder").mkdir()

    assert name in copied(terminal, "down", name)
    assert list(transfer_folder().iterdir()) == []


@LINUX
def test_what_vagrant_says_of_the_way_is_for_this_user_only(terminal: Terminal):
    for _ in range(2):
        path = ssh_config(terminal)

    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in path.parent.glob("*.ssh*")] == [path.name]


@LINUX
async def test_a_machine_that_does_not_answer_is_told_and_tried_again(look_at, terminal, machine, owner):
    port, machine.port = machine.port, free_port()
    machine.name_it("controlplane")
    looker = await look_at(terminal, owner)
    await looker.until(lambda looker: "Connection refused" in looker.state.get("sentence", ""))

    looker.type("echo in vain\r")
    await looker.until(lambda looker: looker.told("refused"))
    machine.port = port
    machine.name_it("controlplane")

    await looker.until(lambda looker: looker.state.get("status") == "open")
    looker.type("echo heard\r")
    await looker.sees("heard\r\n")
    assert b"in vain" not in looker.shown
    assert looker.state["sentence"] == ""
