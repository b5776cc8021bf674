"""Known failures of a run's log, for the log viewer. Contract: docs/log-view.md."""

import re

import orjson
from django.http import HttpResponse
from django.views.decorators.http import require_GET

from webapp.logs import store
from webapp.runs.findings import noise_lines
from webapp.runs.models import Run
from webapp.web.requests import Request
from webapp.web.views.logs import log_of

NOISE_LINES = 2_000  # looked through for one answer
FIELDS = ("line", "machine", "rule", "title", "explanation", "advice", "link")


@require_GET
def log_findings(request: Request, log_id: int) -> HttpResponse:
    """Answer the run's known failures, and which of `limit` lines after `after` are known noise."""
    runs = Run.objects.select_related("lab").prefetch_related("lab__members", "findings", "steps")
    run = runs.filter(log_id=log_of(request, log_id)).first()
    after = max(-1, number(request.GET.get("after", ""), -1))
    limit = min(number(request.GET.get("limit", ""), 0), NOISE_LINES)
    # A build's log has none: what the compiler finds stands on the build's page.
    nothing = {"findings": [], "noise": [], "first": after + 1, "looked_at": limit}
    body = orjson.dumps(beside_the_lines(run, after, limit) if run else nothing)
    return HttpResponse(body, content_type="application/json", headers={"Cache-Control": "no-store"})


def beside_the_lines(run: Run, after: int, limit: int) -> dict[str, object]:
    findings = [{name: getattr(finding, name) for name in FIELDS} for finding in run.findings.all()]
    lines = store.read(run.log_id, after, limit).lines if limit else []
    steps = {step.number: (step.name, "") for step in run.steps.all()}
    noise = noise_lines(after + 1, lines, steps)
    return {"findings": findings, "noise": noise, "first": after + 1, "looked_at": len(lines)}


def number(text: str, default: int) -> int:
    """Read a number out of an address; rubbish counts as none given."""
    return int(text) if re.fullmatch(r"\d{1,15}", text, re.ASCII) else default
