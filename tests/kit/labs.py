"""Lab folders for the kit's tests: a definition, placed, with the kit around it."""

import json
import shutil
from pathlib import Path
from typing import Any

from webapp.catalog import library
from webapp.catalog.placing import lab_json, place
from webapp.catalog.variables import parse

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENTS = REPOSITORY / "environments"
KIT = ENVIRONMENTS / "kit"


def lab_of(text: str, *, provider: str) -> dict[str, Any]:  # Any: the JSON edge
    """Return the lab.json of a definition."""
    spec = place(parse(text), "192.168.56.0/24")
    return lab_json(
        spec, lab="talk-1", prefix="talk-1-", provider=provider, kit_steps=library.kit_steps(ENVIRONMENTS)
    )


def make_folder(folder: Path, lab: dict[str, Any]) -> Path:  # Any: the JSON edge
    shutil.copytree(KIT, folder, dirs_exist_ok=True)
    (folder / "lab.json").write_text(json.dumps(lab))
    return folder
