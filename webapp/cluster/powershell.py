"""What Windows PowerShell 5.1 said of a machine → `MachineFacts`. Pure; no input makes it raise.

Its ways that are met here: enums as numbers, a byte order mark, UTF-16, one object where a list is
meant, "/Date(…)/", CLIXML and warnings before the answer, a line wrapped at the console's width.
"""

import base64
import gzip
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import get_args

from webapp.cluster.facts import (
    BinaryFacts,
    CniFile,
    HnsEndpoint,
    HnsNetwork,
    MachineFacts,
    ServiceState,
    SystemEvent,
    WindowsServiceFacts,
)
from webapp.kube.loose import items, number, objects, text, texts, truth, when, whole
from webapp.logs.lines import LogLine
from webapp.logs.redact import Redactor

SCRIPT = Path(__file__).with_name("look.ps1")
ANSWER = re.compile(r'\{\s*"labkit"\s*:')
ENDPOINT = re.compile(r"[0-9A-Za-z.:-]{0,80}")
# .NET's ServiceControllerStatus and ServiceStartMode.
STATES: tuple[ServiceState, ...] = get_args(ServiceState)
STATE_NUMBERS: dict[int, ServiceState] = {
    1: "Stopped",
    2: "StartPending",
    3: "StopPending",
    4: "Running",
    5: "ContinuePending",
    6: "PausePending",
    7: "Paused",
}
START_TYPES = {
    "0": "Boot",
    "1": "System",
    "2": "Automatic",
    "3": "Manual",
    "4": "Disabled",
    "Auto": "Automatic",
}
# Source: microsoft/hcsshim, internal/hns/hnsendpoint.go, EndpointState.
ENDPOINT_STATES = (
    "Uninitialized",
    "Created",
    "Attached",
    "AttachedSharing",
    "Detached",
    "Degraded",
    "Destroyed",
)
MOST_ENDPOINTS, MOST_CNI_FILES, MOST_CNI_TEXT = 60, 4, 4096
FEATURE_INSTALLED = {"Installed", "1"}
LICENSED = 1
# Service Control Manager: 7031, 7034 ended unexpectedly; 7036 "entered the … state".
CRASHES = frozenset({7031, 7034})
HOUR = timedelta(hours=1)
GIB = 1024**3
SKEW_STEP_S = 5  # what is nearer is the network's own delay


def look_command(endpoint: str = "") -> str:
    """Return the one command for a PowerShell; `endpoint` is the API's address:port, "" = do not try.

    Raises ValueError for an endpoint that is none.
    """
    if not ENDPOINT.fullmatch(endpoint):
        raise ValueError(f"{endpoint!r} is no address and port.")
    packed = base64.b64encode(gzip.compress(SCRIPT.read_bytes(), mtime=0)).decode()
    unpack = (
        "(New-Object IO.StreamReader((New-Object IO.Compression.GZipStream((New-Object IO.MemoryStream("
        f",[Convert]::FromBase64String('{packed}'))),[IO.Compression.CompressionMode]::Decompress)))).ReadToEnd()"
    )
    return f"$look='labkit-look';$api='{endpoint}';Invoke-Expression {unpack}"


def decode(raw: bytes) -> str:
    """Return the text of what a remote shell gave, whichever encoding it chose."""
    for mark, encoding in (
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
        (b"\xef\xbb\xbf", "utf-8"),
    ):
        if raw.startswith(mark):
            return raw[len(mark) :].decode(encoding, "replace")
    if raw[:64].count(b"\x00") > len(raw[:64]) // 4:
        return raw.decode("utf-16-be" if raw[:1] == b"\x00" else "utf-16-le", "replace")
    return raw.decode("utf-8", "replace")


def find_answer(said: str | bytes) -> Mapping[str, object] | None:
    """Return the look's JSON object within all that was said; None when it is not there whole."""
    whole_text = decode(said) if isinstance(said, bytes) else said.replace("\x00", "").replace("\ufeff", "")
    for candidate in (whole_text, whole_text.replace("\r", "").replace("\n", "")):
        for start in ANSWER.finditer(candidate):
            try:
                value, _ = json.JSONDecoder().raw_decode(candidate, start.start())
            except (ValueError, RecursionError):
                continue
            if isinstance(value, Mapping):
                return value
    return None


def parse_look(said: str | bytes, now: datetime) -> MachineFacts | None:
    """Return the machine's facts; None when the answer is not there. `now`: our clock as it was asked."""
    seen = find_answer(said)
    if seen is None:
        return None
    reboot = texts(seen, "reboot") if "reboot" in seen else None
    minutes = whole(seen, "licence", "Minutes")
    return MachineFacts(
        os="windows",
        build=text(seen, "build"),
        booted_at=when(seen, "booted"),
        clock_skew_s=skew(when(seen, "now"), now),
        missing_features=missing_features(seen),
        is_reboot_pending=None if reboot is None else bool(reboot),
        reboot_reasons=reboot or (),
        is_licensed=licensed(seen),
        licence_minutes=minutes // 60 * 60 if minutes else None,
        disk_free_gib=gib(number(seen, "free_bytes")),
        addresses=texts(seen, "addresses"),
        answers_containerd=truth(seen, "pipe"),
        binaries=tuple(map(binary, objects(seen, "binaries"))) if "binaries" in seen else None,
        can_reach_api=truth(seen, "api", "Ok"),
        api_problem=text(seen, "api", "Problem"),
        has_kubelet_conf=truth(seen, "kubelet_conf"),
        has_bootstrap_conf=truth(seen, "bootstrap_conf"),
        is_kubelet_healthy=truth(seen, "healthz"),
        cni_files=texts(seen, "cni_files") if "cni_files" in seen else None,
        hns_networks=tuple(map(network, objects(seen, "networks"))) if "networks" in seen else None,
        hns_endpoints=whole(seen, "endpoints"),
        endpoints=tuple(map(endpoint, objects(seen, "endpoint_list")))[:MOST_ENDPOINTS],
        cni_contents=tuple(
            cni_file(text(row, "Name"), text(row, "Text")) for row in objects(seen, "cni_texts")
        )[:MOST_CNI_FILES],
        services=services(seen, now) if "services" in seen else None,
        events=tuple(event(entry) for entry in objects(seen, "events"))[:100],
        log_files=texts(seen, "log_files"),
        join_log=redacted(texts(seen, "join_log")[-60:]),
        kubelet_log=redacted(texts(seen, "kubelet_log")[-40:]),
        problems=texts(seen, "errors"),
    )


