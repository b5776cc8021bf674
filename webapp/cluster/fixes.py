"""Carry out repairs on a worker: a few commands on a machine of a lab, or on one that was named.

What ends in a run of the join step (`offers.RUN_FIXES`) is asked for by `tasks`, which knows runs.
"""

import logging
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.conf import settings
from django.utils import timezone

from webapp.cluster import attached
from webapp.cluster.actions import announce, look_soon
from webapp.cluster.api_request import ApiError
from webapp.cluster.guests import GuestError, run_in
from webapp.cluster.linux_look import KUBECTL
from webapp.cluster.lost import reap_work
from webapp.cluster.models import Fix
from webapp.cluster.powershell import redacted
from webapp.cluster.remote import RemoteError, run_at
from webapp.executions.holder import holder_name
from webapp.executions.lost import CLOCK, Clock
from webapp.executions.models import Status
from webapp.kube.facts import RequestFacts
from webapp.kube.loose import load
from webapp.kube.parse import parse_objects
from webapp.labs.models import Lab
from webapp.process import Completed

logger = logging.getLogger(__name__)

FIX_S = 120.0
STOP_AT_ERROR = "$ErrorActionPreference = 'Stop'; "
SKEW_S = 5
# What a half join leaves behind (kubeadm reset is little tested on Windows).
LEFT_ON_WINDOWS = (
    r"C:\etc\kubernetes\kubelet.conf",
    r"C:\etc\kubernetes\bootstrap-kubelet.conf",
    r"C:\etc\kubernetes\pki\ca.crt",
    r"C:\var\lib\kubelet\config.yaml",
    r"C:\var\lib\kubelet\instance-config.yaml",
    r"C:\var\lib\kubelet\kubeadm-flags.env",
    r"C:\var\lib\kubelet\pki",
)


class CannotFix(Exception):
    """It was not done; a sentence."""


@dataclass(frozen=True)
class Guest:
    """One machine that commands can be run on. `lab` None: it was named, without Vagrant."""

    name: str
    is_windows: bool
    run: Callable[[str], Completed]
    lab: Lab | None = None


def carry_out(fix_id: int, then: Callable[[Fix], str]) -> None:
    """Claim a pending fix and do it. `then` starts what follows it and says so (or raises CannotFix)."""
    fix = Fix.objects.select_related("cluster__lab__host", "requested_by").get(pk=fix_id)
    if not fix.start(holder_name(settings.LAB_HOST), timezone.now()):
        return
    try:
        sentence = do(fix)
        sentence = " ".join(filter(None, [sentence, then(fix)]))
        fix.finish(Status.SUCCEEDED, timezone.now(), sentence)
    except (CannotFix, GuestError, RemoteError, ApiError) as error:
        fix.finish(Status.FAILED, timezone.now(), str(error))
    except Exception:
        logger.exception("fix %s: a fault of ours", fix.pk)
        fix.finish(Status.FAILED, timezone.now(), "A fault of the dashboard; the worker's log has it.")
        raise
    finally:
        look_soon(fix.cluster, timezone.now())
        announce(fix.cluster)


def do(fix: Fix) -> str:
    """Do the machine's part; returns what was done. Raises CannotFix, GuestError, RemoteError, ApiError."""
    if fix.kind == "approve-request":
        return approve_request(fix)
    return DOERS[fix.kind](fix, guest_of(fix))


def guest_of(fix: Fix) -> Guest:
    lab = fix.cluster.lab
    if lab is not None:
        return lab_guest(lab, fix.machine)
    named = fix.cluster.named_machines.filter(name=fix.machine).first()
    if named is None:
        raise CannotFix(f"The machine {fix.machine} is not named any more.")
    return Guest(named.name, named.is_windows, partial(run_at, named, timeout_s=FIX_S))


def lab_guest(lab: Lab, name: str) -> Guest:
    machine = lab.machines.get(name=name)
    return Guest(machine.name, machine.is_windows, partial(run_in, lab, machine, timeout_s=FIX_S), lab)


def ask(fix: Fix, guest: Guest, command: str, what: str) -> str:
    """Run a command, keep what it said without secrets, and raise CannotFix when it fails."""
    done = guest.run(command)
    said = "\n".join(redacted(tuple(f"{done.output}\n{done.errors}".strip().splitlines()[-60:])))
    Fix.objects.filter(pk=fix.pk).update(output=said[:20_000])
    if done.code != 0:
        words = redacted(tuple((done.errors or done.output).strip().splitlines()[:1]))
        raise CannotFix(f"{what} on {guest.name} failed: {' '.join(words) or 'it said nothing'}")
    return done.output


def head_of(lab: Lab) -> Guest:
    head = lab.machines.filter(role="control-plane").first()
    if head is None:
        raise CannotFix("The lab has no control plane.")
    return lab_guest(lab, head.name)


# -- the certificate request ---------------------------------------------------------


