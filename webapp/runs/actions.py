"""Ask for runs, cancel them, go on after them. Walking one is `runs.execute`."""

from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from webapp import live
from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.background import enqueue
from webapp.catalog import library
from webapp.catalog.spec import LabSpec
from webapp.definitions.models import Revision
from webapp.executions.models import OPEN, Status
from webapp.hosts.models import Host
from webapp.labs.actions import make_lab
from webapp.labs.models import Lab
from webapp.labs.verbs import LOSE_STATE, SNAPSHOT_NAME, SNAPSHOT_NAME_RULE
from webapp.logs import store
from webapp.logs.models import Log
from webapp.planning.make import make_plan
from webapp.planning.plan import Plan, PlannedStep, StepKind, Verb
from webapp.runs.models import Run, Step
from webapp.runs.usual import usual_times
from webapp.vagrant.states import NOT_CREATED, SNAPSHOTS, provider_can

# What Retry does again even if it was done: cheap, and what it found may have changed.
AGAIN = {
    StepKind.VALIDATE,
    StepKind.PREFLIGHT,
    StepKind.DOWNLOAD,
    StepKind.UP,
    StepKind.WAIT_FOR,
    # An injection that failed has put the old binary back: all of it is done anew, each step idempotent.
    StepKind.INJECT,
    StepKind.LINT,
    StepKind.LOOK,
}
SENT_AGAIN_LIVES_S = 60


class RunError(Exception):
    """The run cannot be had; a sentence for the user."""


def launch_lab(*, revision: Revision, host: Host, name: str, provider: str = "", by: User) -> Run:
    """Make a lab and its first run; raises labs.actions.LaunchError and makes nothing."""
    with transaction.atomic():
        lab = make_lab(revision=revision, host=host, name=name, provider=provider, by=by)
        run = make_run(lab, Verb.LAUNCH, by)
    transaction.on_commit(lambda: live.announce({"type": "lab.changed", "lab": lab.pk}))
    return run


def request_run(
    lab: Lab, verb: str, by: User, *, machine: str = "", with_: str = "", snapshot: str = ""
) -> tuple[Run, bool]:
    """Make a run and hand it to the lab host, or return the open run and False.

    Raises RunError or planning.plan.PlanError when the verb makes no sense here.
    """
    wanted = check_verb(lab, verb, snapshot)
    try:
        with transaction.atomic():
            run = make_run(lab, wanted, by, machine=machine, with_=with_, snapshot=snapshot)
            audit.record(by, f"asked {wanted}", " ".join(filter(None, [lab.name, machine])), lab_id=lab.pk)
    except IntegrityError:
        open_run = Run.objects.filter(lab=lab, status__in=OPEN).first()
        if open_run is None:
            raise
        return open_run, False
    announce_run(run)
    return run, True


def check_verb(lab: Lab, verb: str, snapshot: str) -> Verb:
    if verb not in set(Verb):
        raise RunError(f"There is no verb {verb!r}.")
    if refusal := verb_refusal(lab, Verb(verb), snapshot):
        raise RunError(refusal)
    return Verb(verb)


def verb_refusal(lab: Lab, verb: Verb, snapshot: str) -> str:
    """Pure: say why the lab cannot have this verb now; "" if it can."""
    if lab.destroyed_at is not None:
        return "This lab has been destroyed; launch its definition again."
    if lab.held_for and verb in LOSE_STATE:
        return f"The machines are {lab.held_for}."
    if not provider_can(lab.provider, verb):
        return f"The provider {lab.provider} cannot {verb}."
    if verb in SNAPSHOTS and SNAPSHOT_NAME.fullmatch(snapshot) is None:
        return SNAPSHOT_NAME_RULE
    return ""


def retry_refusal(run: Run, newest: Run) -> str:
    """Pure: say why the run cannot be gone on with now; "" if it can. `newest`: its lab's newest run."""
    if run.is_open:
        return "The run has not ended."
    if run.status == Status.SUCCEEDED:
        return "The run succeeded; nothing is left to do."
    if newest.pk != run.pk:
        return f"Run #{newest.number} came after it."
    return verb_refusal(run.lab, Verb(run.verb), run.snapshot)


def make_run(
    lab: Lab,
    verb: Verb,
    by: User,
    *,
    machine: str = "",
    with_: str = "",
    snapshot: str = "",
    continues: Run | None = None,
    plan: Plan | None = None,
) -> Run:
    """Store a run with its steps and its log; IntegrityError when the lab has an open one.

    RunError when the lab was destroyed or held since the caller read it. `plan`: for verbs that are
    planned elsewhere.
    """
    locked = Lab.objects.select_for_update().get(pk=lab.pk)
    if refusal := verb_refusal(locked, verb, snapshot):  # what was read before may not hold any more
        raise RunError(refusal)
    if continues is not None:
        plan = Plan.from_json(continues.plan)
    elif plan is None:
        plan = plan_for(lab, verb, machine, with_)
    run = Run.objects.create(
        lab=lab,
        number=(lab.runs.aggregate(last=Max("number"))["last"] or 0) + 1,
        verb=verb,
        machine=machine,
        snapshot=snapshot,
        plan=plan.to_json(),
        requested_by=by,
        continues=continues,
        log=Log.objects.create(),
    )
    make_steps(run, plan)
    enqueue("webapp.execute_run", run.pk, queue=lab.host.queue)
    return run


