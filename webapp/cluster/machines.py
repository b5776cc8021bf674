"""Name machines of an attached cluster that are reached by SSH or WinRM, without Vagrant.

The secret is encrypted as kubeconfigs are. SSH's host key is pinned at first sight: it is shown, and a
machine that later shows another is not spoken to.
"""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address

from asyncssh import KeyImportError, import_private_key, import_public_key
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.background import enqueue
from webapp.cluster.actions import ANY_QUEUE, announce, require_change
from webapp.cluster.models import Change, Cluster, NamedMachine, Sighting
from webapp.cluster.observe import add_sightings
from webapp.cluster.remote import RemoteError, kept_as, run_at
from webapp.cluster.secrets import encrypt
from webapp.cluster.ssh import SshError, connections
from webapp.labs.access import require

NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?")
ADDRESS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}")
ROLES = ("windows", "linux", "control-plane")
PORTS = {NamedMachine.Way.SSH: 22, NamedMachine.Way.WINRM: 5985, NamedMachine.Way.WINRM_TLS: 5986}
FIRST_S = 12.0
MOST_MACHINES = 30


class MachineError(Exception):
    """The machine cannot be added; a sentence for the user that holds nothing secret."""


@dataclass(frozen=True)
class Given:
    """What somebody typed. `key` is an OpenSSH private key; with one no password is used."""

    name: str
    role: str
    way: str
    address: str
    user: str
    port: int | None = None
    password: str = field(default="", repr=False)
    key: str = field(default="", repr=False)


def attach_by_machines(name: str, by: User) -> Cluster:
    """Attach a cluster without a kubeconfig: its control plane's machine answers for the API.

    Raises PermissionDenied, MachineError.
    """
    require(by, "cluster.attach")
    if not name.strip():
        raise MachineError("The cluster needs a name.")
    with transaction.atomic():
        cluster = Cluster.objects.create(name=name.strip()[:60], owner=by)
        audit.record(by, "attached cluster", cluster.name, detail={"by": "machines"})
    return cluster


def add_machine(cluster: Cluster, given: Given, by: User) -> NamedMachine:
    """Check it, see its host key, log in once, and keep it. Raises PermissionDenied, MachineError."""
    require_change(cluster, by)
    check(cluster, given)
    way = NamedMachine.Way(given.way)
    machine = NamedMachine(
        cluster=cluster,
        name=given.name,
        role=given.role,
        way=way,
        address=given.address,
        port=given.port or PORTS[way],
        user=given.user,
        secret=encrypt(given.key or given.password, settings.SECRET_KEY),
        is_key=bool(given.key),
    )
    try_out(machine)
    try:
        with transaction.atomic():
            machine.save()
            add_sightings(
                cluster, {"", machine.name} if not cluster.server else {machine.name}, timezone.now()
            )
            detail = {
                "address": machine.address,
                "way": machine.way,
                "host_key": fingerprint(machine.host_key),
            }
            audit.record(by, "named machine", f"{cluster} {machine.name}", detail=detail)
            enqueue("webapp.observe_attached", queue=ANY_QUEUE, expires_s=10)
    except IntegrityError as error:
        raise MachineError(f"The cluster has a machine {machine.name} already.") from error
    announce(cluster)
    return machine


def check(cluster: Cluster, given: Given) -> None:
    """Raises MachineError for what is not well formed."""
    problems = {
        "This is no name of a machine; take its node's name.": NAME.fullmatch(given.name),
        "Choose what it is.": given.role in ROLES,
        "Choose how it is reached.": given.way in NamedMachine.Way.values,
        "This is no address.": is_address(given.address),
        "This is no user's name.": USER.fullmatch(given.user),
        "The port is none.": given.port is None or 0 < given.port < 65536,
        "It needs a password or a private key.": given.password or given.key,
        "WinRM takes a password, not a key.": given.way == NamedMachine.Way.SSH or not given.key,
        "WinRM is a way to Windows.": given.way == NamedMachine.Way.SSH or given.role == "windows",
        "Only machines of attached clusters are named; a lab's own come from Vagrant.": cluster.lab_id
        is None,
        f"A cluster has at most {MOST_MACHINES} machines here.": cluster.named_machines.count()
        < MOST_MACHINES,
    }
    for problem, is_fine in problems.items():
        if not is_fine:
            raise MachineError(problem)
    if given.key:
        check_key(given.key)


def check_key(text: str) -> None:
    try:
        import_private_key(text)
    except (KeyImportError, ValueError) as error:
        raise MachineError("This is no private key without a passphrase, as OpenSSH writes it.") from error


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return ADDRESS.fullmatch(text) is not None
    return True


def try_out(machine: NamedMachine) -> None:
    """Pin what it shows, and log in once. Raises MachineError."""
    try:
        if machine.way == NamedMachine.Way.SSH:
            machine.host_key = connections().host_key(machine.address, machine.port, timeout_s=FIRST_S)
        done = run_at(machine, "hostname", timeout_s=FIRST_S)
    except (SshError, RemoteError) as error:
        raise MachineError(f"{machine.name} could not be reached: {error}") from error
    if done.code != 0:
        raise MachineError(f"{machine.name} answered, but a first command failed there.")


def remove_machine(machine: NamedMachine, by: User) -> None:
    """Forget a machine with its secret and what was seen of it."""
    cluster = machine.cluster
    require_change(cluster, by)
    with transaction.atomic():
        audit.record(by, "forgot machine", f"{cluster} {machine.name}")
        Sighting.objects.filter(cluster=cluster, machine=machine.name).delete()
        Change.objects.filter(cluster=cluster, machine=machine.name).delete()
        connections().forget(kept_as(machine))
        machine.delete()
    announce(cluster)


def fingerprint(host_key: str) -> str:
    """Return SHA256:… as ssh shows it, "" without a key."""
    return import_public_key(host_key).get_fingerprint() if host_key else ""
