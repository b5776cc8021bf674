"""What is looked at before a lab is made: does the definition go together, which exact versions.

A refusal comes before anything is stored. A version label is resolved once: for a rehearsal from
the kit's pins, for a real lab over the network in the run's first step, on the lab host. The exact
versions go into the lab's spec, so that all machines and all retries get the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from webapp.catalog.compatibility import Finding, check
from webapp.catalog.kit_versions import Versions
from webapp.catalog.spec import LabSpec, Override
from webapp.catalog.version_labels import VersionError, parse_label, resolve_version

Resolve = Callable[[str], str]
Fetch = Callable[[str], str]
# Binaries that come in Kubernetes' own versions; the others have containerd's.
NOT_KUBERNETES = ("containerd", "shim")


@dataclass(frozen=True)
class Resolved:
    """A spec with exact versions, and a sentence for each label that became one."""

    spec: LabSpec
    notes: tuple[str, ...] = ()


def refusals(spec: LabSpec, versions: Versions) -> list[str]:
    """Return one sentence for each finding that refuses the launch: what, why, the nearest that works."""
    return [sentence(finding) for finding in check(spec, versions) if finding.level == "error"]


def cautions(spec: LabSpec, versions: Versions) -> list[str]:
    """Return one sentence for each warning."""
    return [sentence(finding) for finding in check(spec, versions) if finding.level == "warning"]


def sentence(finding: Finding) -> str:
    nearest = f" Nearest that works: {finding.nearest}." if finding.nearest else ""
    return f"{finding.key}: {finding.what} {finding.why}".strip() + nearest


def pin_versions(spec: LabSpec, versions: Versions) -> Resolved:
    """Resolve every label from the kit's pins, as a rehearsal does: nothing is asked of the network."""

    def pinned(text: str) -> str:
        try:
            return versions.pinned(text)
        except VersionError:
            return versions.minor(text).pin or versions.defaults["kubernetes"]

    return resolve_spec(spec, pinned)


def fetch_versions(spec: LabSpec, versions: Versions, fetch: Fetch) -> Resolved:
    """Resolve every label over the network; without one, a label that has a pin becomes it.

    Raises VersionError for a label that nobody can resolve here.
    """

    def resolve(text: str) -> str:
        try:
            return resolve_version(text, fetch)
        except OSError as error:
            try:
                return versions.pinned(text)
            except VersionError:
                raise VersionError(f"{text} cannot be resolved: {error}. Name an exact version.") from error

    return resolve_spec(spec, resolve)


def resolve_spec(spec: LabSpec, resolve: Resolve) -> Resolved:
    """Put an exact version in each label's place; each label is asked for once."""
    if spec.scope == "machines":
        return Resolved(spec)
    asked: dict[str, str] = {}

    @cache
    def exact(text: str) -> str:
        if not text or parse_label(text).exact:
            return text
        asked[text] = resolve(text)
        return asked[text]

    kubernetes = replace(
        spec.kubernetes,
        version=exact(spec.kubernetes.version),
        control_plane_version=exact(spec.kubernetes.control_plane_version),
    )
    overrides = tuple(exact_override(override, exact) for override in spec.overrides)
    notes = tuple(f"Version {label} is {version} from here on." for label, version in asked.items())
    return Resolved(replace(spec, kubernetes=kubernetes, overrides=overrides), notes)


def exact_override(override: Override, exact: Resolve) -> Override:
    if override.source not in ("release", "ci") or override.binary in NOT_KUBERNETES:
        return override
    return replace(override, path=exact(override.path))
