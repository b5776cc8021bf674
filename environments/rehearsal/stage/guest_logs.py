"""Logs of rehearsed guests: files that grow by a line every two seconds, the journal, Windows' events."""

import base64
import json
import re
import time

from stage import cluster
from stage.cluster import stamp
from stage.lab import Lab, Machine, MachineState

Answer = tuple[int, str, str]
EVERY_S = 2
WIDTH = 120  # of a line with its newline, so that a place in the file needs no reading
SERVICE = re.compile(r"([a-z-]+?)(?:\.err)?\.log$", re.IGNORECASE)
WORDS = (
    'kubelet.go:2412] "SyncLoop (PLEG): event for pod" pod="kube-system/kube-proxy-windows"',
    'reconciler_common.go:251] "operationExecutor.VerifyControllerAttachedVolume started" volume="kube-api"',
    'prober.go:107] "Probe succeeded" probeType="Readiness" pod="labkit/whoami-windows"',
    'kubelet_getters.go:187] "Pod status updated" pod="calico-system/calico-node-windows" status="Running"',
)
# Somebody's script prints what it should not; the dashboard must not keep it.
SPILL = 'kubelet.go:301] "Bootstrapping with token" token="rehear.5a10000000000000"'


def line(number: int, began: float) -> bytes:
    moment = time.gmtime(began + number * EVERY_S)
    words = SPILL if number == 1 else WORDS[number % len(WORDS)]
    text = f"I{time.strftime('%m%d %H:%M:%S', moment)}.{number % 1_000_000:06d}    4321 {words}"
    return text[: WIDTH - 1].ljust(WIDTH - 1).encode() + b"\n"


def piece(began: float, offset: int, most: int) -> tuple[int, int, bytes]:
    """Return where it begins, how large the file is, and the bytes there."""
    count = int(max(0.0, time.time() - began) / EVERY_S) + 3
    size = count * WIDTH
    at = max(0, size - most) if offset < 0 else (offset if offset <= size else 0)
    end = min(size, at + most)
    text = b"".join(line(number, began) for number in range(at // WIDTH, -(-end // WIDTH)))
    start = at - at // WIDTH * WIDTH
    return at, size, text[start : start + end - at]


def began_at(machine: Machine, state: MachineState) -> float:
    """Return since when the machine's services write; 0.0 when they do not yet."""
    return state.done.get(cluster.join_step(machine), 0.0)


def number(text: str, name: str) -> int:
    found = re.search(rf"\$?{name}=(-?\d+)", text)
    return int(found[1]) if found else 0


def windows(machine: Machine, state: MachineState, text: str) -> Answer:
    """Answer the dashboard's scripts that begin with $log='labkit-log'."""
    if "$kind='events'" in text:
        return windows_events(state, text)
    path = re.search(r"\$path='([^']*)'", text)
    began = began_at(machine, state)
    if path is None or not began or not SERVICE.search(path[1]):
        name = path[1] if path else ""
        return 0, json.dumps({"labkit": 1, "problem": f"Could not find file '{name}'."}) + "\r\n", ""
    at, size, data = piece(began, number(text, "offset"), number(text, "most"))
    found = {"labkit": 1, "offset": at, "size": size, "data": base64.b64encode(data).decode()}
    return 0, json.dumps(found) + "\r\n", ""


def windows_events(state: MachineState, text: str) -> Answer:
    after = number(text, "after")
    found = [
        {
            "At": stamp(at),
            "Id": 7036,
            "Level": "Information",
            "Provider": "Service Control Manager",
            "Record": count,
            "Text": f"The step {step} has changed the state of a service.",
        }
        for count, (step, at) in enumerate(sorted(state.done.items(), key=lambda pair: pair[1]), 1)
        if count > after
    ]
    return 0, json.dumps({"labkit": 1, "events": found}) + "\r\n", ""


def linux_file(machine: Machine, state: MachineState, text: str) -> Answer:
    """Answer the script that begins with labkit_path=…"""
    path = text.partition(";")[0].partition("=")[2].strip("'")
    began = began_at(machine, state)
    if not began or not path.endswith("log"):
        return 2, "", f"stat: cannot statx '{path}': No such file or directory\n"
    at, size, data = piece(began, number(text, "labkit_offset"), number(text, "labkit_most"))
    return 0, f"labkit-log {at} {size}\n{base64.b64encode(data).decode()}\n", ""


def journal(machine: Machine, state: MachineState, words: list[str]) -> Answer:
    """Answer journalctl -u UNIT, after a cursor or the last lines."""
    began = began_at(machine, state)
    if not began:
        return 0, "-- No entries --\n", ""
    unit = words[words.index("-u") + 1] if "-u" in words else "kubelet"
    cursor = next((word.partition("=s=")[2] for word in words if word.startswith("--after-cursor=")), "")
    count = int((time.time() - began) / EVERY_S) + 3
    first = int(cursor) if cursor.isdigit() else max(0, count - 200)
    lines = [
        f"{stamp(began + n * EVERY_S)[:-1]}.000000+00:00 {machine.name} {unit}[812]: "
        f"{line(n, began).decode().split(' ', 6)[-1].strip()}"
        for n in range(first, count)
    ]
    return 0, "".join(f"{one}\n" for one in lines) + f"-- cursor: s={count}\n", ""


def query(lab: Lab, name: str, asked: dict[str, str]) -> Answer:
    """Answer the kubelet's node log query."""
    if name not in lab.machines or asked.get("query") not in ("kubelet", "containerd"):
        return 1, "", "Error from server (NotFound): the server could not find the requested resource\n"
    machine = lab.machine(name)
    began = began_at(machine, lab.state(name))
    tail = int(asked.get("tailLines", "200"))
    count = int(max(0.0, time.time() - began) / EVERY_S) + 3
    text = b"".join(line(n, began) for n in range(max(0, count - tail), count))
    return 0, text.decode(), ""
