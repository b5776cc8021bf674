"""Which log of a cluster is meant: checked values that people type, and what each line is kept by. Pure.

Nothing of it reaches a shell unless it fits a narrow pattern here; the pattern to search for never leaves
the dashboard at all (RE2 runs over what comes back).
"""

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import re2

from webapp.kube.loose import text, truth, when, whole

Kind = Literal["service", "file", "unit", "events", "pod", "query"]
KINDS: tuple[Kind, ...] = get_args(Kind)
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
MACHINE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")
UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9@:._-]{0,99}")
EVENT_LOG = re.compile(r"[A-Za-z0-9][A-Za-z0-9 /_.-]{0,99}")
WINDOWS_PATH = re.compile(r"[Cc]:(?:\\[A-Za-z0-9_.() -]{1,100}){1,12}")
LINUX_PATH = re.compile(r"(?:/[A-Za-z0-9_.+@:-]{1,100}){1,12}")
# Logs live here; nothing else of a machine is read, whoever asks.
WINDOWS_ROOTS = (
    "c:\\var\\log\\",
    "c:\\labkit\\log\\",
    "c:\\etc\\kubernetes\\logs\\",
    "c:\\k\\antrea\\logs\\",
    "c:\\openvswitch\\var\\log\\",
    "c:\\calicowindows\\logs\\",
    "c:\\programdata\\antrea\\logs\\",
)
LINUX_ROOTS = ("/var/log/", "/var/lib/labkit/log/")
TAIL_LINES = 2_000
MOST_TAIL = 50_000
KLOG = re.compile(r"^[IWEF](\d\d)(\d\d) (\d\d):(\d\d):(\d\d)\.(\d{6})")
ISO = re.compile(r"^\W?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)")
KLOG_WITHIN = re.compile(r"^(?:\S+ )?([IWEF]\d{4} \d\d:\d\d:\d\d\.\d{6})")


class SourceError(ValueError):
    """This log cannot be read; a sentence for the user."""


@dataclass(frozen=True)
class Source:
    """One log. `unit`: a Windows service or a systemd unit; `since`, `until`: ISO times, "" = open."""

    kind: Kind
    machine: str = ""
    path: str = ""
    unit: str = ""
    event_log: str = ""
    namespace: str = ""
    pod: str = ""
    container: str = ""
    previous: bool = False
    since: str = ""
    until: str = ""
    pattern: str = ""
    tail: int = TAIL_LINES

    @property
    def title(self) -> str:
        at = f" on {self.machine}" if self.machine else ""
        if self.kind == "pod":
            inside = f" ({self.container})" if self.container else ""
            return f"{self.namespace}/{self.pod}{inside}{', previous' if self.previous else ''}"
        if self.kind == "events":
            return f"Event log {self.event_log}{f' of {self.unit}' if self.unit else ''}{at}"
        return f"{self.path or self.unit}{at}"

    def to_json(self) -> dict[str, Any]:  # Any: the JSON edge
        return asdict(self)

    @property
    def given(self) -> dict[str, str]:
        """Return it as a query or a form's fields: what differs from the default."""
        pairs = ((key, value) for key, value in asdict(self).items() if value not in ("", False))
        return {key: "1" if value is True else str(value) for key, value in pairs if value != TAIL_LINES}


def source_from(given: object) -> Source:
    """Read JSON or a form. Raises SourceError for what is not a log that may be read."""
    kind = next((known for known in KINDS if known == text(given, "kind")), None)
    if kind is None:
        raise SourceError("Choose what kind of log it is.")
    source = Source(
        kind,
        machine=word(given, "machine"),
        path=word(given, "path"),
        unit=word(given, "unit"),
        event_log=word(given, "event_log"),
        namespace=word(given, "namespace"),
        pod=word(given, "pod"),
        container=word(given, "container"),
        previous=truth(given, "previous") is True,
        since=moment(given, "since"),
        until=moment(given, "until"),
        pattern=text(given, "pattern")[:500],
        tail=min(max(whole(given, "tail") or TAIL_LINES, 1), MOST_TAIL),
    )
    check(source)
    return source


