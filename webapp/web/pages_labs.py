"""What the templates of the labs pages are given: queries and rights put together."""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone

from webapp.accounts.models import User
from webapp.catalog import library
from webapp.catalog.compatibility import Finding, can_launch, check
from webapp.catalog.spec import LabSpec
from webapp.cluster.queries import stuck_lines
from webapp.definitions.models import Revision
from webapp.executions.models import Status
from webapp.hosts.models import Host
from webapp.labs.access import can, require
from webapp.labs.actions import LaunchError, choose_provider, lab_folder
from webapp.labs.connect import Way, ways
from webapp.labs.models import REHEARSAL, Lab
from webapp.labs.queries import find_labs, whole_labs
from webapp.labs.verbs import Circumstances, Offer, offers, reasons
from webapp.pairing import presence
from webapp.planning.plan import Verb
from webapp.runs.models import Run
from webapp.runs.overview import LabView, lab_view, last_lines, overview, snapshots_of
from webapp.runs.timeline import Bar, timeline
from webapp.web.forms_labs import GuestForm, LaunchForm
from webapp.web.pages_pairing import panel_context
from webapp.web.requests import Request

Context = dict[str, object]
MOST_TOPICS = 8  # of one live socket
KINDS = ("ready", "working", "waiting", "attention", "failed", "unknown")
SNAPSHOT_VERBS = (Verb.SNAPSHOT_SAVE, Verb.SNAPSHOT_RESTORE, Verb.SNAPSHOT_DELETE)
MACHINE_VERBS = (Verb.UP, Verb.HALT, Verb.RELOAD, Verb.SUSPEND, Verb.RESUME, Verb.PROVISION, Verb.DESTROY)


def find_lab(request: Request, slug: str, action: str) -> Lab:
    """Return a lab the person may do `action` on; Http404, PermissionDenied with the reason."""
    lab = get_object_or_404(whole_labs(), slug=slug)
    require(request.user, action, lab)
    return lab


def see_lab(request: Request, slug: str) -> LabView:
    """Return a lab with its newest run, for somebody who may see it."""
    try:
        found = lab_view(slug)
    except Lab.DoesNotExist as error:
        raise Http404(f"There is no lab {slug}.") from error
    require(request.user, "lab.see", found.lab)
    return found


def labs_context(request: Request) -> Context:
    """The labs that the address asks for: q, kind, mine, destroyed, page."""
    asked = {name: request.GET.get(name, "").strip() for name in ("q", "kind", "mine", "destroyed")}
    kind = asked["kind"] if asked["kind"] in KINDS else ""
    labs = find_labs(
        request.user, text=asked["q"], is_mine=bool(asked["mine"]), is_destroyed=bool(asked["destroyed"])
    )
    shown = overview(labs, kind, request.GET.get("page", 1))
    counters = [
        (name, shown.counts[name], address(asked, kind=name)) for name in KINDS if name in shown.counts
    ]
    return {
        "shown": shown,
        "cards": cards_of(shown.labs),
        "asked": {**asked, "kind": kind},
        "counters": counters,
        "links": {
            "all": address(asked, kind=""),
            "mine": address(asked, mine="" if asked["mine"] else "1"),
            "destroyed": address(asked, destroyed="" if asked["destroyed"] else "1", kind=""),
            "page": address(asked) + "&page=",
        },
        "may_launch": can(request.user, "lab.launch"),
        "people": presence.people_on(view.lab.pk for view in shown.labs),
        "topics": topics_of(request.user, [view.lab for view in shown.labs]),
        "is_filtered": any(asked.values()),
    }


def cards_of(views: Sequence[LabView]) -> list[Context]:
    """Put beside each lab where its cluster stands, in one line. Two queries, however many labs.

    While a run is at work its steps are the news: a machine that it boots is not stuck.
    """
    lines = stuck_lines([view.lab for view in views if view.lab.destroyed_at is None])
    return [{"view": view, "stuck": "" if view.open_run else lines.get(view.lab.pk, "")} for view in views]


def topics_of(user: User, labs: list[Lab]) -> str:
    """What the page listens to: a guest hears of the labs they see, not of the list."""
    if can(user, "lab.see"):
        return "labs"
    return ",".join(f"lab-{lab.pk}" for lab in labs[:MOST_TOPICS])


def address(asked: dict[str, str], **changes: str) -> str:
    """Write a filter as an address; "?" when nothing is filtered."""
    return "?" + urlencode({name: value for name, value in {**asked, **changes}.items() if value})


def circumstances(view: LabView, user: User, states: list[str]) -> Circumstances:
    run = view.open_run
    return Circumstances(
        provider=view.lab.provider,
        states=states,
        open_run=f"#{run.number} {run.verb}" if run else "",
        may_operate=can(user, "lab.operate", view.lab),
        may_destroy=can(user, "lab.destroy", view.lab),
        is_destroyed=view.lab.destroyed_at is not None,
        held_for=view.lab.held_for,
    )


