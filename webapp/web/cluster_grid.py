"""Ladders as a table: machines are columns, rungs are rows. Pure; the ladder page draws it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from webapp.cluster.gather import Key
from webapp.cluster.history import Strip
from webapp.cluster.ladder import KINDS
from webapp.cluster.rungs import Ladder, Rung

# All rungs of all roles in the order in which they are climbed.
ORDER = (
    "machine", "shell", "os", "runtime", "binaries", "init", "api", "kubelet", "request", "node",
    "cni", "addons", "network", "proxy", "ready", "smoke",
)  # fmt: skip
TITLES = {kind.key: kind.title for kinds in KINDS.values() for kind in kinds}
LOOKS = {
    "done": ("ready", "done"),
    "now": ("working", "at work"),
    "failed": ("failed", "failed"),
    "waiting": ("waiting", "waiting"),
    "not-applicable": ("none", "not needed"),
    "unknown": ("unknown", "unknown"),
}


@dataclass(frozen=True)
class Chosen:
    """The cell whose evidence is shown. `is_asked`: somebody pressed it (else it is where it fails)."""

    machine: str = ""
    key: str = ""
    is_asked: bool = False


@dataclass(frozen=True)
class Cell:
    """One machine's rung; `rung` is None where its role has no such rung."""

    machine: str
    rung: Rung | None = None
    strip: Strip | None = None
    is_chosen: bool = False

    @property
    def kind(self) -> str:
        return LOOKS[self.rung.state][0] if self.rung is not None else "none"

    @property
    def word(self) -> str:
        return LOOKS[self.rung.state][1] if self.rung is not None else ""

    @property
    def query(self) -> str:
        return urlencode({"machine": self.machine, "rung": self.rung.key if self.rung else ""})


@dataclass(frozen=True)
class Row:
    """One rung of all machines."""

    key: str
    title: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Column:
    """A machine's head: how it stands in a few words."""

    ladder: Ladder
    kind: str
    word: str


@dataclass(frozen=True)
class Grid:
    """The whole table, and the cell that is open."""

    columns: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()
    chosen: Chosen = field(default_factory=Chosen)
    open_cell: Cell | None = None

    @property
    def is_known(self) -> bool:
        """Tell whether every machine is known to be ready, or to stand somewhere."""
        return all(column.kind != "unknown" for column in self.columns)


def make_grid(ladders: Sequence[Ladder], strips: Mapping[Key, Strip], machine: str, key: str) -> Grid:
    """Lay the ladders side by side; `machine` and `key` are what was asked for, "" for nothing."""
    chosen = choose(ladders, machine, key)
    present = {rung.key for ladder in ladders for rung in ladder.rungs}
    rows = tuple(row_of(key, ladders, strips, chosen) for key in ORDER if key in present)
    cells = (cell for row in rows for cell in row.cells)
    return Grid(
        tuple(map(column_of, ladders)), rows, chosen, next((cell for cell in cells if cell.is_chosen), None)
    )


def row_of(key: str, ladders: Sequence[Ladder], strips: Mapping[Key, Strip], chosen: Chosen) -> Row:
    cells = (
        Cell(
            ladder.machine,
            rung := ladder.rung(key),
            strips.get((ladder.machine, "rung", key)),
            rung is not None and (ladder.machine, key) == (chosen.machine, chosen.key),
        )
        for ladder in ladders
    )
    return Row(key, TITLES[key], tuple(cells))


def choose(ladders: Sequence[Ladder], machine: str, key: str) -> Chosen:
    """What was asked for if it is there, else where it has failed, else where it is at work."""
    ladder = next((ladder for ladder in ladders if ladder.machine == machine), None)
    if ladder is not None and ladder.rung(key) is not None:
        return Chosen(machine, key, is_asked=True)
    standing = [(ladder.machine, rung) for ladder in ladders if (rung := ladder.stuck) is not None]
    standing.sort(key=lambda found: found[1].state != "failed")
    return next((Chosen(name, rung.key) for name, rung in standing), Chosen())


def column_of(ladder: Ladder) -> Column:
    stuck = ladder.stuck
    if stuck is not None:
        is_failed = stuck.state == "failed"
        return Column(
            ladder, *(("failed", f"stuck at {stuck.title}") if is_failed else ("working", stuck.title))
        )
    if ladder.is_ready:
        return Column(ladder, "ready", "ready")
    if not ladder.done:
        return Column(ladder, "unknown", "nothing is known")
    return Column(ladder, "unknown", f"{ladder.done} of {ladder.due} known to be done")
