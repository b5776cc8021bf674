"""Carry out the steps of an injection: called by the walker of `runs`, through `tasks`.

Each kit step gets inputs/MACHINE/injection.json right before it and loses it right after; the binary itself
is served on the lab's network (runs.serving), to the step that brings it only.
"""

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from webapp.builds.artifacts import path_of
from webapp.catalog import library
from webapp.cluster.guests import GuestError, run_in
from webapp.downloads.cache import Cached
from webapp.inject.answers import Answers, parse_answers
from webapp.inject.flaglint import FlagFinding, Table, lint
from webapp.inject.models import Injection
from webapp.inject.states import note_end, note_start, short
from webapp.labs.actions import lab_folder
from webapp.planning.plan import StepKind
from webapp.runs import serving
from webapp.runs.inputs import write_secret
from webapp.runs.models import Step
from webapp.runs.outcome import Outcome, StepContext
from webapp.runs.steps import StepKinds, vagrant_step

logger = logging.getLogger(__name__)

ASK_S = 90.0
REFUSED = (
    "Nothing was stopped: {count} of the service's flags do not fit the new binary. {first} "
    "A lab's owner may inject it all the same."
)

# In place of Vagrant's words for a script that ended with another code than 0.
FAILED = {
    "inject-prepare": "{component} could not be brought or the old one not be kept; the log says why.",
    "inject-replace": "{component} could not be replaced; the log says why.",
    "inject-start": "The new {component} does not come up; its last lines are in the log.",
    "inject-back": "The old {component} is not running again either; the log says why.",
}


class CannotServe(Exception):
    """The binary cannot be brought; a sentence."""


def kit_step(context: StepContext) -> Outcome:
    """Run one provisioner of the kit with what it needs to know, and note what came of it."""
    injection = injection_of(context)
    name = context.step.with_
    if not kit_has(lab_folder(context.lab), context.step.machine, name):
        sentence = "This lab was launched with a kit that could not inject yet; launch its definition again."
        return Outcome.failed(sentence, "old-kit")
    note_start(injection, name)
    try:
        with laid_out(context, injection):
            outcome = vagrant_step(context)
    except (CannotServe, OSError) as error:
        outcome = Outcome.failed(str(error), "serve")
    outcome = worded(outcome, injection, name)
    note_end(injection, name, is_done=outcome.status == Step.Status.SUCCEEDED, now=timezone.now())
    return outcome


def injection_of(context: StepContext) -> Injection:
    return Injection.objects.select_related("artifact", "lab").get(pk=context.step.about or 0)


def kit_has(folder: Path, machine: str, name: str) -> bool:
    """Tell whether the kit that the lab is pinned to has this step."""
    machines = json.loads((folder / "lab.json").read_text(encoding="utf-8"))["machines"]
    return any(one["name"] == machine and any(s["name"] == name for s in one["steps"]) for one in machines)


@contextmanager
def laid_out(context: StepContext, injection: Injection) -> Iterator[None]:
    """Lay the step's input for one machine, and take it away in any case."""
    place = lab_folder(context.lab) / "inputs" / injection.machine
    try:
        write_secret(place / "injection.json", input_of(context, injection))
        yield
    finally:
        shutil.rmtree(place, ignore_errors=True)


def input_of(context: StepContext, injection: Injection) -> dict[str, Any]:  # Any: the JSON edge
    """Return what the guest's scripts read; `url` only for the step that brings the binary."""
    brings = context.step.with_.endswith("-prepare")
    return {
        "id": injection.pk,
        "component": injection.component,
        "path": injection.path,
        "sha256": injection.sha256,
        "version": injection.version,
        "url": serve(context, injection) if brings else "",
        "runner": injection.runner,
        "lock_s": settings.LAB_INJECT_LOCK_S,
        "settle_s": settings.LAB_INJECT_SETTLE_S,
    }


def serve(context: StepContext, injection: Injection) -> str:
    """Offer the binary until the run ends; "" for one that only the machine has kept."""
    if injection.artifact is None or injection.artifact.removed_at is not None:
        if injection.kind == Injection.Kind.INJECT:
            raise CannotServe("The binary is not kept any more; build or fetch it again.")
        return ""
    file = Cached(path_of(injection.sha256), injection.sha256)
    if not file.path.is_file():
        raise CannotServe("The binary is not on this lab host; builds and labs have to share ARTIFACT_DIR.")
    try:
        return serving.offer(context.run.pk, lab_folder(context.lab), file, injection.component)
    except OSError as error:
        raise CannotServe(f"The binary cannot be served to {injection.machine}: {error}.") from error


def worded(outcome: Outcome, injection: Injection, name: str) -> Outcome:
    """Say what became of the machine, in place of Vagrant's words."""
    is_done = outcome.status == Step.Status.SUCCEEDED
    if is_done and name.endswith("-back"):
        return replace(outcome, sentence=f"The old {injection.component} is back on {injection.machine}.")
    if is_done and name.endswith("-start"):
        return replace(outcome, sentence=f"{injection.component} {injection.sha256[:12]} is in place.")
    if outcome.status == Step.Status.FAILED and outcome.exit_code:
        return replace(outcome, sentence=FAILED[short(name)].format(component=injection.component))
    return outcome


# -- the flag lint ----------------------------------------------------------------------


def lint_step(context: StepContext) -> Outcome:
    """Read what the guest wrote down; an error ends the run here, unless somebody forced it."""
    injection = injection_of(context)
    try:
        answers = ask(context, injection)
    except GuestError as error:
        return Outcome.failed(f"{injection.machine} did not tell its flags: {error}", "lint-ask")
    findings = lint(injection.component, injection.version, answers, table_of(injection.component))
    Injection.objects.filter(pk=injection.pk).update(
        before_sha256=answers.before[:64], findings=[finding.to_json() for finding in findings]
    )
    for finding in findings:
        context.note(f"{finding.level}: {finding.text} {finding.advice}".strip())
    return verdict(findings, is_forced=injection.is_forced)


def verdict(findings: tuple[FlagFinding, ...], *, is_forced: bool) -> Outcome:
    errors = [finding for finding in findings if finding.level == "error"]
    if errors and not is_forced:
        first = f"{errors[0].text} {errors[0].advice}"
        return Outcome.failed(REFUSED.format(count=len(errors), first=first), "lint " + errors[0].flag)
    if errors:
        return Outcome.succeeded(f"{len(errors)} of the flags do not fit; it was forced.")
    return Outcome.succeeded(f"{len(findings)} warnings." if findings else "All flags in use fit.")


def ask(context: StepContext, injection: Injection) -> Answers:
    """Read the answers file of the guest. Raises GuestError."""
    machine = context.lab.machines.get(name=injection.machine)
    name = f"{injection.component}.answers"
    command = (
        f"Get-Content -Raw -LiteralPath 'C:\\labkit\\state\\inject\\{name}'"
        if machine.is_windows
        else f"sudo cat /var/lib/labkit/state/inject/{name}"
    )
    done = run_in(context.lab, machine, command, timeout_s=ASK_S)
    if done.code != 0 or "=== help" not in done.output:
        raise GuestError(" ".join((done.errors or done.output).split())[:200] or "it said nothing")
    return parse_answers(done.output)


def table_of(component: str) -> Table:
    versions = library.versions(Path(settings.ENVIRONMENTS_DIR))
    return Table(versions.flags.get(component, {}), versions.gates)


INJECT_KINDS: StepKinds = {StepKind.INJECT: kit_step, StepKind.LINT: lint_step}
