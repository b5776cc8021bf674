"""Machines without Vagrant, over a real SSH server and a small WinRM service, both on loopback."""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import asyncssh
import pytest
from django.utils import timezone

from tests.cluster.conftest import Rehearsed
from tests.cluster.winrm_server import WinRm, winrm_server
from webapp.accounts.models import AuditEntry, User
from webapp.cluster.actions import FixError, cluster_of, request_fix
from webapp.cluster.fixes import carry_out
from webapp.cluster.machines import Given, MachineError, add_machine, attach_by_machines, remove_machine
from webapp.cluster.models import Cluster, NamedMachine, Sighting
from webapp.cluster.nodelogs import open_log, read_log, source_from
from webapp.cluster.observe import look_at
from webapp.cluster.queries import attached_page
from webapp.cluster.remote import RemoteError, run_at
from webapp.cluster.tables import service_tables
from webapp.logs import store
from webapp.tasks import join_again

PASSWORD = "correct horse"


@dataclass
class Guests:
    """An SSH server whose commands a rehearsed lab answers; the user's name says which machine."""

    rehearsed: Rehearsed
    port: int = 0
    key: str = ""

    async def answer(self, process: "asyncssh.SSHServerProcess[str]") -> None:
        name = process.get_extra_info("username")
        command = process.command or ""
        if name == "winw1":
            command = command.removeprefix('powershell -NoProfile -NonInteractive -Command "').removesuffix(
                '"'
            )
        verb = "winrm" if name == "winw1" else "ssh"
        done = await asyncio.to_thread(self.rehearsed.vagrant, verb, name, "-c", command)
        process.stdout.write(done.stdout.decode())
        process.exit(done.returncode)


class Server(asyncssh.SSHServer):
    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return password == PASSWORD


@pytest.fixture
def guests(launched: Rehearsed) -> Iterator[Guests]:
    loop, guests = asyncio.new_event_loop(), Guests(launched)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def serve() -> None:
        key = asyncssh.generate_private_key("ssh-ed25519")
        guests.key = key.export_public_key().decode().strip()
        server = await asyncssh.create_server(
            Server, "127.0.0.1", 0, server_host_keys=[key], process_factory=guests.answer
        )
        guests.port = server.get_port()

    asyncio.run_coroutine_threadsafe(serve(), loop).result(10)
    yield guests
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)


@pytest.fixture
def cluster(owner: User) -> Cluster:
    return attach_by_machines("by hand", owner)


def given(guests: Guests, name: str = "controlplane", role: str = "control-plane") -> Given:
    return Given(name, role, "ssh", "127.0.0.1", name, guests.port, password=PASSWORD)


def look(cluster: Cluster) -> None:
    for row in Sighting.objects.filter(cluster=cluster, machine__gt="").select_related("cluster__lab"):
        look_at(row)


def test_named_machines_have_ladders_and_services(guests: Guests, cluster: Cluster, owner: User) -> None:
    add_machine(cluster, given(guests), owner)
    add_machine(cluster, given(guests, "winw1", "windows"), owner)

    look(cluster)

    ladders = {ladder.machine: ladder for ladder in attached_page(cluster).ladders}
    for ladder in ladders.values():
        states = {rung.key: (rung.state, rung.evidence) for rung in ladder.rungs}
        assert states["shell"][0] == states["runtime"][0] == states["node"][0] == "done", states
    assert ladders["controlplane"].role == "control-plane"


def test_log_of_a_named_machine_is_read(guests: Guests, cluster: Cluster, owner: User) -> None:
    add_machine(cluster, given(guests), owner)
    source = source_from({"kind": "unit", "machine": "controlplane", "unit": "kubelet"})

    row, _ = open_log(cluster, source, owner, follows=False)
    read_log(row.pk)

    assert row.refreshed().status == "succeeded", row.sentence
    assert store.size(row.log_id).line_count > 2


def test_secret_is_kept_encrypted_and_the_host_key_pinned(
    guests: Guests, cluster: Cluster, owner: User
) -> None:
    machine = add_machine(cluster, given(guests), owner)

    assert PASSWORD.encode() not in bytes(NamedMachine.objects.get().secret)
    assert machine.host_key == guests.key
    entry = AuditEntry.objects.get(action="named machine")
    assert entry.detail["host_key"].startswith("SHA256:")
    assert PASSWORD not in str(entry.detail)


def test_machine_with_another_host_key_is_not_spoken_to(
    guests: Guests, cluster: Cluster, owner: User
) -> None:
    machine = add_machine(cluster, given(guests), owner)
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    NamedMachine.objects.filter(pk=machine.pk).update(host_key=other)

    with pytest.raises(RemoteError, match="another host key"):
        run_at(NamedMachine.objects.get(), "hostname", timeout_s=10)


def done(cluster: Cluster, kind: str, by: User, machine: str, argument: str = "") -> str:
    fix, _ = request_fix(cluster, kind, by, machine=machine, argument=argument)
    carry_out(fix.pk, join_again)
    look(cluster)
    return f"{fix.refreshed().status}: {fix.sentence}"


def state_of(cluster: Cluster, machine: str, service: str) -> str:
    tables = {table.machine: table for table in service_tables(cluster, timezone.now())}
    return next(row.state for row in tables[machine].rows if row.name == service)


