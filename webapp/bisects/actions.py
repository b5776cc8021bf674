"""Ask for a bisect, cancel it. Carrying one on is `bisects.walk`."""

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.background import enqueue
from webapp.bisects.checks import Check, CheckError, check_check
from webapp.bisects.models import Bisect
from webapp.bisects.workload_check import workload_refusal
from webapp.builds.actions import QUEUE, resolve_ref
from webapp.builds.errors import BuildError
from webapp.builds.queries import all_components
from webapp.cluster.actions import cluster_of
from webapp.cluster.readiness import CATEGORIES
from webapp.cluster.readiness_run import readiness_refusal
from webapp.labs.models import Lab
from webapp.labs.verbs import SNAPSHOT_NAME, SNAPSHOT_NAME_RULE
from webapp.vagrant.states import provider_can

TASK = "webapp.keep_bisects"


class BisectError(Exception):
    """It cannot be had; a sentence for the user."""


@dataclass(frozen=True)
class Wish:
    """What somebody asks for; `snapshot` "" = the machine is not reset."""

    machine: str
    component: str
    url: str
    good: str
    bad: str
    check: Check
    snapshot: str = ""
    skips_crashes: bool = False
    tries_ends: bool = True


def request_bisect(lab: Lab, wish: Wish, by: User) -> Bisect:
    """Store the bisect; beat carries it on. Raises BisectError and stores nothing."""
    target = check_wish(lab, wish)
    try:
        source, good = resolve_ref(wish.url, wish.good)
        _, bad = resolve_ref(wish.url, wish.bad)
    except BuildError as error:
        raise BisectError(str(error)) from error
    if good.commit == bad.commit:
        raise BisectError("The good and the bad ref are the same commit.")
    row = Bisect(
        lab=lab,
        machine=wish.machine,
        component=wish.component,
        target=target,
        url=source.url,
        good_ref=wish.good.strip(),
        bad_ref=wish.bad.strip(),
        good_commit=good.commit,
        bad_commit=bad.commit,
        snapshot=wish.snapshot.strip(),
        trial_check=wish.check.to_json(),
        skips_crashes=wish.skips_crashes,
        tries_ends=wish.tries_ends,
        asked_by=by,
    )
    return store(row, by)


def check_wish(lab: Lab, wish: Wish) -> str:
    """Return the target to build for; raises BisectError."""
    machines = {machine.name: machine for machine in lab.machines.all()}
    if lab.destroyed_at is not None:
        raise BisectError("This lab has been destroyed.")
    if wish.machine not in machines or wish.check.machine not in machines:
        raise BisectError(f"{lab.name} has the machines {', '.join(machines)}.")
    component = all_components().get(wish.component)
    target = "windows/amd64" if machines[wish.machine].is_windows else "linux/amd64"
    if component is None or target not in component.targets:
        raise BisectError(f"There is no component {wish.component[:40]!r} that is built for {target}.")
    if wish.snapshot and SNAPSHOT_NAME.fullmatch(wish.snapshot.strip()) is None:
        raise BisectError(SNAPSHOT_NAME_RULE)
    if wish.snapshot and not provider_can(lab.provider, "snapshot-restore"):
        raise BisectError(f"The provider {lab.provider} has no snapshots.")
    try:
        check_check(wish.check)
    except CheckError as error:
        raise BisectError(str(error)) from error
    if wish.check.kind == "readiness":
        require_readiness(lab, wish.check.script)
    if wish.check.kind == "workload" and (why := workload_refusal(lab, wish.check.script)):
        raise BisectError(f"A workload cannot be the check here: {why}.")
    return target


def require_readiness(lab: Lab, category: str) -> None:
    """Say before the first build why a category cannot be run; raises BisectError."""
    if category not in CATEGORIES:
        raise BisectError(f"There is no readiness category {category[:40]!r}.")
    if why := readiness_refusal(cluster_of(lab)):
        raise BisectError(f"A readiness category cannot be the check here: {why}.")


def store(row: Bisect, by: User) -> Bisect:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            what = f"{row.component} from {row.good_ref} to {row.bad_ref}"
            audit.record(by, "asked bisect", what[:200], lab_id=row.lab_id)
            enqueue(TASK, queue=QUEUE)
    except IntegrityError as error:
        raise BisectError("A bisect of this lab is under way; cancel it first.") from error
    return row


def go_on_soon() -> None:
    """Give running searches a turn now: what one of them waits for may just have ended. Beat comes anyway."""
    if Bisect.objects.filter(state=Bisect.State.RUNNING).exists():
        enqueue(TASK, queue=QUEUE, expires_s=10)


def cancel_bisect(row: Bisect, by: User) -> bool:
    """End it; the run or build that is under way goes on to its own end. False when it had ended."""
    sentence = f"Canceled by {by.username}. The lab is as the last trial left it."
    canceled = end_bisect(row, Bisect.State.CANCELED, sentence)
    if canceled:
        audit.record(by, "canceled bisect", str(row), lab_id=row.lab_id)
    return canceled


def end_bisect(row: Bisect, state: Bisect.State, sentence: str, *, first_bad: str = "") -> bool:
    """Move a running bisect to its end; False when somebody else did."""
    rows = Bisect.objects.filter(pk=row.pk, state=Bisect.State.RUNNING)
    fields = {"sentence": sentence[:500], "first_bad": first_bad, "finished_at": timezone.now()}
    return bool(rows.update(state=state, **fields))
