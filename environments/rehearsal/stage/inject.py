"""Injections, rehearsed: the binary is truly fetched from the lab host and checked; nothing runs it.

What lies where is remembered in the machine's state (`binaries`: path → sha256 and version), so that the
look, `Get-FileHash` and `--version` answer for what was put there. The files lie below .vagrant/rehearsal.
"""

# ruff: noqa: ARG001 (each stage has the same signature)
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stage.cluster import version
from stage.lab import Lab, Machine, MachineState
from stage.play import Player

NONE = "none"
FETCH_S = 60
# What the kit puts on a machine: path → (name, the step that does it).
WINDOWS = {
    "C:\\k\\kubelet.exe": ("kubelet", "windows-binaries"),
    "C:\\k\\kubeadm.exe": ("kubeadm", "windows-binaries"),
    "C:\\k\\kubectl.exe": ("kubectl", "windows-binaries"),
    "C:\\k\\kube-proxy.exe": ("kube-proxy", "windows-binaries"),
    "C:\\Program Files\\containerd\\containerd.exe": ("containerd", "windows-containerd"),
}
LINUX = {
    "/usr/bin/kubelet": ("kubelet", "linux-packages"),
    "/usr/bin/kubeadm": ("kubeadm", "linux-packages"),
    "/usr/bin/kubectl": ("kubectl", "linux-packages"),
    "/usr/bin/containerd": ("containerd", "linux-containerd"),
}
FLAGS = {
    "kubelet": "--windows-service --config=C:/var/lib/kubelet/config.yaml --node-ip={ip} "
    "--windows-priorityclass=ABOVE_NORMAL_PRIORITY_CLASS",
    "kube-proxy": "--v=4 --proxy-mode=kernelspace --hostname-override={name}",
}
HELP = {
    "kubelet": ("config string", "node-ip string", "windows-priorityclass string", "windows-service"),
    "kube-proxy": ("v Level", "proxy-mode string", "hostname-override string"),
}
LOST_FLAG = {"kubelet": "windows-priorityclass", "kube-proxy": "proxy-mode"}


class Refused(Exception):
    """The step fails; the text is what its script would say."""


def is_injection(step: str) -> bool:
    return "-inject-" in step


def act(player: Player, state: MachineState, step: str, mishap: str) -> None:
    """Do one step of an injection. Raises Refused."""
    facts = read_input(player.lab, player.machine)
    stage = {"prepare": prepare, "replace": replace, "start": start, "back": back}
    stage[step.rpartition("-")[2]](player, state, facts, mishap)


def read_input(lab: Lab, machine: Machine) -> dict[str, Any]:  # Any: the JSON edge
    path = lab.folder / "inputs" / machine.name / "injection.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        raise Refused("labkit: '' is not a component's name.") from None
    return found


def present(lab: Lab, machine: Machine, state: MachineState) -> dict[str, dict[str, str]]:
    """Return what lies on the machine: path → name, sha256, version."""
    kit = WINDOWS if machine.is_windows else LINUX
    found = {
        path: {"name": name, "sha256": made_up(path, number(lab, name)), "version": number(lab, name)}
        for path, (name, step) in kit.items()
        if step in state.done and not (name == "kube-proxy" and lab.fact("cni", "name") == "antrea")
    }
    return {path: facts for path, facts in {**found, **state.binaries}.items() if facts["sha256"] != NONE}


def number(lab: Lab, name: str) -> str:
    if name == "containerd":
        return "v" + lab.fact("containerd", "version", default="2.3.4")
    return version(lab)


def made_up(path: str, text: str) -> str:
    """Return a hash for a file that does not exist."""
    return hashlib.sha256(f"rehearsal {path} {text}".encode()).hexdigest()


def store(player: Player) -> Path:
    folder = player.lab.home(player.machine.name) / "binaries"
    folder.mkdir(exist_ok=True)
    return folder


def prepare(player: Player, state: MachineState, facts: dict[str, Any], mishap: str) -> None:  # Any: JSON
    bring(player, state, facts)
    now = present(player.lab, player.machine, state).get(facts["path"])
    if now is None:
        now = {"name": facts["component"], "sha256": NONE, "version": ""}
    state.noted.setdefault(str(facts["id"]), now)
    state.kept[now["sha256"]] = now
    write_answers(player, facts, state.noted[str(facts["id"])]["sha256"], mishap)


