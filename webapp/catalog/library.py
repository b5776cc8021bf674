"""The only reader of environments/: presets and the kit. Values go up to labs and web.

The root is an argument, so that tests and several releases can have their own.
What is parsed is kept until the files' size or time of change differs.
"""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from webapp.catalog.components import Components, parse_components
from webapp.catalog.kit_steps import KitError, KitStep, parse_steps
from webapp.catalog.kit_versions import Versions, load_versions

__all__ = [
    "Components",
    "KitError",
    "KitStep",
    "Preset",
    "Versions",
    "components",
    "copy_kit",
    "failures_text",
    "kit_digest",
    "kit_steps",
    "manifests",
    "preset",
    "presets",
    "versions",
    "workload_texts",
]

# Names of the kit's files, written into each copy: what else a lab puts into its
# folder (lab.json, .vagrant) is no part of the kit's digest.
MANIFEST = ".kit-files"


@dataclass(frozen=True)
class Preset:
    """A ready definition. Title and description are the first comment lines of its text."""

    name: str
    title: str
    description: str
    text: str


def presets(root: Path) -> tuple[Preset, ...]:
    """Return all presets in the order of their file names."""
    return tuple(_read_preset(path, _stamp(path)) for path in sorted((root / "presets").glob("*.yaml")))


def preset(root: Path, name: str) -> Preset | None:
    return next((found for found in presets(root) if found.name == name), None)


@lru_cache(maxsize=64)
def _read_preset(path: Path, _when: tuple[int, int]) -> Preset:
    text = path.read_text(encoding="utf-8")
    comment = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.lstrip("#").strip())
    title, *description = comment or [path.stem]
    return Preset(path.stem, title, " ".join(description).strip(), text)


def kit_steps(root: Path) -> tuple[KitStep, ...]:
    """Return the kit's provisioning steps; KitError when steps.yaml is missing or malformed."""
    path = root / "kit" / "steps.yaml"
    try:
        return _read_steps(path, _stamp(path))
    except FileNotFoundError as error:
        raise KitError(f"The kit has no {path.name}: {path} is missing.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise KitError(f"{path} cannot be read: {error}") from error


@lru_cache(maxsize=8)
def _read_steps(path: Path, _when: tuple[int, int]) -> tuple[KitStep, ...]:
    return parse_steps(path.read_text(encoding="utf-8"), file=path.name)


def versions(root: Path) -> Versions:
    """Return the kit's pins; kit_versions.VersionsError when the file itself is wrong."""
    path = root / "kit" / "versions.yaml"
    return _read_versions(path, _stamp(path))


@lru_cache(maxsize=8)
def _read_versions(path: Path, _when: tuple[int, int]) -> Versions:
    return load_versions(path.read_text(encoding="utf-8"))


def components(root: Path) -> Components:
    """Return how binaries are built; KitError when the file itself is wrong."""
    path = root / "kit" / "components.yaml"
    return _read_components(path, _stamp(path))


@lru_cache(maxsize=8)
def _read_components(path: Path, _when: tuple[int, int]) -> Components:
    return parse_components(path.read_text(encoding="utf-8"), file=path.name)


def manifests(root: Path) -> dict[str, str]:
    """Return file name → text of the kit's manifests, for `render.render_files`."""
    return {
        path.name: path.read_text(encoding="utf-8") for path in (root / "kit" / "manifests").glob("*.yaml")
    }


def failures_text(root: Path) -> str:
    """Return kit/failures.yaml, for `diagnosis.rules.load_rules`."""
    return (root / "kit" / "failures.yaml").read_text(encoding="utf-8")


def workload_texts(root: Path) -> dict[str, str]:
    """Return key → text of the ready workloads."""
    return {path.stem: path.read_text(encoding="utf-8") for path in (root / "workloads").glob("*.yaml")}


def kit_digest(root: Path, kit: str = "kit") -> str:
    """Return the sha256 over names and contents of the kit's files.

    `kit=""` takes the digest of a copy that `copy_kit` made at `root`.
    """
    folder = root / kit
    names = tuple(_kit_names(folder))
    return _digest(folder, names, tuple(_stamp(folder / name) for name in names))


@lru_cache(maxsize=32)
def _digest(folder: Path, names: tuple[str, ...], _when: tuple[tuple[int, int], ...]) -> str:
    digest = hashlib.sha256()
    for name in names:
        path = folder / name
        content = path.read_bytes() if path.is_file() else b"missing"
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def copy_kit(root: Path, to: Path) -> None:
    """Copy the kit's files to the new folder `to`, with the list of what belongs to the kit."""
    folder = root / "kit"
    names = list(_kit_names(folder))
    for name in names:
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(folder / name, target)
    (to / MANIFEST).write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def _kit_names(folder: Path) -> Iterator[str]:
    """Yield the kit's files, relative, sorted; hidden files are an editor's or Vagrant's."""
    manifest = folder / MANIFEST
    if manifest.is_file():
        yield from manifest.read_text(encoding="utf-8").splitlines()
        return
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in relative.parts):
            yield relative.as_posix()


def _stamp(path: Path) -> tuple[int, int]:
    """Return size and time of change; (-1, -1) for a file of a copy that is gone."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return (-1, -1)
    return (stat.st_size, stat.st_mtime_ns)
