"""One lab host's downloads, shared by its labs: each file fetched once, verified, pruned by size.

    ROOT/HOST/PATH            a verified file, its address without the scheme (the layout of a mirror)
    ROOT/HOST/PATH.sha256     the hash it was verified against
    ROOT/HOST/PATH.part       as far as a download has come; the next one goes on there
    ROOT/_files/SHA256/NAME   a copy of a file of this host that a definition names
    ROOT/.locks/…             one lock per address for fetching, one for use

Next: `server` hands the files to guests, `lists` writes their addresses.
"""

import fcntl
import hashlib
import http.client
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

TIMEOUT_S = 30
TRIES = 4
PAUSE_S = 1.0
BLOCK = 1024 * 1024
HASH_LENGTH = 64
AGENT = "sig-windows-lab"
LOCK_ASK_S = 0.2
LOCAL = "_files"  # no host's name has an underscore


class DownloadError(Exception):
    """A file cannot be had; the text names its address and what to do."""


class Stopped(Exception):
    """Somebody asked to stop; what has come so far is kept."""


@dataclass(frozen=True)
class Wanted:
    """A file and how it is verified: by `sha256`, by what `sha256_url` says, else by its first download."""

    url: str
    sha256: str = ""
    sha256_url: str = ""


@dataclass(frozen=True)
class Cached:
    """A verified file. `path` is below the cache's root."""

    path: Path
    sha256: str


def never() -> bool:
    return False


class Cache:
    """The folder of downloads; any number of processes may use it at once."""

    def __init__(self, root: Path, *, limit_bytes: int, pause_s: float = PAUSE_S) -> None:
        self.root = root
        self.limit_bytes = limit_bytes
        self.pause_s = pause_s

    def get(self, wanted: Wanted, should_stop: Callable[[], bool] = never) -> Cached:
        """Return the verified file, fetching it if need be. Raises DownloadError and Stopped."""
        path = self.path_of(wanted.url)
        with self.lock(wanted.url, should_stop):
            known = self.known_hash(path)
            if wanted.sha256 in ("", known) and known and path.exists() and file_sha256(path) == known:
                path.touch()  # the time of its last use, for prune
                return Cached(path, known)
            path.parent.mkdir(parents=True, exist_ok=True)
            announced = wanted.sha256 or announced_hash(wanted)
            found = self.fetch(wanted.url, path, announced, should_stop)
            hash_file(path).write_text(f"{found}  {path.name}\n", encoding="utf-8")
        return Cached(path, found)

    def path_of(self, url: str) -> Path:
        """Return ROOT/HOST/PATH. Raises DownloadError for an address that would lead out of the cache."""
        parts = urlsplit(url)
        names = [parts.netloc, *parts.path.lstrip("/").split("/")]
        if parts.scheme not in ("http", "https") or any(name in ("", ".", "..") for name in names):
            raise DownloadError(f"{url} is no address of a file.")
        return self.root.joinpath(*names)

    def known_hash(self, path: Path) -> str:
        try:
            return hash_file(path).read_text(encoding="utf-8")[:HASH_LENGTH]
        except FileNotFoundError:
            return ""

    def fetch(self, url: str, path: Path, announced: str, should_stop: Callable[[], bool]) -> str:
        """Download to PATH.part, verify, rename; a part that turns out wrong is fetched anew, once.

        Without an announced hash nothing tells whether an older part and today's rest are one file.
        """
        part = path.with_name(path.name + ".part")
        if not announced:
            part.unlink(missing_ok=True)
        for is_last in (not part.exists(), True):
            self.fill(url, part, should_stop)
            found = file_sha256(part)
            if announced in ("", found):
                part.replace(path)
                return found
            part.unlink()
            if is_last:
                break
        raise DownloadError(
            f"checksum wrong: {url} has sha256 {found}, announced is {announced}; it was thrown away."
        )

    def fill(self, url: str, part: Path, should_stop: Callable[[], bool]) -> None:
        """Bring a part to its full length, going on after each interruption."""
        for tries_left in reversed(range(TRIES)):
            try:
                receive(url, part, should_stop)
                return
            except (OSError, http.client.HTTPException) as error:
                is_final = isinstance(error, HTTPError) and error.code in (401, 403, 404, 410)
                if is_final or not tries_left:
                    raise DownloadError(f"{url} cannot be downloaded: {error}.") from error
            time.sleep(self.pause_s)

    def keep(self, source: Path, name: str) -> Cached:
        """Copy a file of this host in, by its hash: whoever writes it anew meanwhile harms no lab.

        Raises OSError when it cannot be read.
        """
        folder = self.root / LOCAL
        folder.mkdir(parents=True, exist_ok=True)
        half = folder / f"{secrets.token_hex(8)}.part"
        try:
            with source.open("rb") as file, half.open("xb") as copy:
                shutil.copyfileobj(file, copy, BLOCK)
            digest = file_sha256(half)
            found = Cached(folder / digest / name, digest)
            found.path.parent.mkdir(exist_ok=True)
            half.replace(found.path)
        finally:
            half.unlink(missing_ok=True)
        return found

    # -- locks ------------------------------------------------------------------------

    def lock_path(self, url: str, kind: str) -> Path:
        folder = self.root / ".locks"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{hashlib.sha256(url_key(url).encode()).hexdigest()[:32]}.{kind}"

    @contextmanager
    def lock(self, url: str, should_stop: Callable[[], bool] = never) -> Iterator[None]:
        """Let one process and thread fetch a file at a time; the others wait and then find it."""
        with self.lock_path(url, "fetch").open("a") as file:
            while not take(file.fileno(), fcntl.LOCK_EX):
                if should_stop():
                    raise Stopped(f"{url} is still being fetched by another lab.")
                time.sleep(LOCK_ASK_S)
            yield

    def url_of(self, path: Path) -> str:
        """Undo `path_of`, for a part as well."""
        return f"https://{path.relative_to(self.root).as_posix().removesuffix('.part')}"

    @contextmanager
    def using(self, url: str) -> Iterator[None]:
        """Keep a file from being pruned while a lab needs it."""
        with self.lock_path(url, "use").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield

    # -- size -------------------------------------------------------------------------

    def prune(self) -> int:
        """Delete the files that were not used for longest until the limit holds; return the bytes freed."""
        files = self.files()
        excess = sum(size for size, _ in files.values()) - self.limit_bytes
        freed = 0
        for path, (size, _) in sorted(files.items(), key=lambda item: item[1][1]):
            if freed >= excess:
                break
            freed += size if self.forget(path) else 0
        return freed

    def files(self) -> Mapping[Path, tuple[int, float]]:
        """Return every file and part with its size and the time of its last use."""
        paths = (path for path in self.root.rglob("*") if path.suffix != ".sha256")
        return dict(found for path in paths if ".locks" not in path.parts for found in size_and_time(path))

    def forget(self, path: Path) -> bool:
        """Delete one file unless somebody fetches or uses it."""
        url = self.url_of(path)
        with self.lock_path(url, "use").open("a") as use, self.lock_path(url, "fetch").open("a") as fetch:
            if not (take(use.fileno(), fcntl.LOCK_EX) and take(fetch.fileno(), fcntl.LOCK_EX)):
                return False
            path.unlink(missing_ok=True)
            hash_file(path).unlink(missing_ok=True)
            return True


