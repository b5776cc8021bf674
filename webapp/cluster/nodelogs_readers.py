"""Read what is new of one log, again and again: each reader remembers how far it has come.

A file by its offset, the journal by its cursor, events by their number, a pod by its lines' times, the
node log query by what it said last. `read` returns a Batch or raises ReachError.
"""

import base64
import binascii
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from webapp.cluster.nodelogs_source import Source
from webapp.cluster.powershell import find_answer
from webapp.cluster.reach import Reach, ReachError, first_words
from webapp.kube.loose import objects, text, when, whole
from webapp.logs.lines import LineAssembler
from webapp.process import Completed

PIECE_BYTES = 128 * 1024
MOST_EVENTS = 500
CURSOR = re.compile(r"[A-Za-z0-9=;]{1,400}")
SERVED = (1, 27)  # node log query: alpha 1.27, beta 1.30, always from 1.36 on
# A kubelet without the query takes the same address for its log folder, and lists that: seen at a true 1.20.
LISTING = re.compile(r"\s*(?:<!doctype html>\s*)?(?:<meta [^>]{1,200}>\s*)?<pre>\s", re.IGNORECASE)
NOT_SERVED = (
    "The kubelet lists its log folder instead of answering: it is older than 1.27, or its feature gate "
    "NodeLogQuery or its option enableSystemLogQuery is off"
)
QUERY_TAIL = 2_000  # lines that are compared with what was said before


@dataclass(frozen=True)
class Batch:
    """New lines; `has_more`: ask again at once. `note`: something to say of it."""

    lines: list[str]
    has_more: bool = False
    note: str = ""


class Reader(Protocol):
    """One log, as far as it has been read."""

    def read(self) -> Batch:
        """Return what is new. Raises ReachError."""


def answer_of(done: Completed) -> object:
    """Return the JSON that a PowerShell script printed. Raises ReachError."""
    found = find_answer(done.output)
    if found is None:
        raise ReachError(first_words(done))
    if problem := text(found, "problem"):
        raise ReachError(problem)
    return found


# -- files ------------------------------------------------------------------------------

WINDOWS_FILE = (
    "$log='labkit-log'; $kind='file'; $path='{path}'; $offset={offset}; $most={most}; "
    "$seen=New-Object Collections.Specialized.OrderedDictionary; $seen['labkit']=1; "
    "try {{ $file=[IO.File]::Open($path,'Open','Read','ReadWrite,Delete'); try {{ $size=$file.Length; "
    "if ($offset -lt 0) {{ $offset=[Math]::Max(0,$size-$most) }}; if ($offset -gt $size) {{ $offset=0 }}; "
    "[void]$file.Seek($offset,'Begin'); $bytes=New-Object byte[] ([Math]::Min($most,$size-$offset)); "
    "$count=$file.Read($bytes,0,$bytes.Length); $seen['offset']=$offset; $seen['size']=$size; "
    "$seen['data']=[Convert]::ToBase64String($bytes,0,$count) }} finally {{ $file.Close() }} }} "
    "catch {{ $seen['problem']=$_.Exception.Message }}; "
    "[Console]::Out.WriteLine((ConvertTo-Json -InputObject $seen -Compress))"
)
LINUX_FILE = (
    "labkit_path={path}; labkit_offset={offset}; labkit_most={most}; "
    'size=$(sudo stat -c %s -- "$labkit_path") || exit 2; at=$labkit_offset; '
    "if [ $at -lt 0 ]; then at=$(( size > labkit_most ? size - labkit_most : 0 )); fi; "
    'if [ $at -gt $size ]; then at=0; fi; echo "labkit-log $at $size"; '
    'sudo tail -c +$((at+1)) -- "$labkit_path" | head -c $labkit_most | base64 -w0; echo'
)
LINUX_ANSWER = re.compile(r"labkit-log (\d+) (\d+)\s+([A-Za-z0-9+/=]*)")


