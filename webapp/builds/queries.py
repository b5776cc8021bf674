"""What pages ask of builds: components that exist, lists, pages."""

from pathlib import Path

from django.conf import settings

from webapp.builds.models import UserComponent
from webapp.catalog import library
from webapp.catalog.components import Component, Prebuilt


def kit_components() -> tuple[Component, ...]:
    return library.components(Path(settings.ENVIRONMENTS_DIR)).components


def all_components() -> dict[str, Component]:
    """Return the kit's components, then those that users added, by name."""
    added = [Component.from_json(row.component) for row in UserComponent.objects.all()]
    return {component.name: component for component in (*kit_components(), *added)}


def prebuilt_sources() -> dict[str, Prebuilt]:
    return {source.name: source for source in library.components(Path(settings.ENVIRONMENTS_DIR)).prebuilt}


def go_table() -> dict[str, str]:
    """Return the kit's Go by Kubernetes minor, for trees that do not say."""
    versions = library.versions(Path(settings.ENVIRONMENTS_DIR))
    return {minor: pins.go for minor, pins in versions.minors.items()}
