"""What the pages of injections show: panels, choices, and why a button is off."""

from django.utils import timezone

from webapp.builds.models import Artifact
from webapp.builds.sources import forge_link
from webapp.inject.models import Injection
from webapp.inject.passports import Passport
from webapp.inject.queries import injections_of, last_injections, passports, targets
from webapp.inject.runners import Runner
from webapp.labs.access import can
from webapp.labs.models import Lab, Machine
from webapp.labs.queries import whole_labs
from webapp.runs.models import Run
from webapp.web.forms_inject import ChooseBinaryForm
from webapp.web.requests import Request

Context = dict[str, object]
KINDS = {"as-meant": "ready", "drift": "failed", "missing": "failed", "unknown": "unknown", "unused": "off"}
WORDS = {
    "as-meant": "as meant",
    "drift": "not as meant",
    "missing": "missing",
    "unknown": "unknown",
    "unused": "nobody runs it",
}
STATE_KINDS = {
    Injection.State.ASKED: "waiting",
    Injection.State.CHANGING: "working",
    Injection.State.IN_PLACE: "ready",
    Injection.State.BACK: "attention",
    Injection.State.BROKEN: "failed",
    Injection.State.TAKEN_OUT: "off",
}


def refusal_of(request: Request, lab: Lab) -> str:
    """Say why nothing can be put into this lab by this person; "" if it can."""
    if lab.destroyed_at is not None:
        return "The lab has been destroyed."
    return "" if can(request.user, "lab.operate", lab) else "You may look at this lab, not operate it."


def panel_context(request: Request, lab: Lab) -> Context:
    """Return each machine's panel, the alarm, and the last injections."""
    panels = passports(lab)
    return {
        "lab": lab,
        "panels": [(panel, rows_of(panel)) for panel in panels],
        "alarms": [(panel.machine.name, row) for panel in panels for row in panel.alarms],
        "injections": [(row, STATE_KINDS[Injection.State(row.state)]) for row in last_injections(lab)],
        "refusal": refusal_of(request, lab),
        "now": timezone.now(),
    }


def rows_of(panel: Passport) -> list[Context]:
    """Put the look of each row beside it."""
    return [
        {
            "row": row,
            "kind": KINDS[row.verdict],
            "word": WORDS[row.verdict],
            "can_replace": row.runner.kind != "unused",
        }
        for row in panel.rows
    ]


def choose_context(
    request: Request, lab: Lab, machine: Machine, component: str, form: ChooseBinaryForm
) -> Context:
    return {
        "lab": lab,
        "machine": machine,
        "component": component,
        "form": form,
        "offered": [(artifact, link_of(artifact)) for artifact in form.offered],
        "force_refusal": "" if can(request.user, "lab.force", lab) else "only the lab's owner may",
    }


def link_of(artifact: Artifact) -> str:
    build = artifact.build
    return forge_link(build.url, build.commit) if build is not None and build.commit else ""


def artifact_context(request: Request, artifact: Artifact) -> Context:
    """Return the labs that the person operates, with what each machine would say to this binary."""
    labs = [lab for lab in whole_labs().filter(destroyed_at=None) if can(request.user, "lab.operate", lab)]
    return {
        "artifact": artifact,
        "targets": [
            (lab, found, can(request.user, "lab.force", lab)) for lab, found in targets(labs, artifact)
        ],
    }


def run_injections(run: Run) -> list[Context]:
    """Return what a run puts in or takes out, for its page; nothing for other runs, without a query."""
    if run.verb not in ("inject", "roll-back"):
        return []
    return [
        {
            "injection": row,
            "kind": STATE_KINDS[Injection.State(row.state)],
            "runner": Runner.from_json(row.runner),
        }
        for row in injections_of(run)
    ]
