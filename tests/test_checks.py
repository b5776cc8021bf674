"""Startup checks of the kit's own data."""

from pathlib import Path

import pytest

from webapp.checks import check_kit

FILES = ("steps.yaml", "versions.yaml", "failures.yaml")
WRONG = {
    "steps.yaml": "- {name: x}\n",
    "versions.yaml": "format: 1\n",
    "failures.yaml": "- {id: x, pattern: '(', title: t, explanation: e}\n",
}


@pytest.fixture
def kit(settings, tmp_path: Path) -> Path:
    """A copy of the kit's data that a test may break."""
    kit = tmp_path / "kit"
    kit.mkdir()
    for name in FILES:
        (kit / name).write_bytes((Path(settings.ENVIRONMENTS_DIR) / "kit" / name).read_bytes())
    settings.ENVIRONMENTS_DIR = tmp_path
    return kit


def test_the_kit_as_it_is_passes(kit: Path):
    assert check_kit(None) == []


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_wrong_is_a_startup_error_that_names_it(kit: Path, name: str):
    (kit / name).write_text(WRONG[name])

    found = check_kit(None)

    assert [message.id for message in found] == ["webapp.E005"]
    assert name in found[0].msg


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_is_a_startup_error(kit: Path, name: str):
    (kit / name).unlink()

    found = check_kit(None)

    assert len(found) == 1
    assert name in found[0].msg
