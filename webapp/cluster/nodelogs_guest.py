"""Logs of a machine by its shell: a file by its offset, the journal by its cursor, events by their number."""

import base64
import binascii
import re
import shlex

from webapp.cluster.nodelogs_batch import Batch, Reader
from webapp.cluster.nodelogs_source import Source
from webapp.cluster.powershell import find_answer
from webapp.cluster.reach import Reach, ReachError, first_words
from webapp.kube.loose import objects, text, when, whole
from webapp.logs.lines import LineAssembler
from webapp.process import Completed

PIECE_BYTES = 128 * 1024
MOST_EVENTS = 500
MANY_EVENTS = f"{MOST_EVENTS} events came at once, the newest are here: older ones may be missing."
CURSOR = re.compile(r"[A-Za-z0-9=;]{1,400}")


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


class FileReader(Reader):
    """A file, by its offset in bytes; a file that has become shorter is read from its start again."""

    def __init__(self, reach: Reach, source: Source) -> None:
        self.reach, self.source = reach, source
        self.is_windows = source.path[1:2] == ":"
        self.assembler = LineAssembler()
        self.offset = -1

    def read(self) -> Batch:
        at, size, data = self.piece()
        was_cut = self.offset >= 0 and at < self.offset
        unended = self.rest() if was_cut else []
        is_first = self.offset < 0
        self.offset = at + len(data)
        lines = self.assembler.feed(data)
        if is_first and at > 0:
            lines = lines[1:]  # its first line has no beginning
        if is_first:
            lines = lines[-self.source.tail :]
        note = "The file has begun anew." if was_cut else ""
        return Batch([*unended, *lines], has_more=self.offset < size and bool(data), note=note)

    def rest(self) -> list[str]:
        """Return what stands after the last newline: a file need not end with one."""
        return self.assembler.finish()

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


class JournalReader(Reader):
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


class EventReader(Reader):
    """A Windows event log, by the events' numbers."""

    def __init__(self, reach: Reach, source: Source) -> None:
        self.reach, self.source = reach, source
        self.after, self.since = 0, source.since

    def read(self) -> Batch:
        is_first = self.after == 0
        command = EVENTS.format(
            name=self.source.event_log,
            provider=self.source.unit,
            since=self.since,
            after=self.after,
            most=min(self.source.tail, MOST_EVENTS) if is_first else MOST_EVENTS,
        )
        found = answer_of(self.reach.shell(self.source.machine, command))
        count = 0
        lines: list[str] = []
        for event in objects(found, "events"):
            number = whole(event, "Record") or 0
            if number <= self.after:
                continue
            self.after, count = number, count + 1
            if (at := when(event, "At")) is not None:
                self.since = at.isoformat()
            lines += event_lines(event)
        return Batch(lines, note=MANY_EVENTS if count >= MOST_EVENTS and not is_first else "")


def event_lines(event: object) -> list[str]:
    at = when(event, "At")
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at is not None else "?"
    head = f"{stamp} {text(event, 'Level') or 'Event'} {text(event, 'Provider')} {text(event, 'Id')}: "
    first, *more = text(event, "Text").splitlines() or [""]
    return [head + first, *(f"    {line}" for line in more if line.strip())]
