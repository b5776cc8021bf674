"""A lab's working folder, made and checked on the lab host: the kit, a lab.json, what is rendered of them."""

import json
import shutil
from pathlib import Path

from django.conf import settings

from webapp.catalog import library
from webapp.catalog.placing import lab_json
from webapp.catalog.render import render_files
from webapp.catalog.spec import LabSpec
from webapp.hosts.actions import windows_over
from webapp.labs.launch_checks import refusals
from webapp.labs.models import Lab

VAGRANTS_OWN = ".vagrant"


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
    for name, text in {**rendered(lab, environments), "lab.json": wanted_text(lab, environments)}.items():
        path = half / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    put_in_place(half, folder)


def put_in_place(half: Path, folder: Path) -> None:
    """Make `half` the folder. What Vagrant knows of machines that it has made there stays: they exist."""
    if not (folder / VAGRANTS_OWN).exists():
        shutil.rmtree(folder, ignore_errors=True)
        half.rename(folder)
        return
    shutil.copytree(half, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("lab.json"))
    (half / "lab.json").rename(folder / "lab.json")  # last: it says that the folder is whole
    shutil.rmtree(half)


def rendered(lab: Lab, environments: Path) -> dict[str, str]:
    """Return path → text of the files that guests use as they are; the lab's spec is placed and exact."""
    spec, versions = LabSpec.from_json(lab.spec), library.versions(environments)
    if lab.is_rehearsal and refusals(spec, versions):
        return {}  # what does not go together has no files; nobody would read them either
    return render_files(
        spec,
        versions,
        library.manifests(environments),
        mirror=settings.LAB_MIRROR,
    )


def wanted_text(lab: Lab, environments: Path) -> str:
    spec = LabSpec.from_json(lab.spec)
    value = lab_json(
        spec,
        lab=lab.slug,
        prefix=lab.name_prefix,
        provider=lab.provider,
        kit_steps=library.kit_steps(environments),
        rehearsal_speed=settings.LAB_REHEARSAL_SPEED,
        windows_over="winrm" if lab.is_rehearsal or not spec.windows_machines else windows_over(),
    )
    return json.dumps(value, indent=2)


def remove_folder(folder: Path) -> None:
    """Take a destroyed lab's folder away; nothing of it is needed any more."""
    shutil.rmtree(folder, ignore_errors=True)
