"""What needs no machine: which boxes the cache keeps."""

import os
from pathlib import Path

from tests.real.box import drop_old_boxes


def test_the_cache_keeps_the_two_newest_boxes(tmp_path: Path) -> None:
    for at, name in enumerate(("lab-c.box", "lab-a.box", "lab-b.box", "other.box")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (at, at))

    drop_old_boxes(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["lab-a.box", "lab-b.box", "other.box"]