def skew(theirs: datetime | None, ours: datetime) -> float | None:
    """Return how far their clock is ahead, in steps of 5 s."""
    if theirs is None:
        return None
    return float(round((theirs - ours).total_seconds() / SKEW_STEP_S) * SKEW_STEP_S)


def gib(count: float | None) -> float | None:
    return None if count is None else float(round(count / GIB))


def missing_features(seen: Mapping[str, object]) -> tuple[str, ...] | None:
    """Return the wanted features that are not installed; None when nobody told (or none was named)."""
    rows = [row for row in objects(seen, "features") if text(row, "Name")]
    if not rows:
        return None
    return tuple(text(row, "Name") for row in rows if text(row, "State") not in FEATURE_INSTALLED)


def licensed(seen: Mapping[str, object]) -> bool | None:
    status = whole(seen, "licence", "Status")
    return None if status is None else status == LICENSED


def binary(row: Mapping[str, object]) -> BinaryFacts:
    version = re.search(r"v?\d+\.\d+\.\d+[0-9A-Za-z.+-]*", text(row, "Version"))
    return BinaryFacts(
        text(row, "Name"), text(row, "Path"), version[0] if version else "", text(row, "Sha256")
    )


def network(row: Mapping[str, object]) -> HnsNetwork:
    return HnsNetwork(text(row, "Name"), text(row, "Type"), text(row, "ManagementIP"), text(row, "Subnet"))


def endpoint(row: Mapping[str, object]) -> HnsEndpoint:
    """Read an endpoint; its state comes as a name, or as a number from an older module."""
    state = text(row, "State")
    if state.isdecimal():
        state = ENDPOINT_STATES[int(state)] if int(state) < len(ENDPOINT_STATES) else ""
    return HnsEndpoint(text(row, "Name"), text(row, "Address"), text(row, "Network"), state)


def cni_file(name: str, content: str) -> CniFile:
    """Keep a configuration's text without secrets, its end cut off where it is long."""
    lines = redacted(tuple(content.replace("\r", "")[:MOST_CNI_TEXT].split("\n")))
    return CniFile(name, "\n".join(lines).strip())


def event(row: Mapping[str, object]) -> SystemEvent:
    return SystemEvent(when(row, "At"), "Service Control Manager", whole(row, "Id"), text(row, "Text"))


def services(seen: Mapping[str, object], now: datetime) -> tuple[WindowsServiceFacts, ...]:
    """Return the services; with the events, how often each has been restarted within the hour."""
    rows = [row for row in objects(seen, "services") if text(row, "Name")]
    return tuple(service(row, restarts(row, seen, now)) for row in rows)


def restarts(
    row: Mapping[str, object], seen: Mapping[str, object], now: datetime
) -> tuple[datetime, ...] | None:
    if "events" not in seen:
        return None
    names = {text(row, "Name"), text(row, "DisplayName")}
    times = (when(entry, "At") for entry in objects(seen, "events") if is_restart(entry, names))
    return tuple(sorted(at for at in times if at is not None and timedelta(0) <= now - at <= HOUR))


def is_restart(entry: Mapping[str, object], names: set[str]) -> bool:
    """Tell a crash of the service; an ordered stop and start is none."""
    return whole(entry, "Id") in CRASHES and text(entry, "Service") in names


def service(row: Mapping[str, object], times: tuple[datetime, ...] | None) -> WindowsServiceFacts:
    start = text(row, "StartType")
    return WindowsServiceFacts(
        text(row, "Name"),
        state_of(row.get("Status")),
        START_TYPES.get(start, start),
        text(row, "Account"),
        " ".join(redacted((text(row, "Path"),))),
        whole(row, "Pid") or None,
        whole(row, "ExitCode"),
        when(row, "Since"),
        texts(row, "DependsOn"),
        times,
    )


def state_of(value: object) -> ServiceState:
    """Read a state as a name or as .NET's number; another one is unknown."""
    name = text(value)
    if (found := whole(value)) is not None:
        return STATE_NUMBERS.get(found, "")
    return next((state for state in STATES if state == name), "")


def redacted(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Return the lines without secrets and without CLIXML's frame."""
    return tuple(line.text for line in Redactor([]).redact([LogLine("", "output", line) for line in lines]))


def parse_services(said: str | bytes, now: datetime) -> tuple[WindowsServiceFacts, ...]:
    """Parse what a plain `Get-Service … | ConvertTo-Json` printed: a list, or one object alone."""
    whole_text = decode(said) if isinstance(said, bytes) else said.replace("\ufeff", "")
    start = min((index for mark in "[{" if (index := whole_text.find(mark)) >= 0), default=-1)
    if start < 0:
        return ()
    try:
        value, _ = json.JSONDecoder().raw_decode(whole_text, start)
    except (ValueError, RecursionError):
        return ()
    return services({"services": items(value)}, now)
