"""Answers commands in a rehearsed Linux guest; what it does not know it says as bash would."""

# ruff: noqa: ARG002 (each entry of a table has the table's signature)
import base64
import json
import re
import shlex
import time
from collections.abc import Callable

from stage import guest_logs, inject, kubectl, workloads
from stage.cluster import has_network, is_initialised, version
from stage.lab import Lab, Machine, MachineState

Answer = tuple[int, str, str]
HANDED = re.compile(r"echo ([A-Za-z0-9+/=]+) \| base64 -d \| (sudo kubectl .*)$", re.DOTALL)
OS_RELEASE = 'PRETTY_NAME="Ubuntu 24.04.3 LTS"\nNAME="Ubuntu"\nVERSION_ID="24.04"\nID=ubuntu\n'
DISK = (
    "Filesystem     1K-blocks    Used Available Use% Mounted on\n"
    "/dev/sda1       40470732 9120412  31333936  23% /\n"
)
MEMORY = (
    "               total        used        free      shared  buff/cache   available\n"
    "Mem:            3915        1204         881           4        1829        2460\n"
)


class Guest:
    """One Linux machine, as far as its answers go."""

    def __init__(self, lab: Lab, machine: Machine, state: MachineState) -> None:
        self.lab = lab
        self.machine = machine
        self.state = state

    def run(self, words: list[str]) -> Answer:
        """Answer one simple command."""
        name, *rest = words
        if name in COMMANDS:
            return COMMANDS[name](self, rest)
        return 127, "", f"bash: line 1: {name}: command not found\n"

    def leave(self, rest: list[str]) -> Answer:
        return (int(rest[0]) if rest and rest[0].isdigit() else 0), "", ""

    def cluster(self, rest: list[str]) -> Answer:
        return kubectl.kubectl(self.lab, rest)

    def systemctl(self, rest: list[str]) -> Answer:
        if rest[:1] and rest[0] in ("start", "stop", "restart"):
            return self.control(rest)
        if rest[:2] == ["show", "-p"]:
            return 0, "\n".join(self.properties(unit) for unit in rest[3:]), ""
        if not rest or rest[0] != "is-active":
            return 1, "", "A rehearsal answers `systemctl is-active` and `show` only.\n"
        states = [
            "active" if self.runs(unit) else "inactive" for unit in rest[1:] if not unit.startswith("-")
        ]
        return (0 if "active" in states else 3), "".join(f"{state}\n" for state in states), ""

    def runs(self, unit: str) -> bool:
        unit = unit.removesuffix(".service")
        if unit in self.state.stopped:
            return False
        needed = {"containerd": "linux-containerd", "kubelet": "linux-packages"}.get(unit)
        return unit in ("ssh", "sshd", "chrony", "cron") or (needed is not None and needed in self.state.done)

    def properties(self, unit: str) -> str:
        """Tell of a unit as `systemctl show -p …` does."""
        since = time.strftime("%a %Y-%m-%d %H:%M:%S UTC", time.gmtime(self.state.booted_at))
        told = {
            "MainPID": str(900 + len(unit)) if self.runs(unit) else "0",
            "ExecStart": f"{{ path=/usr/bin/{unit} ; argv[]=/usr/bin/{unit} ; ignore_errors=no ; pid=0 ; }}",
            "User": "",
            "Id": f"{unit}.service",
            "ActiveState": "active" if self.runs(unit) else "inactive",
            "UnitFileState": "enabled",
            "ActiveEnterTimestamp": since if self.runs(unit) else "",
        }
        return "".join(f"{name}={value}\n" for name, value in told.items())

    def journal(self, rest: list[str]) -> Answer:
        if "--show-cursor" in rest:
            return guest_logs.journal(self.machine, self.state, rest)
        return 0, "-- No entries --\n", ""

    def head(self, rest: list[str]) -> Answer:
        """Print the CNI's configuration, as `head` prints several files."""
        names = self.files_in("/etc/cni/net.d")
        cni = self.lab.fact("cni", "name", default="calico")
        text = json.dumps(
            {"name": "k8s-pod-network", "cniVersion": "0.3.1", "plugins": [{"type": cni}]}, indent=2
        )
        return (0 if names else 1), "".join(f"==> /etc/cni/net.d/{n} <==\n{text}\n" for n in names), ""

    def control(self, rest: list[str]) -> Answer:
        """Take note of a systemctl start, stop or restart."""
        verb, *units = rest
        for unit in units:
            self.state.stopped = [name for name in self.state.stopped if name != unit]
            self.state.stopped += [unit] if verb == "stop" else []
        self.lab.save(self.machine.name, self.state)
        return 0, "", ""

    def ls(self, rest: list[str]) -> Answer:
        """List what the dashboard looks for: kubeadm's files, the CNI's, the kit's states."""
        listed = [folder for folder in rest if folder.startswith("/")]
        lines = [line for folder in listed for line in (f"{folder}:", *self.files_in(folder), "")]
        return 0, "\n".join(lines), ""

    def files_in(self, folder: str) -> list[str]:
        if folder == "/var/lib/labkit/state":
            return [f"{step}.json" for step in sorted(self.state.done)]
        if folder == "/etc/kubernetes" and "control-plane-init" in self.state.done:
            return ["admin.conf", "controller-manager.conf", "kubelet.conf", "scheduler.conf"]
        if folder == "/etc/kubernetes" and "linux-join" in self.state.done:
            return ["kubelet.conf"]
        if folder == "/etc/cni/net.d" and has_network(self.lab, self.machine):
            return [f"10-{self.lab.fact('cni', 'name', default='calico')}.conflist"]
        return []

    def program(self, name: str) -> Answer:
        if name == "kubelet" and self.runs("kubelet"):
            facts = inject.present(self.lab, self.machine, self.state).get("/usr/bin/kubelet", {})
            return 0, f"Kubernetes {facts.get('version') or version(self.lab)}\n", ""
        if name == "containerd" and self.runs("containerd"):
            number = self.lab.fact("containerd", "version", default="2.3.4")
            return 0, f"containerd github.com/containerd/containerd/v2 v{number} 0\n", ""
        return 127, "", f"bash: line 1: {name}: command not found\n"

    def shell(self, rest: list[str]) -> Answer:
        """Answer the dashboard's question for hashes; no other script is run."""
        if "look-cache" not in " ".join(rest):
            return 127, "", "A rehearsal runs no script.\n"
        found = inject.present(self.lab, self.machine, self.state)
        return 0, "".join(f"{facts['sha256']} {path}\n" for path, facts in found.items()), ""

    def curl(self, rest: list[str]) -> Answer:
        """Answer for the kubelet's health; nothing else listens."""
        joined = {"control-plane-init", "linux-join"} & set(self.state.done)
        if rest[-1:] == ["http://127.0.0.1:10248/healthz"] and joined and "kubelet" not in self.state.stopped:
            return 0, "ok\n", ""
        return 7, "", "curl: (7) Failed to connect\n"

    def set_clock(self, rest: list[str]) -> Answer:
        self.state.clock_off_s = 0.0
        self.lab.save(self.machine.name, self.state)
        return 0, "200 OK\n", ""

    def date(self, rest: list[str]) -> Answer:
        moment = time.gmtime(time.time() + self.state.clock_off_s)
        form = rest[-1][1:] if rest and rest[-1].startswith("+") else "%a %b %e %H:%M:%S UTC %Y"
        return 0, time.strftime(form, moment) + "\n", ""

    def cat(self, rest: list[str]) -> Answer:
        if rest == ["/etc/os-release"]:
            return 0, OS_RELEASE, ""
        if rest[-1:] and rest[-1].endswith(".answers"):
            path = inject.answers(
                self.lab, self.machine, rest[-1].rpartition("/")[2].removesuffix(".answers")
            )
            return (0, path.read_text(), "") if path.exists() else (1, "", "cat: No such file\n")
        if rest == ["/etc/hostname"]:
            return 0, f"{self.machine.name}\n", ""
        return 1, "", "".join(f"cat: {path}: No such file or directory\n" for path in rest)

    def test(self, rest: list[str]) -> Answer:
        exists = rest[-1:] == ["/etc/kubernetes/admin.conf"] and is_initialised(self.lab)
        return (0 if exists else 1), "", ""

    def addresses(self, rest: list[str]) -> Answer:
        return (
            0,
            "1: lo    inet 127.0.0.1/8 scope host lo\n"
            f"3: eth1    inet {self.machine.ip}/24 scope global eth1\n",
            "",
        )

    def uptime(self, rest: list[str]) -> Answer:
        minutes = int((time.time() - self.state.booted_at) / 60) if self.state.booted_at else 0
        return (
            0,
            time.strftime(" %H:%M:%S", time.gmtime())
            + f" up {minutes} min,  0 users,  load average: 0.20, 0.18, 0.11\n",
            "",
        )