def pick(found: list[Offer], verbs: tuple[Verb, ...]) -> list[Offer]:
    return [offer for offer in found if offer.verb in verbs]


def lab_offers(view: LabView, user: User) -> list[Offer]:
    return offers(circumstances(view, user, [one.machine.state for one in view.machines]))


def head_context(view: LabView, user: User) -> Context:
    found = pick(lab_offers(view, user), MACHINE_VERBS)
    return {
        "view": view,
        "lab": view.lab,
        "offers": found,
        "reasons": reasons(found),
        "may_operate": can(user, "lab.operate", view.lab),
        "may_connect": can(user, "lab.connect", view.lab),
        "main": main_verb(view),
        "is_host_silent": not view.lab.host.is_seen(timezone.now()),
    }


def main_verb(view: LabView) -> str:
    """The next sensible thing: watch, retry, resume, start, connect; "" for a destroyed lab."""
    if view.lab.destroyed_at is not None:
        return ""
    if view.open_run is not None:
        return "watch"
    if view.newest is not None and view.newest.status != "succeeded":
        return "retry"
    states = {one.machine.state for one in view.machines}
    if states and states <= {"saved", "suspended", "paused"}:
        return "resume"
    return "connect" if view.state.kind == "ready" else "up"


def machines_context(view: LabView, user: User) -> Context:
    rows = []
    for one in view.machines:
        found = pick(offers(circumstances(view, user, [one.machine.state])), MACHINE_VERBS)
        rows.append({"seen": one, "machine": one.machine, "offers": found, "reasons": reasons(found)})
    # A reason that holds for all machines is said once, above them.
    common = {offer.reason for row in rows for offer in row["offers"]}  # type: ignore[attr-defined]  # a list of Offer
    return {"view": view, "lab": view.lab, "rows": rows, "common": common.pop() if len(common) == 1 else ""}


def run_context(view: LabView) -> Context:
    now = timezone.now()
    done, bars = folded(timeline(view.steps, now), view.newest)
    return {
        "view": view,
        "lab": view.lab,
        "run": view.newest,
        "done_bars": done,
        "bars": bars,
        "lines": last_lines(view.newest),
        "now": now,
    }


def folded(bars: list[Bar], run: Run | None) -> tuple[list[Bar], list[Bar]]:
    """Split a failed run's bars into what was done, folded away, and what one wants to see at once."""
    if run is None or run.status != Status.FAILED:
        return [], bars
    return [bar for bar in bars if bar.look == "is-done"], [bar for bar in bars if bar.look != "is-done"]


def lab_context(view: LabView, user: User) -> Context:
    """Everything the whole page shows; its fragments get their part of it."""
    lab = view.lab
    snapshots = pick(lab_offers(view, user), SNAPSHOT_VERBS)
    return {
        **run_context(view),
        **machines_context(view, user),
        **head_context(view, user),
        **panel_context(user, lab),
        "snapshot_offers": snapshots,
        "snapshot_reasons": reasons(snapshots),
        "snapshots": snapshots_of(lab),
        "may_share": can(user, "lab.share", lab),
        "guest_form": GuestForm(lab) if can(user, "lab.share", lab) else None,
        "ways": connect_ways(lab) if can(user, "lab.connect", lab) and not lab.is_rehearsal else [],
    }


def connect_ways(lab: Lab) -> list[Way]:
    return ways(
        list(lab.machines.all()),
        folder=lab_folder(lab),
        vagrant_home=Path(settings.LAB_VAGRANT_HOME),
        host=lab.host.name,
    )


def will_be_made(form: LaunchForm) -> Context | None:
    """What the choices so far would make; None while there is no definition or no host."""
    revision = selected(form, "revision")
    host = selected(form, "host")
    if not isinstance(revision, Revision) or not isinstance(host, Host):
        return None
    spec = LabSpec.from_json(revision.spec)
    findings = check_spec(spec)
    try:
        provider, problem = choose_provider(spec, host, form["provider"].value() or ""), ""
    except LaunchError as error:
        provider, problem = "", str(error)
    return {
        "revision": revision,
        "spec": spec,
        "host": host,
        "is_seen": host.is_seen(timezone.now()),
        "memory_mib": sum(machine.memory_mib for machine in spec.machines),
        "provider": provider,
        "is_rehearsal": provider == REHEARSAL,
        "problem": problem,
        "findings": [finding for finding in findings if finding.level != "fine"],
        "is_refused": not can_launch(findings),
    }


def check_spec(spec: LabSpec) -> tuple[Finding, ...]:
    """Hold the spec against the kit's versions, as the launch itself does."""
    return check(spec, library.versions(Path(settings.ENVIRONMENTS_DIR)))


def selected(form: LaunchForm, name: str) -> Model | None:
    """Return what a choice points at, whether the form was sent or not."""
    value = form[name].value()
    if not re.fullmatch(r"\d{1,18}", str(value or ""), re.ASCII):
        return None
    queryset: QuerySet[Model] = form.fields[name].queryset  # type: ignore[attr-defined]  # a ModelChoiceField
    return queryset.filter(pk=value).first()
