"""On the lab host, in a run's first step: labels become exact versions, once, before the folder is made."""

from pathlib import Path
from urllib.request import Request, urlopen

from django.conf import settings

from webapp.catalog import library
from webapp.catalog.downloads import mirrored
from webapp.catalog.spec import LabSpec
from webapp.labs.folder import FolderError
from webapp.labs.launch_checks import cautions, fetch_versions, refusals
from webapp.labs.models import Lab

FETCH_TIMEOUT_S = 15
MOST_BYTES = 4096


def settle_versions(lab: Lab, folder: Path, environments: Path) -> list[str]:
    """Resolve the lab's labels, store them, and return what the log shall say.

    A lab that has its folder has its versions. Raises VersionError, and FolderError when what the
    labels became does not go together.
    """
    spec, versions = LabSpec.from_json(lab.spec), library.versions(environments)
    if (folder / "lab.json").exists():
        return []
    notes: tuple[str, ...] = ()
    if not lab.is_rehearsal:
        resolved = fetch_versions(spec, versions, fetch_text)
        spec, notes = resolved.spec, resolved.notes
    problems = refusals(spec, versions)
    if problems and not lab.is_rehearsal:
        raise FolderError(" ".join(problems))
    if spec != LabSpec.from_json(lab.spec):
        lab.spec = spec.to_json()
        Lab.objects.filter(pk=lab.pk).update(spec=lab.spec)
    refused = [f"A real launch would be refused: {text}" for text in problems]
    return [*notes, *refused, *(f"Untested: {text}" for text in cautions(spec, versions))]


def fetch_text(url: str) -> str:
    """Return a short text, through the mirror if one is set. Raises OSError."""
    request = Request(mirrored(url, settings.LAB_MIRROR), headers={"User-Agent": "sig-windows-lab"})  # noqa: S310
    with urlopen(request, timeout=FETCH_TIMEOUT_S) as answer:  # noqa: S310 (https, or what the site's mirror says)
        text: bytes = answer.read(MOST_BYTES)
    return text.decode("utf-8", "replace")