def test_service_of_a_named_machine_is_stopped_and_started(
    guests: Guests, cluster: Cluster, owner: User
) -> None:
    add_machine(cluster, given(guests, "winw1", "windows"), owner)

    assert done(cluster, "stop-service", owner, "winw1", "kubelet").startswith("succeeded")
    assert state_of(cluster, "winw1", "kubelet") == "Stopped"
    assert done(cluster, "restart-in-order", owner, "winw1").startswith("succeeded")
    assert state_of(cluster, "winw1", "kubelet") == "Running"
    assert AuditEntry.objects.filter(action="asked restart-in-order", actor=owner).exists()


def test_clock_of_a_named_machine_is_set(guests: Guests, cluster: Cluster, owner: User) -> None:
    add_machine(cluster, given(guests), owner)

    assert done(cluster, "resync-clock", owner, "controlplane").startswith("succeeded: The clock was set")


@pytest.mark.parametrize(
    ("kind", "machine", "said"),
    [
        ("rejoin", "controlplane", "kubeadm token create"),
        ("reset-and-rejoin", "controlplane", "joins machines of its own labs only"),
        ("restart-in-order", "winw9", "name the machine under Machines"),
        ("stop-service", "controlplane", "no service that the dashboard"),
    ],
)
def test_repair_that_a_named_machine_cannot_have_says_why(
    guests: Guests, cluster: Cluster, owner: User, kind: str, machine: str, said: str
) -> None:
    add_machine(cluster, given(guests), owner)

    with pytest.raises(FixError, match=said):
        request_fix(cluster, kind, owner, machine=machine, argument="sshd")


def test_repair_of_a_machine_that_was_forgotten_is_told(
    guests: Guests, cluster: Cluster, owner: User
) -> None:
    machine = add_machine(cluster, given(guests), owner)
    fix, _ = request_fix(cluster, "resync-clock", owner, machine="controlplane")
    remove_machine(machine, owner)

    carry_out(fix.pk, join_again)

    assert (fix.refreshed().status, fix.sentence) == (
        "failed",
        "The machine controlplane is not named any more.",
    )


def test_forgotten_machine_leaves_nothing(guests: Guests, cluster: Cluster, owner: User) -> None:
    machine = add_machine(cluster, given(guests), owner)
    look(cluster)

    remove_machine(machine, owner)

    assert not NamedMachine.objects.exists()
    assert not Sighting.objects.filter(cluster=cluster, machine="controlplane").exists()


WRONG = {
    "password": ({"password": "wrong"}, "could not be reached"),
    "name": ({"name": "a b"}, "no name"),
    "address": ({"address": "a;b"}, "no address"),
    "user": ({"user": "a b"}, "no user"),
    "port": ({"port": 70000}, "port"),
    "nothing secret": ({"password": ""}, "needs a password"),
    "key": ({"key": "-----BEGIN"}, "private key"),
    "way": ({"way": "telnet"}, "how it is reached"),
    "winrm to linux": ({"way": "winrm"}, "way to Windows"),
    "role": ({"role": "router"}, "what it is"),
}


@pytest.mark.parametrize(("change", "said"), WRONG.values(), ids=WRONG)
def test_machine_is_refused_when(
    guests: Guests, cluster: Cluster, owner: User, change: dict[str, str], said: str
) -> None:
    with pytest.raises(MachineError, match=said):
        add_machine(cluster, replace(given(guests), **change), owner)
    assert not NamedMachine.objects.exists()


def test_labs_own_machines_are_not_named(guests: Guests, owner: User) -> None:
    with pytest.raises(MachineError, match="come from Vagrant"):
        add_machine(cluster_of(guests.rehearsed.lab), given(guests), owner)


# -- WinRM -------------------------------------------------------------------------------


def powershell(script: str) -> tuple[str, int]:
    if "labkit-look" in script:
        return json.dumps({"labkit": 1, "build": "20348", "pipe": True}), 0
    return ("winw1\r\n", 0) if "hostname" in script else ("no such thing", 1)


@pytest.fixture
def winrm(tmp_path: Path, settings) -> Iterator[WinRm]:  # type: ignore[no-untyped-def]  # pytest-django's own
    with winrm_server(tmp_path, powershell) as service:
        settings.WINRM_CA_FILE = str(tmp_path / "api.crt")
        yield service


def over_winrm(service: WinRm) -> Given:
    return Given("winw1", "windows", "winrm-tls", "127.0.0.1", "vagrant", service.port, password=PASSWORD)


def test_machine_is_seen_over_winrm(winrm: WinRm, cluster: Cluster, owner: User) -> None:
    add_machine(cluster, over_winrm(winrm), owner)

    look(cluster)

    (ladder,) = attached_page(cluster).ladders
    assert ladder.rung("shell").state == "done"  # type: ignore[union-attr]
    assert winrm.scripts[0] == "hostname"
    assert winrm.open_shells == 0


def test_refusal_over_winrm_is_told(winrm: WinRm, cluster: Cluster, owner: User) -> None:
    winrm.refuses = True

    with pytest.raises(MachineError, match="refused the user"):
        add_machine(cluster, over_winrm(winrm), owner)


def test_certificate_of_nobody_is_told(winrm: WinRm, cluster: Cluster, owner: User, settings) -> None:
    settings.WINRM_CA_FILE = ""

    with pytest.raises(MachineError, match="certificate"):
        add_machine(cluster, over_winrm(winrm), owner)