Command = Callable[[Guest, list[str]], Answer]
COMMANDS: dict[str, Command] = {
    "true": lambda guest, rest: (0, "", ""),
    ":": lambda guest, rest: (0, "", ""),
    "false": lambda guest, rest: (1, "", ""),
    "exit": Guest.leave,
    "echo": lambda guest, rest: (0, " ".join(rest) + "\n", ""),
    "hostname": lambda guest, rest: (0, f"{guest.machine.name}\n", ""),
    "whoami": lambda guest, rest: (0, "vagrant\n", ""),
    "id": lambda guest, rest: (0, "uid=1000(vagrant) gid=1000(vagrant) groups=1000(vagrant),27(sudo)\n", ""),
    "uname": lambda guest, rest: (0, f"Linux {guest.machine.name} 6.8.0-87-generic x86_64 GNU/Linux\n", ""),
    "date": Guest.date,
    "ls": Guest.ls,
    "curl": Guest.curl,
    "sh": Guest.shell,
    "chronyc": Guest.set_clock,
    "kubelet": lambda guest, rest: guest.program("kubelet"),
    "containerd": lambda guest, rest: guest.program("containerd"),
    "uptime": Guest.uptime,
    "journalctl": Guest.journal,
    "head": Guest.head,
    "df": lambda guest, rest: (0, DISK, ""),
    "free": lambda guest, rest: (0, MEMORY, ""),
    "ip": Guest.addresses,
    "cat": Guest.cat,
    "test": Guest.test,
    "systemctl": Guest.systemctl,
    "kubectl": Guest.cluster,
    "kubeadm": lambda guest, rest: kubectl.kubeadm(guest.lab, rest),
}


