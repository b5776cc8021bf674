"""Published binaries: downloaded with their checksum, unpacked within bounds, stored as artifacts.

Addresses come from kit/components.yaml only; a user gives a version. https, LAB_MIRROR, or http on this
machine's loopback; a redirect leads to nothing else.
"""

import hashlib
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

from django.conf import settings

from webapp.builds.archives import read_members
from webapp.builds.artifacts import BLOCK, MIB, limit_bytes, path_of, store_content
from webapp.builds.children import note
from webapp.builds.compile import update, work_folder
from webapp.builds.errors import ArtifactError, BuildError
from webapp.builds.models import Artifact, Build
from webapp.builds.pe import check_target, facts_of
from webapp.builds.queries import prebuilt_sources
from webapp.builds.watch import Watch
from webapp.catalog.components import Prebuilt
from webapp.catalog.downloads import mirrored
from webapp.downloads.cache import hash_in

TIMEOUT_S = 60
CHECKSUM_BYTES = 64 * 1024
MOST_NAME = 200  # of a member, as it is told
MOST_TOLD = 100


def fetch_prebuilt(build: Build, watch: Watch) -> list[Artifact]:
    """Download all that the build's recipe names; rows that are not saved yet."""
    recipe = build.recipe
    source = prebuilt_sources().get(recipe["prebuilt"])
    if source is None:
        raise BuildError(f"The kit has no source {recipe['prebuilt']} any more.")
    update(build, stage=Build.Stage.FETCHING, version=build.ref)
    found: list[Artifact] = []
    for target in build.targets:
        fetch = fetch_archive if source.is_archive else fetch_files
        found += fetch(build, watch, source, target)
    return found


def address(pattern: str, name: str, version: str, target: str) -> str:
    """Fill a pattern's marks in; through the mirror of a closed network where there is one."""
    system, _, machine = target.partition("/")
    exe = ".exe" if system == "windows" else ""
    url = pattern.format(version=version, os=system, arch=machine, name=name, exe=exe)
    return mirrored(url, settings.LAB_MIRROR)


def fetch_files(build: Build, watch: Watch, source: Prebuilt, target: str) -> list[Artifact]:
    """Fetch each binary by itself."""
    found = []
    for name in build.names:
        url = address(source.url, name, build.recipe["version"], target)
        wanted = wanted_sha256(build, source, name, target, url)
        note(build, f"Fetching {url}")
        found.append(store_download(build, name, target, url, wanted, download(url, watch)))
    return found


def wanted_sha256(build: Build, source: Prebuilt, name: str, target: str, url: str) -> str:
    """Return the published checksum, or the one that the user trusts where there is none."""
    trusted: str = build.recipe.get("sha256", "")
    return trusted or checksum(address(source.sha256_url, name, build.recipe["version"], target), url)


def store_download(
    build: Build, name: str, target: str, url: str, wanted: str, blocks: Iterable[bytes]
) -> Artifact:
    """Store one binary; `wanted` "" where the archive around it was checked."""
    sha256, size = store_content(checked(blocks, wanted, url), limit_bytes())
    facts = facts_of(path_of(sha256))
    check_target(facts, target, name)
    return Artifact(
        build=build,
        origin=Artifact.Origin.FETCH,
        component=name,
        target=target,
        file_name=name + (".exe" if target.startswith("windows/") else ""),
        sha256=sha256,
        size_bytes=size,
        facts=dict(facts),
        version=build.version,
        source_url=url,
        added_by=build.requested_by,
    )


def checked(blocks: Iterable[bytes], wanted: str, url: str) -> Iterator[bytes]:
    """Pass blocks on; at the end raise ArtifactError when they are not what was published."""
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
        yield block
    if wanted and digest.hexdigest() != wanted:
        raise ArtifactError(
            f"{url} has the checksum {digest.hexdigest()}, published is {wanted}. It was not kept."
        )


