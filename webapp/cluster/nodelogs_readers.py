"""Choose how a log is read: the reader of each kind, and for a service whichever way is open.

Each remembers how far it has come; `read` returns a Batch or raises ReachError.
"""

import re
from collections.abc import Callable

from webapp.cluster.nodelogs_api import PodReader, QueryReader
from webapp.cluster.nodelogs_batch import Batch, Reader
from webapp.cluster.nodelogs_guest import EventReader, FileReader, JournalReader
from webapp.cluster.nodelogs_source import Source
from webapp.cluster.reach import Reach, ReachError

SERVED = (1, 27)  # node log query: alpha 1.27, beta 1.30, always from 1.36 on


class ServiceReader(Reader):
    """A service: node log query where the version serves it, else its file or journal by remote shell."""

    def __init__(self, reach: Reach, source: Source, version: str, files: tuple[str, ...]) -> None:
        self.reach, self.source, self.files = reach, source, files
        self.chosen: Reader | None = QueryReader(reach, source) if serves(version) else None
        self.reason = "" if self.chosen else f"the kubelet ({version or 'version unknown'}) does not serve it"
        self.has_read = False

    def read(self) -> Batch:
        if isinstance(self.chosen, QueryReader) and not self.has_read:
            try:
                return self.done(self.chosen.read(), "Read by node log query.")
            except ReachError as error:
                self.chosen, self.reason = None, str(error)
        if self.chosen is None:
            chosen = self.by_shell()
            try:
                batch = chosen.read()
            except ReachError as error:
                raise ReachError(f"Node log query: {self.reason}. Remote shell: {error}") from error
            self.chosen = chosen
            return self.done(batch, f"Read by remote shell, not by node log query: {self.reason}.")
        batch = self.chosen.read()
        return self.done(batch, batch.note)

    def rest(self) -> list[str]:
        return self.chosen.rest() if self.chosen is not None else []

    def done(self, batch: Batch, note: str) -> Batch:
        self.has_read = True
        return Batch(batch.lines, batch.has_more, note.replace("..", "."))

    def by_shell(self) -> Reader:
        if self.reach.is_windows(self.source.machine) is False:
            return JournalReader(self.reach, self.source)
        unit = self.source.unit
        path = self.files[0] if self.files else f"C:\\var\\log\\{unit}\\{unit}.log"
        return FileReader(
            self.reach, Source("file", machine=self.source.machine, path=path, tail=self.source.tail)
        )


def serves(version: str) -> bool:
    found = re.match(r"v?(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) >= SERVED


READERS: dict[str, Callable[[Reach, Source], Reader]] = {
    "file": FileReader,
    "unit": JournalReader,
    "events": EventReader,
    "pod": PodReader,
    "query": QueryReader,
}


def make_reader(reach: Reach, source: Source, *, version: str, files: tuple[str, ...]) -> Reader:
    """Return the reader of a source; `version` and `files` are what was seen of its machine."""
    if source.kind == "service":
        return ServiceReader(reach, source, version, files)
    return READERS[source.kind](reach, source)
