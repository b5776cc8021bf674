"""The ladder table: where it opens by itself, and what each column says."""

import pytest

from webapp.cluster.rungs import Ladder, Rung, RungState
from webapp.web.cluster_grid import make_grid

HEAD: dict[str, RungState] = {"machine": "done", "init": "done", "ready": "done"}


def ladder(machine: str, role: str, /, **states: RungState) -> Ladder:
    return Ladder(machine, role, tuple(Rung(key, key.title(), state) for key, state in states.items()))


LADDERS = (
    ladder("head", "control-plane", **HEAD),
    ladder("winw1", "windows", machine="done", request="now", ready="waiting"),
    ladder("winw2", "windows", machine="done", request="failed", ready="waiting"),
)


def test_rows_are_all_rungs_in_the_order_they_are_climbed() -> None:
    grid = make_grid(LADDERS, {}, "", "")

    assert [row.key for row in grid.rows] == ["machine", "init", "request", "ready"]
    assert [cell.word for cell in grid.rows[1].cells] == ["done", "", ""]


def test_the_failed_rung_is_open_by_itself() -> None:
    grid = make_grid(LADDERS, {}, "", "")

    assert (grid.chosen.machine, grid.chosen.key, grid.chosen.is_asked) == ("winw2", "request", False)
    assert grid.open_cell is not None
    assert grid.open_cell.kind == "failed"


@pytest.mark.parametrize(
    ("machine", "key", "opened"),
    [
        ("winw1", "ready", ("winw1", "ready")),
        ("nobody", "ready", ("winw2", "request")),
        ("head", "request", ("winw2", "request")),
        ("winw1", "", ("winw2", "request")),
    ],
)
def test_what_was_asked_for_is_open_if_it_is_there(machine: str, key: str, opened: tuple[str, str]) -> None:
    chosen = make_grid(LADDERS, {}, machine, key).chosen

    assert (chosen.machine, chosen.key) == opened


def test_columns_say_how_each_machine_stands() -> None:
    words = {
        column.ladder.machine: (column.kind, column.word) for column in make_grid(LADDERS, {}, "", "").columns
    }

    assert words == {
        "head": ("ready", "ready"),
        "winw1": ("working", "Request"),
        "winw2": ("failed", "stuck at Request"),
    }


def test_nothing_is_open_when_nothing_is_stuck() -> None:
    grid = make_grid(LADDERS[:1], {}, "", "")

    assert (grid.open_cell, make_grid((), {}, "", "").rows) == (None, ())


def test_machine_of_which_nothing_is_known_says_so() -> None:
    grid = make_grid((ladder("winw1", "windows", machine="unknown", ready="unknown"),), {}, "", "")

    (column,) = grid.columns
    assert (column.kind, column.word) == ("unknown", "nothing is known")
    assert (grid.is_known, make_grid(LADDERS, {}, "", "").is_known) == (False, True)
