"""Labs together with what runs on them: the labs page, a lab's page, the palette.

A page costs a fixed number of queries, however many labs and runs there are: the
newest run of each lab comes from the index (lab, number).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, Prefetch, QuerySet, Subquery

from webapp.executions.models import Status
from webapp.labs.models import Lab, Machine
from webapp.labs.queries import whole_labs
from webapp.labs.state import LabState, RunSeen, judge_lab, judge_machine
from webapp.logs import store
from webapp.planning.plan import Verb
from webapp.runs.findings import FindingRow, finding_rows
from webapp.runs.models import Run, Step

LABS_A_PAGE = 24
RUNS_A_PAGE = 15
TAIL_LINES = 12
MOST_FINDINGS = 3  # on a lab; all of them are on its run


@dataclass(frozen=True)
class MachineView:
    """A machine and how it is doing; `step` is what a run does on it right now."""

    machine: Machine
    state: LabState
    step: str = ""


@dataclass(frozen=True)
class LabView:
    """A lab, how it is doing and what happens on it. `newest` is its newest run."""

    lab: Lab
    state: LabState
    machines: list[MachineView]
    newest: Run | None
    steps: list[Step] = field(default_factory=list)
    is_launched: bool = False
    findings: tuple[FindingRow, ...] = ()  # of the newest run, while it has not succeeded

    @property
    def open_run(self) -> Run | None:
        return self.newest if self.newest is not None and self.newest.is_open else None

    @property
    def running_steps(self) -> list[Step]:
        return [step for step in self.steps if step.status == Step.Status.RUNNING]


@dataclass(frozen=True)
class Overview:
    """One page of labs, and how many of all found labs are in each state."""

    page: Page[int]
    labs: list[LabView]
    counts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def newest_runs() -> QuerySet[Run]:
    return Run.objects.filter(lab=OuterRef("pk")).order_by("-number")


def launched_runs() -> QuerySet[Run]:
    """Runs that set a lab up; the first run of a lab is one as a rule, so the look is short."""
    verbs = (Verb.LAUNCH, Verb.PROVISION)
    return Run.objects.filter(lab=OuterRef("pk"), verb__in=verbs, machine="", status=Status.SUCCEEDED)


def overview(found: QuerySet[Lab], kind: str, page_number: int | str) -> Overview:
    """Count the labs by state and show one page of those of `kind` ("" = all)."""
    kinds = kinds_of(found)
    chosen = [lab_id for lab_id, its_kind in kinds.items() if kind in ("", its_kind)]
    page = Paginator(chosen, LABS_A_PAGE).get_page(page_number)
    return Overview(page, views_of(page.object_list), dict(Counter(kinds.values())))


def kinds_of(found: QuerySet[Lab]) -> dict[int, str]:
    """Judge every lab found, newest first, from two narrow queries."""
    states: dict[int, list[str]] = {}
    for lab_id, state in Machine.objects.filter(lab__in=found.order_by()).values_list("lab_id", "state"):
        states.setdefault(lab_id, []).append(state)
    rows = found.annotate(
        newest_status=Subquery(newest_runs().values("status")[:1]), is_launched=Exists(launched_runs())
    ).values_list("pk", "newest_status", "is_launched", "destroyed_at")
    return {
        pk: judge_lab(
            states.get(pk, []),
            RunSeen("", status) if status else None,
            is_launched=is_launched,
            is_destroyed=destroyed_at is not None,
        ).kind
        for pk, status, is_launched, destroyed_at in rows
    }


def views_of(lab_ids: Iterable[int]) -> list[LabView]:
    """Load labs whole, in the order of `lab_ids`, with their newest runs and those runs' steps."""
    ids = list(lab_ids)
    labs = (
        whole_labs()
        .filter(pk__in=ids)
        .annotate(newest_id=Subquery(newest_runs().values("pk")[:1]), is_launched=Exists(launched_runs()))
    )
    found = {lab.pk: lab for lab in labs}
    runs = runs_with_steps(lab.newest_id for lab in found.values() if lab.newest_id)
    return [
        view_of(found[pk], runs.get(found[pk].newest_id), found[pk].is_launched) for pk in ids if pk in found
    ]


