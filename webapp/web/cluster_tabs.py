"""What the cluster's ladder, services and network pages are given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils import timezone

from webapp.cluster.history import Part, Strip, load_strips
from webapp.cluster.models import Fix
from webapp.cluster.offers import LABELS, SERVICE_FIXES, attached_refusal, offer
from webapp.cluster.page import ClusterPage, ServiceRow
from webapp.cluster.queries import page_of
from webapp.cluster.rungs import FixOffer
from webapp.cluster.tables import MachineServices, network_page, service_tables
from webapp.kube.facts import EventFacts
from webapp.web.cluster_grid import LOOKS, make_grid
from webapp.web.pages_cluster import Context, Place

MOST_WARNINGS = 12
MOST_STRIP_LINES = 12


@dataclass(frozen=True)
class FixRow:
    """A repair as the page tells it."""

    fix: Fix
    label: str


@dataclass(frozen=True)
class Bar:
    """One of a sparkline's bars in its box of 120 × 20."""

    x: int
    y: int
    height: int
    look: str


@dataclass(frozen=True)
class ServiceView:
    """A service's row as it is drawn. `kind` of its state; `offers`: what may be done to it."""

    row: ServiceRow
    kind: str
    strip: Strip | None
    offers: tuple[FixOffer, ...]
    bars: tuple[Bar, ...] = ()


def ladder_context(place: Place, asked: Mapping[str, str]) -> Context:
    """The whole grid, what is open of it, repairs and warnings."""
    now = timezone.now()
    page = page_of(place.cluster, now)
    strips = load_strips(place.cluster, now)
    grid = make_grid(page.ladders, strips, asked.get("machine", ""), asked.get("rung", ""))
    cell = grid.open_cell
    return {
        "place": place,
        "lab": place.lab,
        "page": page,
        "grid": grid,
        "cell": cell,
        "changes": told_changes(cell.strip) if cell and cell.strip else [],
        "fix_refusal": fix_refusal(place, page, cell.rung.fix)
        if cell and cell.rung and cell.rung.fix
        else "",
        "fixes": [
            FixRow(fix, LABELS.get(fix.kind, fix.kind)) for fix in (*page.open_fixes, *page.last_fixes)
        ],
        "warnings": warnings(page),
        "silence": silence(place, page),
    }


def told_changes(strip: Strip) -> list[tuple[Part, str]]:
    """Return the newest states of a rung, the newest first, each in the word that its cell would have."""
    newest = list(reversed(strip.parts))[:MOST_STRIP_LINES]
    return [(part, LOOKS[part.state][1] if part.state in LOOKS else part.state) for part in newest]


def fix_refusal(place: Place, page: ClusterPage, asked: FixOffer) -> str:
    """Return why a repair cannot be asked for now, "" when it can."""
    if place.lab is None and (why := attached_refusal(asked.kind, is_reached=asked.machine in page.reached)):
        return why
    if place.refusal:
        return place.refusal
    fix = next((fix for fix in page.open_fixes if fix.machine == asked.machine), None)
    return f"“{LABELS.get(fix.kind, fix.kind)}” is under way" if fix is not None else ""


def silence(place: Place, page: ClusterPage) -> str:
    """Return why nothing new is seen, "" while looks are answered."""
    lab = place.lab
    if lab is not None and lab.destroyed_at is not None:
        return "This lab has been destroyed; this is what was seen last."
    if lab is not None and not lab.host.is_seen(timezone.now()):
        return f"No worker of {lab.host.name} has been seen lately, so nobody looks."
    if page.is_silent:
        return "Nothing of this cluster answered when last asked."
    return ""


def warnings(page: ClusterPage) -> list[EventFacts]:
    """Return the newest warnings that the API tells."""
    told = (event for event in page.kube.events if event.type == "Warning")
    return sorted(told, key=lambda event: (event.last_at is not None, event.last_at), reverse=True)[
        :MOST_WARNINGS
    ]


def services_context(place: Place) -> Context:
    now = timezone.now()
    strips = load_strips(place.cluster, now)
    tables = service_tables(place.cluster, now)
    return {
        "place": place,
        "lab": place.lab,
        "tables": [
            {"of": table, "views": [service_view(table, row, strips) for row in table.rows]}
            for table in tables
        ],
    }


def service_view(
    table: MachineServices, row: ServiceRow, strips: Mapping[tuple[str, str, str], Strip]
) -> ServiceView:
    return ServiceView(
        row,
        service_kind(row),
        strips.get((table.machine, "service", row.name)),
        service_offers(table, row),
        bars_of(row.restarts or ()),
    )


def bars_of(counts: Sequence[int]) -> tuple[Bar, ...]:
    """Draw counts as bars; none is a line on the ground, so that one sees the hour was looked at."""
    highest = max(counts, default=0) or 1
    heights = [max(round(20 * count / highest), 2) for count in counts]
    return tuple(
        Bar(10 * index, 20 - height, height, "is-some" if count else "is-none")
        for index, (count, height) in enumerate(zip(counts, heights, strict=True))
    )


def service_kind(row: ServiceRow) -> str:
    """Tell how a state looks: what is as it should be is never red, what is not never green."""
    if row.state == "":
        return "unknown"
    if row.is_as_expected is False:
        return "failed"
    if row.state.endswith("Pending"):
        return "working"
    return "ready" if row.state == "Running" else "waiting"


def service_offers(table: MachineServices, row: ServiceRow) -> tuple[FixOffer, ...]:
    if not row.can_control or row.state in ("", "absent"):
        return ()
    kinds = ("start-service",) if row.state == "Stopped" else ("restart-service", "stop-service")
    return tuple(offer(kind, table.machine, row.name) for kind in kinds if kind in SERVICE_FIXES)


def network_context(place: Place) -> Context:
    return {"place": place, "lab": place.lab, "net": network_page(place.cluster, timezone.now())}