def bring(player: Player, state: MachineState, facts: dict[str, Any]) -> None:  # Any: JSON
    """Fetch the file from the lab host, as the guest would, and check it."""
    import urllib.request  # noqa: PLC0415 (a quarter of each command's start, wanted by this step alone)

    if facts["sha256"] in state.kept:
        return
    if not facts["url"]:
        raise Refused(
            f"labkit: This machine has not kept {facts['component']} with sha256 {facts['sha256']}."
        )
    player.guest(f"downloading {facts['url']}")
    try:
        with urllib.request.urlopen(facts["url"], timeout=FETCH_S) as answer:
            content = answer.read()
    except OSError as error:
        raise Refused(f"labkit: Could not download {facts['url']}: {error}") from error
    have = hashlib.sha256(content).hexdigest()
    if have != facts["sha256"]:
        raise Refused(
            f"labkit: checksum wrong: {facts['url']} has sha256 {have}, announced is {facts['sha256']}"
        )
    (store(player) / have).write_bytes(content)
    state.kept[have] = {"name": facts["component"], "sha256": have, "version": facts["version"]}


def write_answers(player: Player, facts: dict[str, Any], before: str, mishap: str) -> None:  # Any: JSON
    component = facts["component"]
    flags = player.fill(FLAGS.get(component, ""))
    lost = LOST_FLAG.get(component) if mishap == "flag-removed" else None
    known = [flag for flag in HELP.get(component, ("config string",)) if flag.split()[0] != lost]
    lines = ["=== before", before, "=== command", f"{facts['path']} {flags}", "=== code", "0", "=== help"]
    lines += [
        "Usage:",
        f"  {component} [flags]",
        "",
        "Flags:",
        *(f"      --{flag}   rehearsed" for flag in known),
    ]
    answers(player.lab, player.machine, component).write_text("\n".join([*lines, ""]))


def answers(lab: Lab, machine: Machine, component: str) -> Path:
    return lab.home(machine.name) / f"{component}.answers"


def replace(player: Player, state: MachineState, facts: dict[str, Any], mishap: str) -> None:  # Any: JSON
    if str(facts["id"]) not in state.noted or facts["sha256"] not in state.kept:
        raise Refused(
            f"labkit: The old {facts['component']} was not kept; the step before this one does that."
        )
    stop(state, facts)
    state.binaries[facts["path"]] = state.kept[facts["sha256"]]
    player.guest(f"changed: {facts['path']} is {facts['sha256']}")


def stop(state: MachineState, facts: dict[str, Any]) -> None:  # Any: JSON
    """Let the services stop that run it; a pod's process is left alone."""
    state.stopped += [name for name in facts["runner"]["stops"] if name not in state.stopped]


def start(player: Player, state: MachineState, facts: dict[str, Any], mishap: str) -> None:  # Any: JSON
    runner = facts["runner"]
    state.stopped = [name for name in state.stopped if name not in runner["stops"]]
    if runner["kind"] == "nobody":
        player.guest(f"nobody runs {facts['component']} all the time: the next call takes the new file")
    if runner["kind"] == "pod":
        state.restarted[runner["name"]] = state.restarted.get(runner["name"], 0) + 1
        player.guest(f"deleting pod {runner['name']}; its DaemonSet makes it anew")


def back(player: Player, state: MachineState, facts: dict[str, Any], mishap: str) -> None:  # Any: JSON
    before = state.noted.get(str(facts["id"]))
    if before is None:
        raise Refused(f"labkit: Nothing was noted of the {facts['component']} that lay there before.")
    state.binaries[facts["path"]] = before
    start(player, state, facts, mishap)
    player.guest(f"the old {facts['component']} ({before['sha256']}) is back")


# -- what a guest is asked about it ---------------------------------------------------------


def find(lab: Lab, machine: Machine, state: MachineState, text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield path and facts of each binary whose path stands in a command."""
    for path, facts in present(lab, machine, state).items():
        if path.lower() in text.lower():
            yield path, facts


def content(lab: Lab, machine: Machine, facts: dict[str, str]) -> bytes:
    """Return an injected file's bytes; none for what was never there."""
    path = lab.home(machine.name) / "binaries" / facts["sha256"]
    return path.read_bytes() if path.exists() else b""
