"""Answers commands in a rehearsed Windows guest; what it does not know it says as PowerShell would."""

# ruff: noqa: ARG001 (each entry of a table has the table's signature)
import json
import re
import time
from collections.abc import Callable

from stage import guest_logs, inject, windows_look
from stage.cluster import has_network
from stage.lab import Lab, Machine, MachineState

Answer = tuple[int, str, str]
Reply = Callable[[Lab, Machine, MachineState, str], Answer]
# What must have been played before a service runs; "" = it always does.
SERVICES = {
    "winrm": "",
    "sshd": "",
    "w32time": "",
    "hns": "windows-features",
    "vmcompute": "windows-features",
    "containerd": "windows-containerd",
    "kubelet": "windows-join",
}
INSTALLED_BY = {"kubelet": "windows-binaries"}
DISPLAY = {
    "winrm": "Windows Remote Management (WS-Management)",
    "hns": "Host Network Service",
    "containerd": "Containerd",
}
UNKNOWN = (
    "{word} : The term '{word}' is not recognized as the name of a cmdlet, function, script file, or "
    "operable program. Check the spelling of the name, or if a path was included, verify that the "
    "path is correct and try again.\r\n"
)
LICENCE = """Name: Windows(R), ServerStandardEval edition\r
Description: Windows(R) Operating System, TIMEBASED_EVAL channel\r
Partial Product Key: 37CYR\r
License Status: Licensed\r
Timebased activation expiration: 201600 minute(s) (140 day(s))\r
"""


def answer(lab: Lab, machine: Machine, state: MachineState, command: str) -> Answer:
    """Answer one PowerShell command."""
    text = command.strip()
    if text.startswith("$log='labkit-log'"):
        return guest_logs.windows(machine, state, text)
    if text.startswith(windows_look.MARK):
        return windows_look.look(lab, machine, state, row, list(SERVICES))
    for pattern, reply in REPLIES:
        found = re.match(pattern, text, re.IGNORECASE)
        if found:
            return reply(lab, machine, state, text)
    word = text.split()[0] if text else ""
    return 1, "", UNKNOWN.format(word=word)


def leave(lab: Lab, machine: Machine, state: MachineState, text: str) -> Answer:
    return int(text.split()[1]) if len(text.split()) > 1 else 0, "", ""


def say(line: str) -> Reply:
    return lambda lab, machine, state, text: (0, line + "\r\n", "")


def services(lab: Lab, machine: Machine, state: MachineState, text: str) -> Answer:
    """Answer Get-Service: JSON when it is piped into ConvertTo-Json, else the table."""
    found = re.match(r"(?:Get-Service)\s+(?:-Name\s+)?([A-Za-z0-9_, '\"-]+)", text, re.IGNORECASE)
    named = [name.strip(" '\"").lower() for name in found[1].split(",")] if found else list(SERVICES)
    wanted = [name.split()[0] for name in named if name and not name.startswith("-")] or list(SERVICES)
    rows = [row(state, name) for name in wanted if is_installed(state, name)]
    missing = [name for name in wanted if not is_installed(state, name)]
    is_quiet = re.search(r"SilentlyContinue|-EA\s+(0|Ignore|Silent)", text, re.IGNORECASE)
    errors = (
        ""
        if is_quiet
        else "".join(
            f"Get-Service : Cannot find any service with service name '{name}'.\r\n" for name in missing
        )
    )
    if "convertto-json" in text.lower():
        return (1 if errors else 0), json.dumps(rows) + "\r\n", errors
    lines = ["", "Status   Name               DisplayName", "------   ----               -----------"]
    lines += [f"{row['Status']:8} {row['Name']:18} {DISPLAY.get(row['Name'], row['Name'])}" for row in rows]
    return (1 if errors else 0), "\r\n".join([*lines, "", ""]), errors


def is_installed(state: MachineState, name: str) -> bool:
    step = INSTALLED_BY.get(name, SERVICES.get(name))
    return step is not None and (step == "" or step in state.done or SERVICES[name] in state.done)


def row(state: MachineState, name: str) -> dict[str, str]:
    is_running = (SERVICES[name] == "" or SERVICES[name] in state.done) and name not in state.stopped
    return {
        "Name": name,
        "DisplayName": DISPLAY.get(name, name),
        "Status": "Running" if is_running else "Stopped",
        "StartType": "Automatic" if is_running else "Manual",
    }


def hns_networks(lab: Lab, machine: Machine, state: MachineState, text: str) -> Answer:
    networks = [{"Name": "nat", "Type": "nat", "ManagementIP": ""}]
    if "windows-join" in state.done and has_network(lab, machine):
        networks = [
            {"Name": name, "Type": "Overlay", "ManagementIP": machine.ip} for name in ("External", "Calico")
        ]
    return 0, json.dumps(networks) + "\r\n", ""


def test_path(lab: Lab, machine: Machine, state: MachineState, text: str) -> Answer:
    needed = {
        "containerd-containerd": "windows-containerd",
        "kubelet.conf": "windows-join",
        "kubelet.exe": "windows-binaries",
    }
    exists = any(part in text and step in state.done for part, step in needed.items())
    return 0, f"{exists}\r\n", ""