class FileReader:
    """A file, by its offset in bytes; a file that has become shorter is read from its start again."""

    def __init__(self, reach: Reach, source: Source) -> None:
        self.reach, self.source = reach, source
        self.is_windows = source.path[1:2] == ":"
        self.assembler = LineAssembler()
        self.offset = -1

    def read(self) -> Batch:
        at, size, data = self.piece()
        was_cut = self.offset >= 0 and at < self.offset
        if was_cut:
            self.assembler = LineAssembler()
        is_first = self.offset < 0
        self.offset = at + len(data)
        lines = self.assembler.feed(data)
        if is_first and at > 0:
            lines = lines[1:]  # its first line has no beginning
        if is_first:
            lines = lines[-self.source.tail :]
        note = "The file has begun anew." if was_cut else ""
        return Batch(lines, has_more=self.offset < size and bool(data), note=note)

    def piece(self) -> tuple[int, int, bytes]:
        """Return where the piece begins, how large the file is, and the piece."""
        template = WINDOWS_FILE if self.is_windows else LINUX_FILE
        path = self.source.path if self.is_windows else shlex.quote(self.source.path)
        command = template.format(path=path, offset=self.offset, most=PIECE_BYTES)
        done = self.reach.shell(self.source.machine, command)
        try:
            if not self.is_windows:
                return linux_piece(done)
            found = answer_of(done)
            data = base64.b64decode(raw_text(found, "data"), validate=True)
        except (binascii.Error, ValueError) as error:
            raise ReachError("The machine's answer was damaged on its way.") from error
        return whole(found, "offset") or 0, whole(found, "size") or 0, data


def raw_text(found: object, key: str) -> str:
    """Return text of any length (`loose.text` cuts what is meant for a page)."""
    value = found.get(key) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def linux_piece(done: Completed) -> tuple[int, int, bytes]:
    found = LINUX_ANSWER.search(done.output)
    if found is None:
        raise ReachError(first_words(done))
    return int(found[1]), int(found[2]), base64.b64decode(found[3], validate=True)


# -- the journal, Windows' events ---------------------------------------------------------


class JournalReader:
    """A systemd unit, by the journal's own cursor."""

    def __init__(self, reach: Reach, source: Source) -> None:
        self.reach, self.source = reach, source
        self.cursor = ""

    def read(self) -> Batch:
        since = when(self.source.since)
        window = f" --since @{int(since.timestamp())}" if since is not None else ""
        start = (
            f" --after-cursor={shlex.quote(self.cursor)}"
            if self.cursor
            else f" -n {self.source.tail}{window}"
        )
        unit = shlex.quote(self.source.unit)
        command = f"sudo journalctl -u {unit} -o short-iso-precise --no-pager --show-cursor{start}"
        done = self.reach.shell(self.source.machine, command)
        if done.code != 0:
            raise ReachError(first_words(done))
        lines = done.output.splitlines()
        for number, line in enumerate(lines):
            mark, _, cursor = line.partition("-- cursor: ")
            if not mark and CURSOR.fullmatch(cursor.strip()):
                self.cursor = cursor.strip()
                del lines[number]
                break
        return Batch([line for line in lines if not line.startswith("-- ")])


EVENTS = (
    "$log='labkit-log'; $kind='events'; $name='{name}'; $provider='{provider}'; $since='{since}'; "
    "$after={after}; $most={most}; "
    "$seen=New-Object Collections.Specialized.OrderedDictionary; $seen['labkit']=1; "
    "$wanted=@{{ LogName=$name }}; if ($provider) {{ $wanted.ProviderName=$provider }}; "
    "if ($since) {{ $wanted.StartTime=[DateTimeOffset]::Parse($since).LocalDateTime }}; "
    "try {{ $found=@(Get-WinEvent -FilterHashtable $wanted -MaxEvents $most -ErrorAction Stop | "
    "Where-Object {{ $_.RecordId -gt $after }} | Sort-Object RecordId) }} "
    "catch {{ $found=@(); if ($_.FullyQualifiedErrorId -notlike 'NoMatchingEventsFound*') "
    "{{ $seen['problem']=$_.Exception.Message }} }}; "
    "$seen['events']=@($found | ForEach-Object {{ @{{ At=$_.TimeCreated.ToUniversalTime().ToString('o'); "
    "Id=$_.Id; Level=[string]$_.LevelDisplayName; Provider=$_.ProviderName; Record=$_.RecordId; "
    "Text=[string]$_.Message }} }}); "
    "[Console]::Out.WriteLine((ConvertTo-Json -InputObject $seen -Depth 4 -Compress))"
)


