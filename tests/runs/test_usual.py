"""How long a step usually takes, at the pace of a rehearsal."""

import pytest

from webapp.runs.usual import paced


@pytest.mark.parametrize(
    ("usual_s", "pace", "expected"),
    [(None, 20, None), (600, 1, 600), (600, 20, 30), (5, 20, 1), (600, 0, 1)],
    ids=["not known", "real", "rehearsed", "never under a second", "without waiting"],
)
def test_usual_time_follows_the_pace(usual_s: int | None, pace: float, expected: int | None) -> None:
    assert paced(usual_s, pace) == expected
