"""Look at clusters, on their lab host's worker: who is due is asked in a thread of its own.

    tick ─► observe_host ─► claim due sightings (compare-and-swap) ─► look, one thread each ─► record

A slow guest delays no other, and no task waits for it. Fast while somebody has a page open, slow
otherwise, ever slower while a guest is silent.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

from django.db import connections
from django.db.models import Q, QuerySet
from django.utils import timezone

from webapp.catalog.spec import LabSpec
from webapp.cluster import attached_look, linux_look, powershell
from webapp.cluster.facts import MachineFacts
from webapp.cluster.guests import ASK_S, GuestError, one_line, run_in
from webapp.cluster.models import Cluster, Sighting
from webapp.cluster.record import Answers, record_answers, record_silence
from webapp.cluster.remote import RemoteError, run_at
from webapp.cluster.threads import Threads
from webapp.hosts.models import Host
from webapp.kube.facts import KubeFacts
from webapp.labs.models import Lab
from webapp.process import Completed
from webapp.vagrant.states import is_on

logger = logging.getLogger(__name__)

EARLY = timedelta(seconds=1.5)  # the clock ticks every 5 s: who is due a moment later is due now
CLAIM = timedelta(seconds=ASK_S + 10)
FARTHEST = timedelta(minutes=10)  # no look is put off so long: the clock was set back since
MOST_LOOKS = 32
API_PORT = 6443
Start = Callable[[Callable[[int], None], int], None]
Run = Callable[[str], Completed]  # a command on one machine


LOOKS = Threads(MOST_LOOKS, "look")


def observe_host(host: Host, now: datetime, start: Start = LOOKS.submit) -> int:
    """Start the looks at machines of this host that are due; returns how many."""
    make_sightings(host, now)
    labs = Lab.objects.filter(host=host, destroyed_at=None)
    return start_due(Sighting.objects.filter(machine__gt="", cluster__lab__in=labs), now, start)


def observe_attached(now: datetime, start: Start = LOOKS.submit) -> int:
    """Start the looks at attached clusters that are due; any worker can reach those."""
    sightings = Sighting.objects.filter(cluster__lab=None)
    # Without a kubeconfig the control plane's machine answers for the API.
    return start_due(sightings.exclude(machine="", cluster__server=""), now, start)


def start_due(sightings: QuerySet[Sighting], now: datetime, start: Start) -> int:
    is_due = Q(next_look_at__lte=now + EARLY) | Q(next_look_at__gt=now + FARTHEST)
    due = sightings.filter(is_due).values_list("pk", "next_look_at")
    claimed = [pk for pk, was in list(due) if claim(pk, was, now)]
    for pk in claimed:
        start(look, pk)
    return len(claimed)


def claim(pk: int, was: datetime, now: datetime) -> bool:
    """Of several workers one gets True; a look that is lost comes due again."""
    return bool(Sighting.objects.filter(pk=pk, next_look_at=was).update(next_look_at=now + CLAIM))


def make_sightings(host: Host, now: datetime) -> None:
    """Make the rows that are missing: one a machine, and one of the API. Three queries when none is."""
    labs = Lab.objects.filter(host=host, destroyed_at=None).prefetch_related("machines", "cluster__sightings")
    for lab in labs:
        cluster = getattr(lab, "cluster", None)
        have = {sighting.machine for sighting in cluster.sightings.all()} if cluster is not None else set()
        missing = {"", *(machine.name for machine in lab.machines.all())} - have
        if missing:
            add_sightings(cluster or Cluster.objects.get_or_create(lab=lab)[0], missing, now)


def add_sightings(cluster: Cluster, names: Iterable[str], now: datetime) -> None:
    rows = [Sighting(cluster=cluster, machine=name, next_look_at=now) for name in sorted(names)]
    Sighting.objects.bulk_create(rows, ignore_conflicts=True)


def look(sighting_id: int) -> None:
    """Thread body: ask, record what was said or why nothing was."""
    try:
        sighting = Sighting.objects.select_related("cluster__lab__host").get(pk=sighting_id)
        if is_attached_api(sighting):
            attached_look.take_turn(sighting.pk)
        else:
            look_at(sighting)
    except Sighting.DoesNotExist:
        logger.info("sighting %s is gone", sighting_id)
    except Exception:
        logger.exception("sighting %s: the look failed by a fault of ours", sighting_id)
    finally:
        connections.close_all()


def look_at(sighting: Sighting) -> bool:
    """Look once and record it; tells whether anything that is shown has changed."""
    if is_attached_api(sighting):
        return attached_look.look_once(sighting)[0]
    asked_at = timezone.now()
    try:
        answers, problems = ask(sighting, asked_at)
    except (GuestError, RemoteError) as error:
        return record_silence(sighting, str(error), timezone.now())
    now = timezone.now()
    return record_answers(sighting, answers, problems, now, (now - asked_at).total_seconds())


def is_attached_api(sighting: Sighting) -> bool:
    """Tell whether it is a kubeconfig's API (of a lab, the control plane answers for it)."""
    return not sighting.machine and sighting.cluster.lab_id is None