def answer(lab: Lab, machine: Machine, state: MachineState, command: str) -> Answer:
    """Answer simple commands joined by `;` or `&&`, with sudo, env and variables before them."""
    if command.startswith("labkit_path="):
        return guest_logs.linux_file(machine, state, command)
    if found := HANDED.match(command):
        return handed(lab, base64.b64decode(found[1]).decode(), found[2])
    guest = Guest(lab, machine, state)
    code, output, errors = 0, "", ""
    for joint, words in simple_commands(command):
        if joint == "&&" and code != 0:
            continue
        code, said, complained = guest.run(words)
        output += said
        errors += complained
    return code, output, errors


def handed(lab: Lab, text: str, command: str) -> Answer:
    """Answer a kubectl that reads objects from standard input."""
    if not is_initialised(lab):
        return 1, "", kubectl.REFUSED.format(ip=lab.control_plane.ip)
    if " apply " in command:
        return workloads.apply(lab, text, is_dry="--dry-run=server" in command)
    return workloads.delete(lab, text)


def simple_commands(command: str) -> list[tuple[str, list[str]]]:
    """Part a line into (joint before it, words); a pipe keeps its first command only."""
    try:
        lexer = shlex.shlex(command.replace("2>&1", ""), posix=True, punctuation_chars=";&|")
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        return [("", ["bash"])]
    found: list[tuple[str, list[str]]] = [("", [])]
    for word in words:
        if set(word) <= set(";&|") and word:
            found.append((word, []))
        else:
            found[-1][1].append(word)
    parted = [(joint, bare(words)) for joint, words in found if joint not in ("|", "||")]
    return [(joint, words) for joint, words in parted if words]


def bare(words: list[str]) -> list[str]:
    """Take sudo, its switches, env and variables from before a command, and redirections from after it."""
    rest = [word for word in words if not word.startswith(("2>", ">", "<"))]
    while rest and (
        rest[0] in ("sudo", "env", "-n", "-E", "-H") or ("=" in rest[0] and not rest[0].startswith("-"))
    ):
        rest = rest[1:]
    return rest
