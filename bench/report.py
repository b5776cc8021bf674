"""The figures as one table: ours beside the limit and the naive way, the ratio, the target."""

import math
from dataclasses import asdict, dataclass, field

# What is measured: words, format, and per number of viewers the target: ("ratio" | "most" | "least", value).
WORDS = {
    "lines_per_s": "lines/s, child to last viewer",
    "cpu_per_million": "server CPU s per million deliveries",
    "p50_ms": "latency p50 at 200 lines/s, ms",
    "p99_ms": "latency p99 at 200 lines/s, ms",
    "cores": "server CPU at 200 lines/s, cores",
    "quiet_p50_ms": "latency p50 at 5 lines/s, ms",
    "idle_viewer_mb": "memory per idle viewer, MB",
    "stalled_speed": "speed with one viewer stalled, × without",
    "stalled_grown_mb": "memory a stalled viewer costs, MB",
    "tail_s": "open the tail of 200,000 lines, s",
    "all_s": "fetch all of 200,000 lines, s",
    "labs_page_ms": "labs page, 500 labs and 50,000 runs, ms",
    "labs_page_queries": "labs page, queries",
    "click_s": "click on Launch to the first line, s",
    "search_s": "search 1,000,000 lines, slowest of 3, s",
    "faults": "lines lost, doubled or out of order",
}
TARGETS: dict[tuple[str, int | None], tuple[str, float]] = {
    ("lines_per_s", 1): ("ratio at least", 0.4),
    ("lines_per_s", 20): ("ratio at least", 0.5),
    ("lines_per_s", 200): ("ratio at least", 0.85),
    ("cpu_per_million", 200): ("ratio at most", 3),
    **{("p50_ms", viewers): ("at most", most) for viewers, most in ((1, 15), (20, 15), (200, 25))},
    **{("p99_ms", viewers): ("at most", most) for viewers, most in ((1, 40), (20, 40), (200, 60))},
    ("cores", 200): ("at most", 0.4),
    ("quiet_p50_ms", 1): ("at most", 8),
    ("idle_viewer_mb", 200): ("at most", 0.15),
    ("stalled_speed", 20): ("at least", 0.8),
    ("stalled_grown_mb", 20): ("at most", 4),
    ("tail_s", 1): ("at most", 0.03),
    ("all_s", 1): ("at most", 0.8),
    ("labs_page_ms", None): ("at most", 60),
    ("labs_page_queries", None): ("at most", 15),
    ("click_s", None): ("at most", 0.5),
    ("search_s", None): ("at most", 0.3),
    ("faults", None): ("at most", 0),
}


@dataclass(frozen=True)
class Row:
    """One figure; NaN where a side has none."""

    key: str
    viewers: int | None
    ours: float
    limit: float
    naive: float
    ratio: float
    target: str
    is_met: bool | None


@dataclass
class Report:
    """Rows in the order in which they were measured."""

    rows: list[Row] = field(default_factory=list)

    def add(
        self,
        key: str,
        viewers: int | None,
        ours: float,
        limit: float = math.nan,
        naive: float = math.nan,
        ratio: float | None = None,
    ) -> None:
        """Add a figure; the ratio is ours to the limit's."""
        ratio = ours / limit if ratio is None and limit else ratio if ratio is not None else math.nan
        kind, value = TARGETS.get((key, viewers), ("", math.nan))
        judged = ratio if kind.startswith("ratio") else ours
        is_met = None if not kind else judged >= value if kind.endswith("least") else judged <= value
        target = f"{kind} {value:g}" if kind else ""
        self.rows.append(Row(key, viewers, ours, limit, naive, ratio, target, is_met))

    def table(self) -> str:
        """Return the table as text."""
        head = ("", "viewers", "ours", "limit", "naive", "ours/limit", "target", "met")
        cells = [head, *(self.cells(row) for row in self.rows)]
        widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
        lines = [
            "  ".join(
                text.ljust(width) if at in (0, 6, 7) else text.rjust(width)
                for at, (text, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in cells
        ]
        return "\n".join(line.rstrip() for line in [lines[0], "-" * len(lines[0]), *lines[1:]])

    def cells(self, row: Row) -> tuple[str, ...]:
        met = "" if row.is_met is None else "yes" if row.is_met else "NO"
        viewers = "" if row.viewers is None else str(row.viewers)
        figures = (shown(row.ours), shown(row.limit), shown(row.naive), shown(row.ratio))
        return (WORDS[row.key], viewers, *figures, row.target, met)

    def as_json(self) -> list[dict[str, object]]:
        """Return the rows for a file; NaN becomes null."""
        return [
            {
                name: None if isinstance(value, float) and math.isnan(value) else value
                for name, value in asdict(row).items()
            }
            for row in self.rows
        ]


def shown(value: float) -> str:
    if math.isnan(value):
        return ""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
