"""The palette: labs, runs, definitions and verbs that fit what was typed."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from webapp.labs.access import can, require
from webapp.labs.queries import find_definitions, find_labs, labs_named
from webapp.labs.verbs import LABELS
from webapp.planning.plan import Verb
from webapp.runs.overview import LabView, newest_open_runs, views_of
from webapp.web.pages_labs import lab_offers
from webapp.web.requests import Request

LIMIT = 6
# Those that need nothing more than the lab's name; a snapshot's name is typed on the lab's page.
VERBS = {verb: label.lower() for verb, label in LABELS.items() if not verb.startswith("snapshot-")}


@require_GET
def palette(request: Request) -> HttpResponse:
    require(request.user, "lab.list")
    text = request.GET.get("q", "").strip()
    verb, lab_text = split_verb(text)
    found = labs_named(request.user, lab_text) if verb else find_labs(request.user, text=text)
    labs = views_of(found.values_list("pk", flat=True)[:LIMIT])
    is_limited = bool(verb) or not can(request.user, "lab.see")  # a guest finds their own labs only
    context = {
        "labs": labs,
        "commands": [command for view in labs for command in commands(view, request, verb)][:LIMIT],
        "runs": [] if is_limited else newest_open_runs(text, LIMIT),
        "definitions": [] if is_limited else find_definitions(text, LIMIT),
        "text": text,
    }
    return render(request, "_palette.html", context)


def split_verb(text: str) -> tuple[Verb | None, str]:
    """Split "halt calico" into the verb and the rest; a word that is no verb is all rest."""
    word, _, rest = text.partition(" ")
    for verb, label in VERBS.items():
        if word and word.lower() in (label, str(verb)):
            return verb, rest.strip()
    return None, text


def commands(view: LabView, request: Request, verb: Verb | None) -> list[dict[str, object]]:
    """Offer the typed verb on a lab, with the reason if it is not possible."""
    return [
        {"lab": view.lab, "offer": offer} for offer in lab_offers(view, request.user) if offer.verb == verb
    ]
