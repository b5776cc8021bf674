"""A lab's working folder: a copy of the kit and a lab.json, made and checked on the lab host."""

import json
import shutil
from pathlib import Path

from django.conf import settings

from webapp.catalog import library
from webapp.catalog.placing import lab_json
from webapp.catalog.spec import LabSpec
from webapp.labs.models import Lab


class FolderError(Exception):
    """The folder cannot be made or is not what the lab was pinned to; a sentence."""


def prepare_folder(lab: Lab, folder: Path, environments: Path) -> None:
    """Make the folder when it is not there; refuse a kit that is not the pinned one.

    A half-made folder (a crash in between) is made again: it is renamed into place last.
    """
    if not (folder / "lab.json").exists():
        make_folder(lab, folder, environments)
    digest = library.kit_digest(folder, kit="")
    if digest != lab.kit_digest:
        raise FolderError(
            f"The kit in {folder} is not the one this lab was launched with "
            f"({digest[:12]} instead of {lab.kit_digest[:12]}). Destroy the lab and launch it again."
        )


def make_folder(lab: Lab, folder: Path, environments: Path) -> None:
    if library.kit_digest(environments) != lab.kit_digest:
        raise FolderError(
            "The kit on this lab host has changed since the launch. Destroy the lab and launch it again, "
            "or bring the same release onto every host."
        )
    half = folder.with_name(f".{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.parent.mkdir(parents=True, exist_ok=True)
    library.copy_kit(environments, half)
    (half / "lab.json").write_text(json.dumps(wanted_json(lab, environments), indent=2))
    shutil.rmtree(folder, ignore_errors=True)
    half.rename(folder)


def wanted_json(lab: Lab, environments: Path) -> dict[str, object]:
    spec = LabSpec.from_json(lab.spec)
    return lab_json(
        spec,
        lab=lab.slug,
        prefix=lab.name_prefix,
        provider=lab.provider,
        kit_steps=library.kit_steps(environments),
        rehearsal_speed=settings.LAB_REHEARSAL_SPEED,
    )


def remove_folder(folder: Path) -> None:
    """Take a destroyed lab's folder away; nothing of it is needed any more."""
    shutil.rmtree(folder, ignore_errors=True)
