"""Fill this lab host's cache with everything that a preset's machines download, ahead of a launch."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from webapp.catalog import library, variables
from webapp.catalog.downloads import downloads_json, overrides_json
from webapp.catalog.version_labels import VersionError
from webapp.downloads.cache import Cache, DownloadError, Wanted
from webapp.downloads.lists import wanted
from webapp.labs.launch_checks import fetch_versions
from webapp.labs.settle import fetch_text

GIB = 1024**3


class Command(BaseCommand):
    """Fetch, verify and tell; exit 1 when one of the files cannot be had."""

    help = "Fetch all downloads of a preset into this host's cache (LAB_CACHE_DIR)."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("preset", help="a name in environments/presets, such as calico")

    def handle(self, *_args: Any, preset: str, **_options: Any) -> None:  # Any: Django's own
        cache = Cache(Path(settings.LAB_CACHE_DIR), limit_bytes=settings.LAB_CACHE_GIB * GIB)
        missing = [one.url for one in files_of(preset) if not self.fetched(cache, one)]
        cache.prune()
        if missing:
            raise CommandError(f"{len(missing)} files cannot be had.")

    def fetched(self, cache: Cache, one: Wanted) -> bool:
        try:
            found = cache.get(one)
        except (DownloadError, OSError) as error:
            self.stderr.write(str(error))
            return False
        self.stdout.write(f"{found.sha256}  {one.url}")
        return True


def files_of(name: str) -> list[Wanted]:
    """Return the files of a preset's machines; CommandError for a preset that is not there."""
    root = Path(settings.ENVIRONMENTS_DIR)
    preset = library.preset(root, name)
    if preset is None:
        known = ", ".join(one.name for one in library.presets(root))
        raise CommandError(f"There is no preset {name!r}; there are {known}.")
    versions = library.versions(root)
    try:
        spec = fetch_versions(variables.parse(preset.text), versions, fetch_text).spec
    except VersionError as error:
        raise CommandError(str(error)) from error
    if spec.scope == "machines":
        return []
    lists = (f(spec, versions, settings.LAB_MIRROR) for f in (downloads_json, overrides_json))
    return list({one.url: one for found in lists for one in wanted(dict(found))}.values())
