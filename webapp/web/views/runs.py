"""A run's page, its fragments, cancel and retry; the outline of a run's log."""

import re

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from webapp.executions.models import Status
from webapp.labs.access import can, require
from webapp.labs.verbs import right_to
from webapp.logs import store
from webapp.logs.outline import read_outline
from webapp.planning.plan import PlanError
from webapp.runs.actions import RunError, cancel_run, retry_run
from webapp.runs.models import Run
from webapp.runs.queries import RunPage, run_page
from webapp.web.pages_inject import run_injections
from webapp.web.requests import Request, whole_number
from webapp.web.views.logs import json_answer, log_of

PLAIN_LINES = 200  # a page of the log for browsers without JavaScript
COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
PAIRED_ON = (Status.FAILED, Status.INTERRUPTED)
Context = dict[str, object]


@require_GET
def run(request: Request, slug: str, number: int) -> HttpResponse:
    page = see_run(request, slug, number)
    return render(request, "runs/detail.html", {**context(request, page), **plain_log(request, page)})


@require_GET
def run_head(request: Request, slug: str, number: int) -> HttpResponse:
    return render(request, "runs/_head.html", context(request, see_run(request, slug, number)))


@require_GET
def run_steps(request: Request, slug: str, number: int) -> HttpResponse:
    return render(request, "runs/_steps.html", context(request, see_run(request, slug, number)))


@require_POST
def run_cancel(request: Request, slug: str, number: int) -> HttpResponse:
    """Ask the run to stop; for one that has ended this changes nothing."""
    page = see_run(request, slug, number)
    require(request.user, "lab.operate", page.lab)
    if cancel_run(page.run, request.user):
        messages.success(request, f"Run #{number} was asked to stop.")
    else:
        messages.info(request, page.cancel_refusal or "The run has ended.")
    return redirect("run", slug, number)


@require_POST
def run_retry(request: Request, slug: str, number: int) -> HttpResponse:
    """Go on where the run stopped, in a new run; leads to that run, or to the open one."""
    page = see_run(request, slug, number)
    require(request.user, right_to(page.run.verb), page.lab)
    try:
        again, is_new = retry_run(page.run, request.user)
    except (RunError, PlanError) as error:
        messages.error(request, str(error))
        return redirect("run", slug, number)
    if not is_new:
        messages.info(request, f"Run #{again.number} is open already; this is it.")
    return redirect("run", slug, again.number)


@require_GET
def log_outline(request: Request, log_id: int) -> HttpResponse:
    """Answer {"first", "runs": [[count, step, machine], …], "count"}: see docs/log-view.md."""
    outline = read_outline(log_of(request, log_id), whole_number(request.GET.get("after"), -1))
    runs = [tuple(run) for run in outline.runs]
    return json_answer({"first": outline.first, "runs": runs, "count": outline.line_count})


def see_run(request: Request, slug: str, number: int) -> RunPage:
    """Return the page's data if the person may see the lab; raises Http404 and PermissionDenied."""
    try:
        page = run_page(slug, number, timezone.now())
    except Run.DoesNotExist as error:
        raise Http404("There is no such run.") from error
    require(request.user, "lab.see", page.lab)
    return page


def context(request: Request, page: RunPage) -> Context:
    """Say what the templates need, with the reasons why a button is off."""
    refusal = (
        "" if can(request.user, "lab.operate", page.lab) else "You may look at this lab, not operate it."
    )
    return {
        "page": page,
        "run": page.run,
        "lab": page.lab,
        "steps": page.steps,
        "now": timezone.now(),
        "is_host_silent": not page.lab.host.is_seen(timezone.now()),
        "cancel_refusal": refusal or page.cancel_refusal,
        "retry_refusal": refusal or no_right_to_retry(request, page) or page.retry_refusal,
        "may_pair": may_pair(request, page),
        "injections": run_injections(page.run),
        "inject_refusal": refusal,
    }


def no_right_to_retry(request: Request, page: RunPage) -> str:
    """Say why somebody who may operate the lab may not retry this run; "" if they may."""
    if can(request.user, right_to(page.run.verb), page.lab):
        return ""
    return "Only the lab's owner and administrators destroy."


def may_pair(request: Request, page: RunPage) -> bool:
    """Tell whether a pairing on this run's failure is offered."""
    is_failure = page.run.status in PAIRED_ON and page.lab.destroyed_at is None
    return is_failure and can(request.user, "lab.pair", page.lab)


def plain_log(request: Request, page: RunPage) -> Context:
    """Read the page of lines that is shown without JavaScript: the last ones, or those after `?after=`."""
    log = page.run.log
    newest = max(-1, log.line_count - PLAIN_LINES - 1)
    after = max(-1, min(whole_number(request.GET.get("after"), newest), newest))
    read = store.read(log.pk, after, PLAIN_LINES)
    return {
        "log": log,
        "plain_lines": [
            (machine, stream, COLOURS.sub("", text)) for _, _, machine, stream, text in read.lines
        ],
        "older_after": max(-1, after - PLAIN_LINES) if after >= 0 else None,
        "newer_after": after + PLAIN_LINES if after < newest else None,
    }
