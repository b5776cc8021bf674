"""The store of binaries: content-addressed files, a quota that never takes what a lab uses.

A file is written beside its place, read-only, and renamed when it is whole: there is no half artifact.
"""

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from webapp.builds.errors import ArtifactError
from webapp.builds.models import Artifact, Build

BLOCK = 1024 * 1024
MIB = 1024 * 1024
ORPHAN_S = 3600  # a build stores its binaries and their rows within less


def path_of(sha256: str) -> Path:
    """Return where the content of this digest lies."""
    return Path(settings.ARTIFACT_DIR) / sha256[:2] / sha256


def read_blocks(path: Path) -> Iterable[bytes]:
    """Yield a regular file's content; a link is not followed, whoever made it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ArtifactError(f"{path.name} is no plain file.")
        while block := file.read(BLOCK):
            yield block


def store_content(blocks: Iterable[bytes], limit_bytes: int) -> tuple[str, int]:
    """Write content to its place; return its sha256 and size. ArtifactError when there is too much of it."""
    new = Path(settings.ARTIFACT_DIR) / f"new-{secrets.token_hex(8)}"
    new.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    try:
        with new.open("xb") as file:
            for block in blocks:
                size += len(block)
                if size > limit_bytes:
                    raise ArtifactError(f"The file is larger than {limit_bytes // MIB} MiB and was not kept.")
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(new, path_of(digest.hexdigest()))
    finally:
        new.unlink(missing_ok=True)
    return digest.hexdigest(), size


def put_in_place(new: Path, place: Path) -> None:
    """Rename; the same content that is there already is as good."""
    new.chmod(0o444)
    place.parent.mkdir(exist_ok=True)
    new.replace(place)


def discard_unused(sha256: str) -> None:
    """Delete content that was just stored and turned out to be no artifact."""
    if not Artifact.objects.filter(sha256=sha256, removed_at=None).exists():
        path_of(sha256).unlink(missing_ok=True)


def limit_bytes() -> int:
    return int(settings.UPLOAD_LIMIT_MIB) * MIB


def enforce_quota(now: datetime) -> int:
    """Take the oldest content that nobody needs until the rest fits; return how many files went."""
    rows = list(Artifact.objects.filter(removed_at=None).order_by("-id"))
    needed = needed_digests(rows)
    sizes = {row.sha256: row.size_bytes for row in rows}
    newest_first = list(dict.fromkeys(row.sha256 for row in rows))
    left, gone = sum(sizes.values()), 0
    for sha256 in reversed(newest_first):
        if left <= int(settings.ARTIFACT_QUOTA_MIB) * MIB:
            break
        if sha256 not in needed and remove_content(sha256, now):
            left -= sizes[sha256]
            gone += 1
    return gone


def sweep(now: datetime) -> int:
    """Delete old files that no row knows: what a build that failed or was lost has left. Returns how many."""
    known = set(Artifact.objects.filter(removed_at=None).values_list("sha256", flat=True))
    gone = 0
    for path in Path(settings.ARTIFACT_DIR).rglob("*"):
        if path.name not in known and path.is_file():
            gone += unlink_older(path, now.timestamp() - ORPHAN_S)
    return gone


def unlink_older(path: Path, time_s: float) -> bool:
    """Delete a file that was written before `time_s`; another process may do the same."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_mtime < time_s:
            path.unlink()
            return True
    return False


def needed_digests(rows: list[Artifact]) -> set[str]:
    """Return what is kept on purpose or lies on a machine of a lab that exists."""
    used = Artifact.objects.filter(uses__ended_at=None, uses__lab__destroyed_at=None, uses__isnull=False)
    return {row.sha256 for row in rows if row.is_kept} | set(used.values_list("sha256", flat=True))


def remove_content(sha256: str, now: datetime) -> bool:
    """Mark the rows first, then delete the file; a use that came meanwhile wins.

    So does a build that has stored the same content anew and is about to say so: its file is younger than
    the rows. `sweep` takes it if nobody does.
    """
    with transaction.atomic():
        rows = Artifact.objects.select_for_update().filter(sha256=sha256, removed_at=None)
        if needed_digests(list(rows)) & {sha256}:
            return False
        newest_s = max((row.added_at.timestamp() for row in rows), default=0.0)
        builds = list(rows.exclude(build=None).values_list("build_id", flat=True))
        rows.update(removed_at=now)
        Build.objects.filter(pk__in=builds).update(is_outdated=True)
        transaction.on_commit(lambda: unlink_older(path_of(sha256), newest_s))
    return True
