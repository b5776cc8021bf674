"""Binaries that are not built here: published ones by version, and files that somebody uploads."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence

from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.builds.actions import store_build
from webapp.builds.artifacts import discard_unused, limit_bytes, path_of, store_content
from webapp.builds.errors import ArtifactError, RequestError
from webapp.builds.models import Artifact, Build
from webapp.builds.pe import check_target, facts_of
from webapp.builds.queries import prebuilt_sources
from webapp.catalog.components import NAME, TARGETS, Prebuilt

SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
VERSION = re.compile(r"v?(\d{1,3}\.\d{1,4}\.\d{1,4}(?:[-+][0-9A-Za-z.+-]{1,100})?)", re.ASCII)


def check_version(text: str) -> str:
    """Return an exact version without "v", or raise RequestError."""
    found = VERSION.fullmatch(text.strip())
    if not found or ".." in text:
        raise RequestError(f"{text.strip()[:60]!r} is no exact version; write it like 1.36.1.")
    return found[1]


def check_trusted(known: Prebuilt, text: str, count: int) -> str:
    """Return the sha256 that the user trusts, "" where the maker publishes one; or raise RequestError."""
    sha256 = text.strip().lower()
    if known.sha256_url:
        return ""
    if not SHA256.fullmatch(sha256):
        raise RequestError(f"{known.title} has no published checksum: give the sha256 that you trust.")
    if count > 1 and not known.is_archive:
        raise RequestError(f"{known.title} is fetched one file at a time, each with its own sha256.")
    return sha256


def request_fetch(
    *, source: str, version: str, names: Sequence[str], targets: Sequence[str], by: User, sha256: str = ""
) -> tuple[Build, bool]:
    """Ask for published binaries; the same ones are answered from the store. Raises RequestError.

    `sha256`: of the file, or of the archive around the binaries, where its maker publishes none.
    """
    known = prebuilt_sources().get(source)
    if known is None:
        raise RequestError("Choose where the binaries come from.")
    trusted = check_trusted(known, sha256, len(set(names)) * len(set(targets)))
    exact = f"nightly-{trusted[:12]}" if known.is_rolling else check_version(version)
    if not names or set(names) - set(known.members):
        raise RequestError(f"{known.title} has {', '.join(known.members)}; choose at least one.")
    if not targets or set(targets) - set(known.targets):
        raise RequestError(f"{known.title} is published for {', '.join(known.targets)}.")
    recipe = {
        "prebuilt": source,
        "version": exact,
        "components": [{"name": name} for name in sorted(set(names))],
        "targets": sorted(set(targets)),
        **({"sha256": trusted} if trusted else {}),
    }
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
    build = Build(
        kind=Build.Kind.FETCH, key=digest, url=known.url, ref=named(exact), recipe=recipe, requested_by=by
    )
    return store_build(build)


def named(version: str) -> str:
    """Write a version as people do; a nightly has none."""
    return version if version.startswith("nightly-") else f"v{version}"


def store_upload(
    *, blocks: Iterable[bytes], name: str, component: str, target: str, version: str, by: User
) -> Artifact:
    """Keep a file that somebody uploaded; ArtifactError or RequestError, and nothing is kept."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,79}", name, re.ASCII):
        raise RequestError("A binary's name has letters, digits, dots, hyphens and underscores, at most 80.")
    if target not in TARGETS or not NAME.fullmatch(component):
        raise RequestError("Say which component it is, in lower-case letters, and which target it is for.")
    sha256, size = store_content(blocks, limit_bytes())
    try:
        facts = facts_of(path_of(sha256))
        check_target(facts, target, name)
    except ArtifactError:
        discard_unused(sha256)
        raise
    artifact = Artifact.objects.create(
        origin=Artifact.Origin.UPLOAD,
        component=component,
        target=target,
        file_name=name,
        sha256=sha256,
        size_bytes=size,
        facts=dict(facts),
        version=version,
        added_by=by,
    )
    audit.record(by, "uploaded artifact", str(artifact))
    return artifact


def keep_artifact(artifact: Artifact, by: User, *, is_kept: bool) -> None:
    """Hold a binary back from the quota, or give it free."""
    Artifact.objects.filter(pk=artifact.pk).update(is_kept=is_kept)
    audit.record(by, "kept artifact" if is_kept else "gave artifact free", str(artifact))
