"""Children for the tests of process.py: small Python programs."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.children import ENV, Start
from webapp.process import Child, start_child


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def start(spool: Path, tmp_path: Path) -> Iterator[Start]:
    """Start a Python program, given as text; what still runs at the end is stopped."""
    children = []

    def start_program(program: str, *, grace_s: float = 0.3, to: Path = spool) -> Child:
        argv = [sys.executable, "-I", "-S", "-u", "-c", program]
        children.append(start_child(argv, cwd=tmp_path, env=ENV, spool=to, grace_s=grace_s))
        return children[-1]

    yield start_program
    for child in children:
        child.close()