def control(lab: Lab, machine: Machine, state: MachineState, text: str) -> Answer:
    """Take note of started and stopped services, of a set clock, of a join that was cleared away."""
    for verb, name in re.findall(r"(Start|Stop|Restart)-Service (?:-Name )?([A-Za-z0-9-]+)", text):
        if not is_installed(state, name.lower()):
            return 1, "", f"{verb}-Service : Cannot find any service with service name '{name}'.\r\n"
        state.stopped = [other for other in state.stopped if other != name.lower()]
        state.stopped += [name.lower()] if verb == "Stop" else []
    if "w32tm" in text:
        state.clock_off_s = 0.0
    if "Remove-Item" in text and "kubelet.conf" in text:
        state.done.pop("windows-join", None)
        state.failed.pop("windows-join", None)
        state.stopped = [name for name in state.stopped if name != "kubelet"]
    lab.save(machine.name, state)
    return 0, "", ""


def kubelet_log(lab: Lab, machine: Machine, state: MachineState, text: str) -> Answer:
    if "windows-join" not in state.done:
        return (
            1,
            "",
            "Get-Content : Cannot find path 'C:\\var\\log\\kubelet\\kubelet.log' because it does not "
            "exist.\r\n",
        )
    head = time.strftime("I%m%d %H:%M:%S.000000    4321 ", time.gmtime(state.done["windows-join"]))
    lines = [
        'server.go:525] "Kubelet version" (rehearsed)',
        'kubelet_node_status.go:75] "Attempting to register node" node="' + machine.name + '"',
        'kubelet_node_status.go:78] "Successfully registered node" node="' + machine.name + '"',
    ]
    return 0, "".join(f"{head}{line}\r\n" for line in lines), ""


def answers_file(lab: Lab, machine: Machine, state: MachineState, text: str) -> Answer:
    """Answer for what an injection's first step wrote down."""
    name = text.rpartition("\\")[2].rpartition(".answers")[0]
    path = inject.answers(lab, machine, name)
    return (0, path.read_text(), "") if path.exists() else (1, "", "Get-Content : Cannot find path.\r\n")


def hash_of(lab: Lab, machine: Machine, state: MachineState, text: str) -> Answer:
    found = [facts["sha256"].upper() for _, facts in inject.find(lab, machine, state, text)]
    return (0, "\r\n".join([*found, ""]), "") if found else (1, "", "Get-FileHash : Cannot find path.\r\n")


def program(lab: Lab, machine: Machine, state: MachineState, text: str) -> Answer:
    """Answer PROGRAM --version for what lies there."""
    found = [facts for _, facts in inject.find(lab, machine, state, text)]
    if not found:
        return 1, "", UNKNOWN.format(word=text.split(maxsplit=1)[0])
    return 0, f"Kubernetes {found[0]['version']}\r\n", ""


def find_text(lab: Lab, machine: Machine, state: MachineState, text: str) -> Answer:
    """Answer `findstr /c:"TEXT" PATH` from an injected file's own bytes."""
    wanted = re.search(r'/c:"([^"]+)"', text, re.IGNORECASE)
    files = [inject.content(lab, machine, facts) for _, facts in inject.find(lab, machine, state, text)]
    is_there = wanted is not None and any(wanted[1].encode() in content for content in files)
    return (0, f"{wanted[1]}\r\n", "") if is_there and wanted else (1, "", "")


REPLIES: list[tuple[str, Reply]] = [
    (r"Get-Content\b.*\.answers", answers_file),
    (r"\(?Get-FileHash\b", hash_of),
    (r"findstr(\.exe)?\b", find_text),
    (r"&?\s*['\"]?C:\\.*\.exe['\"]?\s+(--version|version)", program),
    (r"exit\b", leave),
    (r"(\$true|true)$", say("True")),
    (r"(\$env:COMPUTERNAME|hostname)\b", lambda lab, machine, state, text: (0, f"{machine.name}\r\n", "")),
    (r"(cmd(\.exe)? /c )?ver$", say("\r\nMicrosoft Windows [Version 10.0.20348.4648]")),
    (r"\[(System\.)?Environment\]::OSVersion\.Version\.Build", say("20348")),
    (
        r"(Write-Output|echo)\s+(.*)",
        lambda lab, machine, state, text: (0, text.split(None, 1)[1].strip("'\"") + "\r\n", ""),
    ),
    (r"whoami\b", lambda lab, machine, state, text: (0, f"{machine.name}\\vagrant\r\n", "")),
    (
        r"(Get-Date|\(Get-Date\))",
        lambda lab, machine, state, text: (0, time.strftime("%Y-%m-%dT%H:%M:%SZ\r\n", time.gmtime()), ""),
    ),
    (r"Get-Service\b", services),
    (r"(\$ErrorActionPreference\b|(Start|Stop|Restart)-Service\b)", control),
    (r"(Get-HnsNetwork\b|ConvertTo-Json\b.*Get-HnsNetwork)", hns_networks),
    (r"ConvertTo-Json\b.*Get-HnsEndpoint", say("[]")),
    (r"Test-Path\b", test_path),
    (r"Get-Content\b.*kubelet", kubelet_log),
    (r"cscript\b.*slmgr", say(LICENCE.rstrip())),
    (
        r"ipconfig\b",
        lambda lab, machine, state, text: (
            0,
            f"\r\n   IPv4 Address. . . . . . . . . . . : {machine.ip}\r\n",
            "",
        ),
    ),
]
