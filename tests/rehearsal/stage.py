"""A rehearsed lab for the tests: the executable is called as the driver calls it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

VAGRANT = Path(__file__).parents[2] / "environments" / "rehearsal" / "vagrant"
LINUX_STEPS = (
    "linux-prepare",
    "linux-containerd",
    "control-plane-init",
    "cni-install",
    "cni-windows",
    "wait-ready",
    "smoke",
)
WINDOWS_STEPS = (
    "windows-preflight",
    "windows-network",
    "windows-features",
    "windows-containerd",
    "windows-binaries",
    "windows-join",
)


@dataclass
class RehearsedLab:
    """A folder with a lab.json of two machines; `vagrant(…)` runs the executable in it."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def write(self, *mishaps: str, cni: str = "calico", speed: float = 0) -> None:
        machines = [
            machine("controlplane", "control-plane", "linux", "192.168.56.10", "ssh", LINUX_STEPS),
            machine("winw1", "windows", "windows", "192.168.56.11", "winrm", WINDOWS_STEPS),
        ]
        lab = {
            "provider": "rehearsal",
            "kubernetes": {"version": "1.36.1"},
            "cni": {"name": cni, "version": "3.32.1"},
            "machines": machines,
            "rehearsal": {"speed": speed, "mishaps": list(mishaps)},
        }
        (self.folder / "lab.json").write_text(json.dumps(lab))

    def start(self, *args: str) -> "subprocess.Popen[bytes]":
        env = {"PATH": os.environ["PATH"], **self.env}
        return subprocess.Popen(
            [sys.executable, VAGRANT, *args],
            cwd=self.folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def vagrant(self, *args: str) -> "subprocess.CompletedProcess[bytes]":
        with self.start(*args) as process:
            output, errors = process.communicate(timeout=60)
        return subprocess.CompletedProcess(args, process.returncode, output, errors)

    def up(self) -> None:
        for name in ("controlplane", "winw1"):
            assert self.vagrant("up", name, "--no-provision").returncode == 0

    def provision(self, name: str, *steps: str) -> "subprocess.CompletedProcess[bytes]":
        return self.vagrant("provision", name, "--provision-with", ",".join(steps), "--machine-readable")


def machine(
    name: str, role: str, os_: str, ip: str, communicator: str, steps: tuple[str, ...]
) -> dict[str, object]:
    listed = [{"name": step, "script": f"{step}.sh", "may_reboot": False, "usual_s": 20} for step in steps]
    return {"name": name, "role": role, "os": os_, "ip": ip, "communicator": communicator, "steps": listed}