def runs_with_steps(run_ids: Iterable[int]) -> dict[int, Run]:
    steps = Prefetch("steps", Step.objects.order_by("number"))
    runs = Run.objects.filter(pk__in=list(run_ids)).select_related("requested_by")
    runs = runs.prefetch_related(steps, "findings")
    return {run.pk: run for run in runs}


def view_of(lab: Lab, newest: Run | None, is_launched: bool) -> LabView:
    """Judge a loaded lab and its machines."""
    steps = list(newest.steps.all()) if newest is not None else []
    busy = {step.machine: step.title for step in steps if step.status == Step.Status.RUNNING}
    machines = [
        MachineView(
            machine,
            judge_machine(
                machine.state,
                is_launched=is_launched,
                is_busy=machine.name in busy,
                is_run_open=newest is not None and newest.is_open,
            ),
            busy.get(machine.name, ""),
        )
        for machine in lab.machines.all()
    ]
    state = judge_lab(
        [machine.state for machine in lab.machines.all()],
        run_seen(newest, steps),
        is_launched=is_launched,
        is_destroyed=lab.destroyed_at is not None,
    )
    return LabView(lab, state, machines, newest, steps, is_launched, news_of(newest))


def news_of(run: Run | None) -> tuple[FindingRow, ...]:
    """Return what was found in a run that has not succeeded, beyond what its sentence says already."""
    if run is None or run.status == Status.SUCCEEDED:
        return ()
    found = finding_rows(run.findings.all())
    return tuple(finding for finding in found if finding.title not in run.sentence)[:MOST_FINDINGS]


def run_seen(run: Run | None, steps: Iterable[Step]) -> RunSeen | None:
    if run is None:
        return None
    doing = [
        f"{step.machine}: {step.title}".removeprefix(": ")
        for step in steps
        if step.status == Step.Status.RUNNING
    ]
    return RunSeen(run.verb, run.status, run.sentence, run.machine, "; ".join(doing))


def lab_view(slug: str) -> LabView:
    """Load one lab; raises Lab.DoesNotExist."""
    lab = whole_labs().annotate(is_launched=Exists(launched_runs())).get(slug=slug)
    runs = lab.runs.select_related("requested_by", "log").prefetch_related("steps", "findings")
    return view_of(lab, runs.order_by("-number").first(), lab.is_launched)


def run_history(lab: Lab, page_number: int | str) -> Page[Run]:
    runs = lab.runs.select_related("requested_by").order_by("-number")
    return Paginator(runs, RUNS_A_PAGE).get_page(page_number)


def last_lines(run: Run | None) -> list[tuple[str, str, str]]:
    """Return the machine, stream and text of the newest lines of a run's log, oldest first."""
    if run is None:
        return []
    page = store.read(run.log_id, after=max(-1, run.log.line_count - TAIL_LINES - 1), limit=TAIL_LINES)
    return [(machine, stream, text) for _, _, machine, stream, text in page.lines]


def snapshots_of(lab: Lab) -> list[str]:
    """Names that were saved and not deleted since, newest first, as far as the runs know."""
    verbs = (Verb.SNAPSHOT_SAVE, Verb.SNAPSHOT_DELETE)
    runs = lab.runs.filter(verb__in=verbs, status=Status.SUCCEEDED).order_by("number")
    names: dict[str, None] = {}
    for verb, name, machine in runs.values_list("verb", "snapshot", "machine"):
        if verb == Verb.SNAPSHOT_SAVE:
            names[name] = None
        elif not machine:
            names.pop(name, None)
    return list(reversed(names))


def newest_open_runs(text: str, limit: int) -> list[Run]:
    """Open runs first, then the newest ones, of labs whose name holds `text`."""
    runs = Run.objects.filter(lab__name__icontains=text).select_related("lab").order_by("-id")[: limit * 4]
    return sorted(runs, key=lambda run: not run.is_open)[:limit]
