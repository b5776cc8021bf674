"""Logs that the API hands out: a pod's by its lines' times, a node's by node log query."""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from webapp.cluster.nodelogs_batch import Batch, Reader
from webapp.cluster.nodelogs_source import Source
from webapp.cluster.reach import Reach, ReachError
from webapp.kube.loose import when

ANSWER_BYTES = 4 * 1024 * 1024  # of a pod's log at once
LATE = timedelta(seconds=2)  # two streams write one log: their lines' times may stand in another order
# A kubelet without the query takes the same address for its log folder, and lists that: seen at a true 1.20.
LISTING = re.compile(r"\s*(?:<!doctype html>\s*)?(?:<meta [^>]{1,200}>\s*)?<pre>\s", re.IGNORECASE)
NOT_SERVED = (
    "The kubelet lists its log folder instead of answering: it is older than 1.27, or its feature gate "
    "NodeLogQuery or its option enableSystemLogQuery is off"
)
QUERY_TAIL = 2_000  # lines that are compared with what was said before
MISSING = "More was written since than one answer holds, or the log began anew: lines may be missing here."


class PodReader(Reader):
    """A container's log: asked again from before the newest line on, what was read of it is left out.

    An answer holds ANSWER_BYTES at most; what is longer is asked for piece by piece.
    """

    def __init__(self, reach: Reach, source: Source) -> None:
        self.reach, self.source = reach, source
        self.since: datetime | None = None  # from where on the API is asked, and what was read from there
        self.before: Counter[str] = Counter()
        self.unended = ""

    def read(self) -> Batch:
        given = self.source
        said = self.reach.raw(f"/api/v1/namespaces/{given.namespace}/pods/{given.pod}/log", self.query())
        ended, newline, self.unended = said.rpartition("\n")
        lines = ended.split("\n") if newline else []
        is_full = len(said.encode()) >= ANSWER_BYTES
        new = self.fresh(lines)
        return Batch(new, is_full, "" if new or not is_full else self.step(lines))

    def query(self) -> dict[str, str]:
        given, limit = self.source, str(ANSWER_BYTES)
        query = {"timestamps": "true", "limitBytes": limit}
        query |= {"container": given.container} if given.container else {}
        query |= {"previous": "true"} if given.previous else {}
        since = self.since.isoformat() if self.since is not None else given.since
        query |= {"sinceTime": rfc3339(since)} if since else {}
        return query if self.since is not None else {**query, "tailLines": str(given.tail)}

    def fresh(self, lines: list[str]) -> list[str]:
        """Return what was not read before, and remember what will be answered again."""
        found = []
        for line in lines:
            if self.before[line] > 0:
                self.before[line] -= 1
            else:
                found.append(line)
        if (newest := max(filter(None, map(time_of, lines)), default=None)) is not None:
            begins_at = newest.replace(microsecond=0) - LATE
            self.since = begins_at if self.since is None else max(self.since, begins_at)
        self.before = Counter(self.again(lines))
        return found

    def again(self, lines: list[str]) -> Iterable[str]:
        """Yield the lines that the API will answer again when it is asked from `since` on."""
        return (line for line in lines if self.since is None or (time_of(line) or self.since) >= self.since)

    def step(self, lines: list[str]) -> str:
        """Go on by a second where a whole answer brought nothing new; say so if that leaves lines out."""
        if self.since is None:
            return ""
        self.since += timedelta(seconds=1)
        self.before = Counter(again := list(self.again(lines)))
        return "" if again else MISSING

    def rest(self) -> list[str]:
        return [self.unended] if self.unended and not self.before[self.unended] else []


def time_of(line: str) -> datetime | None:
    return when(line.partition(" ")[0])


def rfc3339(moment: str) -> str:
    found = when(moment)
    return found.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(found, datetime) else moment


class QueryReader(Reader):
    """The kubelet's own answer (/logs/?query=…); it has no cursor, so what it said last is found again."""

    def __init__(self, reach: Reach, source: Source) -> None:
        self.reach, self.source = reach, source
        self.before: list[str] = []

    def read(self) -> Batch:
        given = self.source
        tail = QUERY_TAIL if self.before else max(given.tail, QUERY_TAIL)
        query = {"query": given.unit, "tailLines": str(tail)}
        query |= {"sinceTime": rfc3339(given.since)} if given.since else {}
        query |= {"untilTime": rfc3339(given.until)} if given.until else {}
        said = self.reach.raw(f"/api/v1/nodes/{given.machine}/proxy/logs/", query)
        if LISTING.match(said):
            raise ReachError(NOT_SERVED)
        lines = said.splitlines()
        known, is_first = overlap(self.before, lines), not self.before
        self.before = lines or self.before
        if is_first:
            return Batch(lines[-given.tail :])
        return Batch(lines[known:], note=MISSING if lines and not known else "")


def overlap(before: list[str], now: list[str]) -> int:
    """Return how many lines at the start of `now` are the end of `before`."""
    for length in range(min(len(before), len(now)), 0, -1):
        if before[-length] == now[0] and before[-length:] == now[:length]:
            return length
    return 0
