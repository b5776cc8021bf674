"""`lab`: a rehearsed lab without mishaps that does not wait; `running`: the same, both machines up."""

from pathlib import Path

import pytest

from tests.rehearsal.stage import RehearsedLab


@pytest.fixture
def lab(tmp_path: Path) -> RehearsedLab:
    rehearsed = RehearsedLab(tmp_path)
    rehearsed.write()
    return rehearsed


@pytest.fixture
def running(lab: RehearsedLab) -> RehearsedLab:
    lab.up()
    return lab
