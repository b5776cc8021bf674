"""What is inside a published archive, within bounds: tar.gz and zip, one member after the other.

Nothing is written to a member's own path: `fetch` takes the content of those that it wants.
"""

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from webapp.builds.errors import ArtifactError

UNPACKED_TIMES = 20  # an archive may grow by so much, in all
MOST_MEMBERS = 10_000
UNREADABLE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError)
ENCRYPTED = 1  # bit of a zip member's flags


@dataclass(frozen=True)
class Member:
    """A file of an archive; `content` None for a folder, a link and the like. `name` can be shown."""

    name: str
    size: int
    content: IO[bytes] | None


def read_members(place: Path, url: str) -> Iterator[Member]:
    """Yield an archive's members; ArtifactError for what is none, or grows without end.

    A member's content can be read until the next one is asked for.
    """
    members, unpacked = zip_members if url.endswith(".zip") else tar_members, 0
    try:
        with closing(members(place)) as found:
            for number, member in enumerate(found):
                unpacked += member.size
                if unpacked > UNPACKED_TIMES * place.stat().st_size or number > MOST_MEMBERS:
                    raise ArtifactError(f"{url} unpacks to far more than it is; it was not kept.")
                yield member
    except (*UNREADABLE, NotImplementedError) as error:
        raise ArtifactError(f"{url} is no archive that can be read: {error}") from error


def tar_members(place: Path) -> Generator[Member, None, None]:
    with tarfile.open(place, "r|gz") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            yield Member(shown(member.name), member.size, content)


def zip_members(place: Path) -> Generator[Member, None, None]:
    """Yield a zip's members; zipfile reads no more of each than its own entry says."""
    with zipfile.ZipFile(place) as archive:
        for info in archive.infolist():
            mode = stat.S_IFMT(info.external_attr >> 16)
            if info.is_dir() or mode not in {0, stat.S_IFREG}:
                yield Member(shown(info.filename), info.file_size, None)
                continue
            if info.flag_bits & ENCRYPTED:
                raise zipfile.BadZipFile(f"{info.filename} is encrypted")
            with archive.open(info) as content:
                yield Member(shown(info.filename), info.file_size, content)


def shown(name: str) -> str:
    """Return a name without what is no text: bytes of another encoding, newlines, escapes."""
    return "".join(char if char.isprintable() else "\ufffd" for char in name)