def size_and_time(path: Path) -> Iterator[tuple[Path, tuple[int, float]]]:
    """Yield a file's; nothing for a folder, or a part that another lab has finished or dropped meanwhile."""
    with suppress(FileNotFoundError):
        found = path.stat()
        if stat.S_ISREG(found.st_mode):
            yield path, (found.st_size, found.st_mtime)


def url_key(url: str) -> str:
    """Return an address without its scheme, as the cache names it."""
    return url.partition("://")[2]


def take(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def hash_file(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def receive(url: str, part: Path, should_stop: Callable[[], bool]) -> None:
    """Append what is missing; a server that cannot go on starts anew. Raises OSError when it breaks off."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": AGENT, **({"Range": f"bytes={have}-"} if have else {})}
    try:
        with urlopen(Request(url, headers=headers), timeout=TIMEOUT_S) as answer:  # noqa: S310 (see path_of)
            is_rest = have > 0 and answer.status == http.HTTPStatus.PARTIAL_CONTENT
            expected = int(answer.headers.get("Content-Length") or -1)
            got = copy(answer, part, "ab" if is_rest else "wb", should_stop)
    except HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        # Complete already, or longer than the file: the checksum tells which.
        return
    if 0 <= expected != got:
        raise OSError(f"the connection broke after {got} of {expected} bytes")


def copy(answer: http.client.HTTPResponse, part: Path, mode: str, should_stop: Callable[[], bool]) -> int:
    got = 0
    with part.open(mode) as file:
        while block := answer.read(BLOCK):
            file.write(block)
            got += len(block)
            if should_stop():
                raise Stopped("The download was stopped; the next one goes on there.")
    return got


def announced_hash(wanted: Wanted) -> str:
    """Read a publisher's checksum file: a bare hash, or the line that ends in the file's name; "" = none."""
    if not wanted.sha256_url:
        return ""
    try:
        request = Request(wanted.sha256_url, headers={"User-Agent": AGENT})  # noqa: S310 (the kit's own address)
        with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            text = answer.read(BLOCK).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"The checksum at {wanted.sha256_url} cannot be read: {error}.") from error
    found = hash_in(text, wanted.url.rpartition("/")[2])
    if not found:
        raise DownloadError(f"{wanted.sha256_url} holds no sha256 of {wanted.url}.")
    return found


def hash_in(text: str, name: str) -> str:
    """Pure: pick the file's hash out of a checksum file; "" if it holds none."""
    for words in (line.split() for line in text.splitlines()):
        is_named = len(words) == 1 or (len(words) > 1 and words[-1].lstrip("*").rpartition("/")[2] == name)
        if is_named and len(words[0]) == HASH_LENGTH and set(words[0].lower()) <= set("0123456789abcdef"):
            return words[0].lower()
    return ""