def ask(sighting: Sighting, now: datetime) -> tuple[Answers, Mapping[str, str]]:
    """Return facts, and problems, by sighting ("" is the API's). Raises GuestError, RemoteError."""
    lab = sighting.cluster.lab
    if lab is None:
        return ask_attached(sighting.cluster, sighting.machine, now)
    machine = lab.machines.get(name=sighting.machine)
    if machine.state and is_on(machine.state) is False:
        raise GuestError(f"The machine is {machine.state.replace('_', ' ')}.")
    run = partial(run_in, lab, machine)
    if machine.is_windows:
        return {machine.name: ask_windows(run, endpoint_of(lab), now)}, {}
    asks_api = machine.role == "control-plane" and LabSpec.from_json(lab.spec).scope == "cluster"
    return ask_linux(machine.name, run, now, asks_api=asks_api)


def ask_attached(cluster: Cluster, name: str, now: datetime) -> tuple[Answers, Mapping[str, str]]:
    """Ask a machine that was named. Raises GuestError, RemoteError."""
    machine = cluster.named_machines.filter(name=name).first()
    if machine is None:
        raise GuestError("The machine has been removed.")
    run = partial(run_at, machine, timeout_s=ASK_S)
    if machine.is_windows:
        return {name: ask_windows(run, endpoint_in(cluster), now)}, {}
    return ask_linux(name, run, now, asks_api=machine.role == "control-plane" and not cluster.server)


def endpoint_of(lab: Lab) -> str:
    head = next((other for other in lab.machines.all() if other.role == "control-plane"), None)
    return f"{head.ip}:{API_PORT}" if head is not None and head.ip else ""


def endpoint_in(cluster: Cluster) -> str:
    """Return the API's address as the machines know it: the kubeconfig's, or the control plane's."""
    if cluster.server:
        address = urlsplit(cluster.server).netloc
        return address if powershell.ENDPOINT.fullmatch(address) and ":" in address else ""
    head = cluster.named_machines.filter(role="control-plane").first()
    return f"{head.address}:{API_PORT}" if head is not None else ""


def ask_windows(run: Run, endpoint: str, now: datetime) -> MachineFacts:
    done = run(powershell.look_command(endpoint))
    facts = powershell.parse_look(done.output, now)
    if facts is None:
        raise GuestError(said_instead(done))
    return facts


def ask_linux(name: str, run: Run, now: datetime, *, asks_api: bool) -> tuple[Answers, Mapping[str, str]]:
    """Ask a Linux machine; the control plane answers for the API too, or says why it cannot."""
    done = run(linux_look.look_command(asks_api=asks_api))
    facts = linux_look.parse_machine(done.output, now)
    if facts is None:
        raise GuestError(said_instead(done))
    if not asks_api:
        return {name: facts}, {}
    kube: KubeFacts | None = linux_look.parse_api(done.output)
    if kube is None:
        return {name: facts}, {"": one_line(api_errors(done.errors)) or "The API gave no answer."}
    return {name: facts, "": kube}, {}


def api_errors(errors: str) -> str:
    """Return kubectl's own words, the last ones: what other commands complained of is not about the API."""
    lines = [
        line for line in errors.splitlines() if "server" in line or "kubectl" in line or "admin.conf" in line
    ]
    return lines[-1] if lines else ""


def said_instead(done: Completed) -> str:
    said = one_line(done.errors or done.output)
    return f"It answered, but not to the question: {said}" if said else "It answered nothing."