def approve_request(fix: Fix) -> str:
    """Approve one pending bootstrap request of a machine of this lab, and nothing else."""
    lab = fix.cluster.lab
    name = shlex.quote(fix.argument)
    if lab is None:
        check_request(attached.list_facts(fix.cluster).requests, fix.argument, "")
        attached.approve(fix.cluster, fix.argument)
        return f"{fix.argument} is approved."
    head = head_of(lab)
    listed = ask(fix, head, f"{KUBECTL} get csr -o json", "Listing the requests")
    check_request(parse_objects([load(listed)]).requests, fix.argument, fix.machine)
    ask(fix, head, f"{KUBECTL} certificate approve {name}", "Approving")
    return f"{fix.argument} is approved."


def check_request(requests: tuple[RequestFacts, ...], name: str, machine: str) -> None:
    """Refuse whatever would let anybody in but the machine. `machine` "": any that names a node."""
    request = next((request for request in requests if request.name == name), None)
    if request is None:
        raise CannotFix(f"There is no request {name} any more.")
    if request.state != "pending":
        raise CannotFix(f"{name} is {request.state} already.")
    if not request.is_bootstrap or not request.username.startswith("system:bootstrap:"):
        raise CannotFix(f"{name} is no kubelet's bootstrap request; look at it with kubectl.")
    if not request.node or (machine and request.node != machine):
        raise CannotFix(
            f"{name} asks for the name {request.node or 'of nobody'}, not for {machine or 'a node'}."
        )


# -- the machine ---------------------------------------------------------------------


def resync_clock(fix: Fix, guest: Guest) -> str:
    """Ask the time server; Windows without one takes the lab host's time."""
    if not guest.is_windows:
        ask(fix, guest, "sudo chronyc -a makestep", "Setting the clock")
        return "The clock was set by its time server."
    now = timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    command = (
        "Start-Service w32time; w32tm /resync /force; "
        f"$wanted = [DateTime]::Parse('{now}').ToUniversalTime(); "
        f"if ([Math]::Abs(((Get-Date).ToUniversalTime() - $wanted).TotalSeconds) -gt {SKEW_S + 25}) "
        "{ Set-Date -Date $wanted.ToLocalTime() | Out-Null }; exit 0"
    )
    ask(fix, guest, command, "Setting the clock")
    return "The clock was set."


def restart_in_order(fix: Fix, guest: Guest) -> str:
    command = (
        f"{STOP_AT_ERROR}Stop-Service kubelet -Force; "
        "Restart-Service containerd -Force; Start-Service kubelet"
        if guest.is_windows
        else "sudo systemctl stop kubelet && sudo systemctl restart containerd kubelet"
    )
    ask(fix, guest, command, "Restarting containerd and kubelet")
    return "containerd and kubelet were restarted."


def control_service(fix: Fix, guest: Guest) -> str:
    """Start, stop or restart one service of `services.CONTROLLED`; -Force takes what depends on it along."""
    verb = fix.kind.removesuffix("-service")
    name = shlex.quote(fix.argument)
    if guest.is_windows:
        force = "" if verb == "start" else " -Force"
        command = f"{STOP_AT_ERROR}{verb.capitalize()}-Service {fix.argument}{force}"
    else:
        command = f"sudo systemctl {verb} {name}"
    ask(fix, guest, command, f"{verb.capitalize()} of {fix.argument}")
    return f"{fix.argument}: {verb} done."


def reset(fix: Fix, guest: Guest) -> str:
    """Delete the Node and what the half join left; the join step that follows begins from nothing."""
    assert guest.lab is not None  # request_fix refuses it elsewhere: the join that follows is a lab's run
    head = head_of(guest.lab)
    name = shlex.quote(guest.name)
    ask(fix, head, f"{KUBECTL} delete node {name} --ignore-not-found", "Deleting the Node")
    if guest.is_windows:
        left = ", ".join(f"'{path}'" for path in LEFT_ON_WINDOWS)
        command = (
            "Stop-Service kubelet -Force -ErrorAction SilentlyContinue; "
            f"Remove-Item -Recurse -Force -ErrorAction SilentlyContinue {left}; exit 0"
        )
    else:
        command = "sudo kubeadm reset -f"
    ask(fix, guest, command, "Clearing the half join")
    return f"The Node {guest.name} and what its join left behind are gone."


def nothing(fix: Fix, guest: Guest) -> str:  # noqa: ARG001  (each has the table's signature)
    return ""


Doer = Callable[[Fix, Guest], str]
DOERS: dict[str, Doer] = {
    "resync-clock": resync_clock,
    "restart-in-order": restart_in_order,
    "start-service": control_service,
    "stop-service": control_service,
    "restart-service": control_service,
    "rejoin": nothing,
    "reset-and-rejoin": reset,
}


def reap_fixes(now: datetime, lost_after_s: float, clock: Clock = CLOCK) -> int:
    """End fixes whose worker was lost, and hand those that nobody has begun to the worker again."""
    sentence = "The worker was lost; look whether it was done."
    task = "webapp.carry_out_fix"
    return reap_work(Fix.objects.all(), task, now, lost_after_s, sentence=sentence, clock=clock)