def word(given: object, key: str) -> str:
    return text(given, key).strip()


def moment(given: object, key: str) -> str:
    """Return an ISO time in UTC; a browser's field has no zone and means UTC here."""
    said = word(given, key)
    if not said:
        return ""
    found = when(said if len(said) > 10 else f"{said}T00:00")
    if found is None:
        raise SourceError(f"{key}: {said[:40]!r} is no time; write 2026-11-22T19:30.")
    return found.isoformat()


def check(source: Source) -> None:
    for rule in RULES[source.kind]:
        rule(source)
    fits(source.machine, MACHINE, "machine's name", needed=source.kind != "pod")
    compiled(source.pattern)
    if source.since and source.until and source.since >= source.until:
        raise SourceError("The window ends before it begins.")


def fits(value: str, pattern: re.Pattern[str], what: str, *, needed: bool = True) -> None:
    if not value and needed:
        raise SourceError(f"The {what} is missing.")
    if value and not pattern.fullmatch(value):
        raise SourceError(f"This is no {what}: {value[:80]!r}.")


def check_path(source: Source) -> None:
    is_windows = source.path[1:2] == ":"
    fits(source.path, WINDOWS_PATH if is_windows else LINUX_PATH, "log file's path")
    roots = WINDOWS_ROOTS if is_windows else LINUX_ROOTS
    lowered = source.path.lower() if is_windows else source.path
    parts = re.split(r"[\\/]", source.path)
    if not lowered.startswith(roots) or any(part.strip(" .") == "" for part in parts[1:]):
        raise SourceError(f"Only files below {', '.join(roots)} are logs that are read from here.")


def check_pod(source: Source) -> None:
    fits(source.namespace, NAME, "namespace")
    fits(source.pod, NAME, "pod's name")
    fits(source.container, NAME, "container's name", needed=False)


def check_events(source: Source) -> None:
    fits(source.event_log, EVENT_LOG, "event log's name")
    fits(source.unit, EVENT_LOG, "provider's name", needed=False)


def check_unit(source: Source) -> None:
    fits(source.unit, UNIT, "service's name")


RULES = {
    "service": (check_unit,),
    "query": (check_unit,),
    "unit": (check_unit,),
    "file": (check_path,),
    "events": (check_events,),
    "pod": (check_pod,),
}


def compiled(pattern: str) -> Any:  # Any: RE2 is untyped
    """Return the pattern ready to search, None for an empty one. Raises SourceError."""
    if not pattern:
        return None
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise SourceError(f"The pattern is none: {error}") from error


def line_time(line: str, now: datetime) -> datetime | None:
    """Return the time a line begins with: ISO, or klog's, which has neither year nor zone (UTC)."""
    if found := ISO.match(line):
        return when(found[1].replace(",", ".").replace(" ", "T", 1))
    within = KLOG_WITHIN.match(line)
    if not within or not (klog := KLOG.match(within[1])):
        return None
    month, day, hour, minute, second, micro = map(int, klog.groups())
    year = now.year - (month > now.month)  # a December's line in January
    try:
        return datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC)
    except ValueError:
        return None


class Sieve:
    """Keeps the lines of a window that hold a pattern; a line without a time goes with the one before it."""

    def __init__(self, source: Source) -> None:
        self._pattern = compiled(source.pattern)
        self._since, self._until = when(source.since), when(source.until)
        self._is_inside = True

    def keep(self, lines: list[str], now: datetime) -> list[str]:
        inside = [line for line in lines if self._inside(line, now)]
        return [line for line in inside if self._pattern is None or self._pattern.search(line)]

    def _inside(self, line: str, now: datetime) -> bool:
        if self._since is None and self._until is None:
            return True
        at = line_time(line, now)
        if at is not None:
            is_late = self._until is not None and at > self._until
            self._is_inside = not is_late and (self._since is None or at >= self._since)
        return self._is_inside