def make_steps(run: Run, plan: Plan) -> None:
    """Store the plan's steps; those that the run before has done are carried over, and count as done."""
    carried = done_keys(run.continues) if run.continues else frozenset()
    usual = usual_times(run.lab, plan, settings.LAB_REHEARSAL_SPEED)
    Step.objects.bulk_create(
        step_row(run, number, step, usual[step.key], is_carried=step.key in carried)
        for number, step in enumerate(plan.steps, start=1)
    )


def plan_for(lab: Lab, verb: Verb, machine: str, with_: str) -> Plan:
    kit_steps = library.kit_steps(Path(settings.ENVIRONMENTS_DIR))
    return make_plan(LabSpec.from_json(lab.spec), kit_steps, verb, machine=machine, with_=with_)


def done_keys(run: Run) -> frozenset[str]:
    """Return the steps that need not be done again: done, and their machine still exists."""
    gone = set(run.lab.machines.filter(state=NOT_CREATED).values_list("name", flat=True))
    again = {str(kind) for kind in AGAIN}
    return frozenset(
        step.key
        for step in run.steps.filter(status=Step.Status.SUCCEEDED)
        if step.kind not in again and step.machine not in gone
    )


def step_row(run: Run, number: int, step: PlannedStep, usual_s: int | None, *, is_carried: bool) -> Step:
    return Step(
        run=run,
        number=number,
        key=step.key,
        kind=step.kind,
        machine=step.machine,
        title=step.title,
        usual_s=usual_s,
        status=Step.Status.SUCCEEDED if is_carried else Step.Status.WAITING,
        is_carried=is_carried,
    )


def cancel_run(run: Run, by: User) -> bool:
    """Ask the run to stop, or end it at once when no worker has it; False when it had ended."""
    now = timezone.now()
    sentence = f"Canceled by {by.username} before it began."
    with transaction.atomic():
        is_ended = run.move(
            Status.CANCELED, (Status.PENDING,), finished_at=now, sentence=sentence, cancel_requested_by=by
        )
        if is_ended:
            run.steps.filter(status=Step.Status.WAITING).update(status=Step.Status.SKIPPED)
    if is_ended:
        store.note(run.log_id, sentence)
        store.finish(run.log_id, Status.CANCELED)
        canceled = True
    else:
        waiting = Run.objects.filter(pk=run.pk, status=Status.RUNNING, cancel_requested_at=None)
        canceled = bool(waiting.update(cancel_requested_at=now, cancel_requested_by=by))
    if canceled:
        audit.record(by, "canceled run", str(run), lab_id=run.lab_id)
        announce_run(run)
    return canceled


def retry_run(run: Run, by: User) -> tuple[Run, bool]:
    """Go on at the first step that is not done, in a new run; or return the open run and False.

    Raises RunError where `retry_refusal` says why not.
    """
    newest = Run.objects.filter(lab=run.lab).order_by("-number")[0]
    if newest.is_open:
        return newest, False
    if refusal := retry_refusal(run, newest):
        raise RunError(refusal)
    try:
        with transaction.atomic():
            again = make_run(
                run.lab, Verb(run.verb), by, machine=run.machine, snapshot=run.snapshot, continues=run
            )
            audit.record(by, "retried run", str(run), lab_id=run.lab_id)
    except IntegrityError:
        open_run = Run.objects.filter(lab=run.lab, status__in=OPEN).first()
        if open_run is None:
            raise
        return open_run, False
    announce_run(again)
    return again, True


def announce_run(run: Run) -> None:
    live.announce({"type": "run.changed", "lab": run.lab_id, "run": run.pk})


def enqueue_forgotten(now: datetime, older_than_s: float) -> int:
    """Hand pending runs to their hosts again: Redis may have lost the message. Returns how many.

    The new messages expire: else those for a host whose worker is away for days would pile up.
    """
    forgotten = [
        run
        for run in Run.objects.filter(status=Status.PENDING).select_related("lab__host")
        if abs((now - run.requested_at).total_seconds()) > older_than_s
    ]
    for run in forgotten:
        enqueue("webapp.execute_run", run.pk, queue=run.lab.host.queue, expires_s=SENT_AGAIN_LIVES_S)
    return len(forgotten)
