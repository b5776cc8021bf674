"""What the pages of bisects show."""

from dataclasses import dataclass

from django.http import Http404
from django.utils import timezone

from webapp.bisects import search
from webapp.bisects.checks import Check
from webapp.bisects.models import Bisect, Trial
from webapp.builds.queries import all_components, kit_components
from webapp.builds.sources import forge_link
from webapp.labs.access import can, require
from webapp.labs.models import Lab
from webapp.web.requests import Request

Context = dict[str, object]
MOST_LISTED = 100


@dataclass(frozen=True)
class TrialView:
    """One trial with the link to its commit."""

    trial: Trial
    link: str


@dataclass(frozen=True)
class Mark:
    """One commit on the strip: its verdict, "now" while it is tried, "out" when it needs no trial."""

    commit: str
    subject: str
    state: str


MOST_MARKS = 240


def see_bisect(request: Request, pk: int) -> Bisect:
    require(request.user, "build.see")
    found = Bisect.objects.select_related("lab__owner", "asked_by").filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such bisect.")
    require(request.user, "lab.see", found.lab)
    return found


def bisect_context(request: Request, bisect: Bisect) -> Context:
    trials = list(bisect.trials.select_related("build", "run").order_by("-number"))
    for trial in trials:
        trial.bisect = bisect
    verdicts = {trial.position: trial.verdict for trial in trials if trial.verdict}
    count = len(bisect.commits)
    return {
        "bisect": bisect,
        "check": Check.from_json(bisect.trial_check),
        "trials": [TrialView(trial, forge_link(bisect.url, trial.commit)) for trial in trials],
        "marks": marks(bisect, verdicts, trials[0] if trials else None),
        "left": search.trials_left(count, verdicts, tries_ends=bisect.tries_ends) if count else None,
        "first_bad_link": forge_link(bisect.url, bisect.first_bad) if bisect.first_bad else "",
        "may_cancel": bisect.is_open and can(request.user, "lab.operate", bisect.lab),
        "now": timezone.now(),
    }


def marks(bisect: Bisect, verdicts: dict[int, str], newest: Trial | None) -> list[Mark]:
    """Return the strip of commits; none where there are too many to see one."""
    count = len(bisect.commits)
    if not count or count > MOST_MARKS:
        return []
    good, bad = search.bounds(count, verdicts)
    tried = newest.position if newest is not None and not newest.verdict else None

    def state(position: int) -> str:
        if position == tried:
            return "now"
        return verdicts.get(position, "open" if good < position < bad else "out")

    return [
        Mark(commit["commit"][:12], commit["subject"], state(position))
        for position, commit in enumerate(bisect.commits)
    ]


def operable_labs(request: Request) -> list[Lab]:
    """Return the running labs that this person may change."""
    rows = Lab.objects.filter(destroyed_at=None).select_related("owner").prefetch_related("members")
    return [lab for lab in rows.order_by("name") if can(request.user, "lab.operate", lab)]


def component_names() -> list[str]:
    return list(all_components())


def first_url() -> str:
    return kit_components()[0].repository


def listed_bisects() -> list[Bisect]:
    return list(Bisect.objects.select_related("lab", "asked_by")[:MOST_LISTED])