def fetch_archive(build: Build, watch: Watch, source: Prebuilt, target: str) -> list[Artifact]:
    """Fetch an archive, check it, take the wanted members out."""
    version = build.recipe["version"]
    url = address(source.url, "", version, target)
    wanted = wanted_sha256(build, source, "", target, url)
    note(build, f"Fetching {url}")
    folder = work_folder(build)
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / "archive"
    size = 0
    with place.open("wb") as file:
        for block in checked(download(url, watch), wanted, url):
            size += file.write(block)
            if size > limit_bytes():
                raise ArtifactError(f"{url} is larger than {limit_bytes() // MIB} MiB.")
    return unpack(build, watch, place, target, url)


def unpack(build: Build, watch: Watch, place: Path, target: str, url: str) -> list[Artifact]:
    """Store the wanted members and say what is inside; raises ArtifactError, watch.Stopped."""
    exe = ".exe" if target.startswith("windows/") else ""
    wanted = {f"{name}{exe}": name for name in build.names}
    found: list[Artifact] = []
    inside: list[str] = []
    for member in read_members(place, url):
        if watch() and watch.stopped is not None:
            raise watch.stopped
        name = wanted.pop(PurePosixPath(member.name).name, None) if member.content else None
        if name and member.content:
            made = store_download(build, name, target, url, "", blocks_of(member.content))
            made.facts["member"] = member.name[:MOST_NAME]
            found.append(made)
        if member.content:
            inside.append(
                f"{member.name[:MOST_NAME]} {member.size / MIB:.1f} MiB{' (taken)' if name else ''}"
            )
    tell_inside(build, inside)
    if wanted:
        raise ArtifactError(f"{url} holds no {', '.join(wanted)}.")
    return found


def tell_inside(build: Build, inside: list[str]) -> None:
    """Write an archive's files into the log."""
    note(build, f"In the archive are {len(inside)} files:")
    for line in inside[:MOST_TOLD]:
        note(build, f"  {line}")
    if len(inside) > MOST_TOLD:
        note(build, f"  and {len(inside) - MOST_TOLD} more")


def blocks_of(content: IO[bytes]) -> Iterator[bytes]:
    while block := content.read(BLOCK):
        yield block


def checksum(url: str, of: str) -> str:
    """Return the published sha256; a list of several names its files."""
    text = b"".join(download(url, None, most=CHECKSUM_BYTES)).decode("utf-8", "replace")
    found = hash_in(text, of.rpartition("/")[2])
    if not found:
        raise ArtifactError(f"{url} holds no checksum of {of}, so nothing was fetched.")
    return found


class SafeRedirects(urllib.request.HTTPRedirectHandler):
    """A forge redirects to its storage; never out of https."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        check_address(newurl)  # Any: the library's own untyped arguments
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def check_address(url: str) -> None:
    if settings.LAB_MIRROR and url.startswith(f"{settings.LAB_MIRROR}/"):
        return
    parts = urlsplit(url)
    is_loopback = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if parts.scheme != "https" and not is_loopback:
        raise BuildError(f"{url[:200]} is not an https address.")


def download(url: str, watch: Watch | None, most: int | None = None) -> Iterator[bytes]:
    """Yield a file's blocks; raises BuildError, or watch.Stopped when the build has to end."""
    check_address(url)
    opener = urllib.request.build_opener(SafeRedirects())
    left = most if most is not None else limit_bytes()
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            while left >= 0 and (block := answer.read(BLOCK if most is None else most)):
                left -= len(block)
                yield block
                if watch is not None and watch() and watch.stopped is not None:
                    raise watch.stopped
    except urllib.error.HTTPError as error:
        error.close()
        raise BuildError(f"{url} answered {error.code} {error.reason}.") from error
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise BuildError(f"{url} cannot be fetched: {getattr(error, 'reason', error)}") from error
    if left < 0:
        raise ArtifactError(f"{url} is larger than allowed.")