class EventReader:
    """A Windows event log, by the events' numbers."""

    def __init__(self, reach: Reach, source: Source) -> None:
        self.reach, self.source = reach, source
        self.after, self.since = 0, source.since

    def read(self) -> Batch:
        command = EVENTS.format(
            name=self.source.event_log,
            provider=self.source.unit,
            since=self.since,
            after=self.after,
            most=min(self.source.tail, MOST_EVENTS),
        )
        found = answer_of(self.reach.shell(self.source.machine, command))
        lines: list[str] = []
        for event in objects(found, "events"):
            number = whole(event, "Record") or 0
            if number <= self.after:
                continue
            self.after = number
            if (at := when(event, "At")) is not None:
                self.since = at.isoformat()
            lines += event_lines(event)
        return Batch(lines)


def event_lines(event: object) -> list[str]:
    at = when(event, "At")
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at is not None else "?"
    head = f"{stamp} {text(event, 'Level') or 'Event'} {text(event, 'Provider')} {text(event, 'Id')}: "
    first, *more = text(event, "Text").splitlines() or [""]
    return [head + first, *(f"    {line}" for line in more if line.strip())]


# -- the API ----------------------------------------------------------------------------


class PodReader:
    """A container's log, by the times that the API puts before its lines."""

    def __init__(self, reach: Reach, source: Source) -> None:
        self.reach, self.source = reach, source
        self.last = ""  # the newest line's time, as the API wrote it
        self.at_last: list[str] = []

    def read(self) -> Batch:
        given = self.source
        query = {"timestamps": "true", "limitBytes": str(4 * 1024 * 1024)}
        query |= {"container": given.container} if given.container else {}
        query |= {"previous": "true"} if given.previous else {}
        since = self.last or given.since
        query |= {"sinceTime": rfc3339(since)} if since else {}
        query |= {} if self.last else {"tailLines": str(given.tail)}
        said = self.reach.raw(f"/api/v1/namespaces/{given.namespace}/pods/{given.pod}/log", query)
        return Batch(self.fresh(said.splitlines()))

    def fresh(self, lines: list[str]) -> list[str]:
        """Drop what was read before: sinceTime counts whole seconds, and includes its own."""
        found = []
        for line in lines:
            stamp = line.partition(" ")[0]
            if stamp < self.last or (stamp == self.last and line in self.at_last):
                continue
            if stamp != self.last:
                self.last, self.at_last = stamp, []
            self.at_last.append(line)
            found.append(line)
        return found


def rfc3339(moment: str) -> str:
    found = when(moment)
    return found.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(found, datetime) else moment


class QueryReader:
    """The kubelet's own answer (/logs/?query=…); it has no cursor, so what it said last is found again."""

    def __init__(self, reach: Reach, source: Source) -> None:
        self.reach, self.source = reach, source
        self.before: list[str] = []

    def read(self) -> Batch:
        given = self.source
        query = {"query": given.unit, "tailLines": str(max(given.tail, QUERY_TAIL))}
        query |= {"sinceTime": rfc3339(given.since)} if given.since else {}
        query |= {"untilTime": rfc3339(given.until)} if given.until else {}
        said = self.reach.raw(f"/api/v1/nodes/{given.machine}/proxy/logs/", query)
        if LISTING.match(said):
            raise ReachError(NOT_SERVED)
        lines = said.splitlines()
        found = lines[overlap(self.before, lines) :]
        is_first = not self.before
        self.before = lines or self.before
        return Batch(found[-given.tail :] if is_first else found)


def overlap(before: list[str], now: list[str]) -> int:
    """Return how many lines at the start of `now` are the end of `before`."""
    for length in range(min(len(before), len(now)), 0, -1):
        if before[-length] == now[0] and before[-length:] == now[:length]:
            return length
    return 0


class ServiceReader:
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
