"""The two texts of upstream and the real environments/ folder."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "environments"


@pytest.fixture
def environments() -> Path:
    return ROOT


@pytest.fixture
def talk_2021() -> str:
    return (ROOT / "presets" / "talk-2021.yaml").read_text()


@pytest.fixture
def swdt_head() -> str:
    return (ROOT / "presets" / "swdt-head.yaml").read_text()
