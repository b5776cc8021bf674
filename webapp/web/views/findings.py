"""Known failures of a run's log, for the log viewer. Contract: docs/log-view.md."""

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from webapp.logs import store
from webapp.runs.findings import noise_lines
from webapp.runs.models import Run
from webapp.web.requests import Request, whole_number
from webapp.web.views.logs import json_answer, log_of

NOISE_LINES = 2_000  # looked through for one answer
FIELDS = ("line", "machine", "rule", "title", "explanation", "advice", "link")


@require_GET
def log_findings(request: Request, log_id: int) -> HttpResponse:
    """Answer the run's known failures, and which of `limit` lines after `after` are known noise."""
    runs = Run.objects.select_related("lab").prefetch_related("lab__members", "findings", "steps")
    run = runs.filter(log_id=log_of(request, log_id)).first()
    after = max(-1, whole_number(request.GET.get("after"), -1))
    limit = min(max(whole_number(request.GET.get("limit"), 0), 0), NOISE_LINES)
    # A build's log has none: what the compiler finds stands on the build's page.
    nothing = {"findings": [], "noise": [], "first": after + 1, "looked_at": limit}
    return json_answer(beside_the_lines(run, after, limit) if run else nothing)


def beside_the_lines(run: Run, after: int, limit: int) -> dict[str, object]:
    findings = [{name: getattr(finding, name) for name in FIELDS} for finding in run.findings.all()]
    lines = store.read(run.log_id, after, limit).lines if limit else []
    steps = {step.number: (step.name, "") for step in run.steps.all()}
    noise = noise_lines(after + 1, lines, steps)
    return {"findings": findings, "noise": noise, "first": after + 1, "looked_at": len(lines)}
