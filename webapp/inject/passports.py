"""The passport panel: what runs on each machine, by hash, against what was meant. Pure.

*Unknown stays unknown*: where nobody could look, or the look told no hash, nothing is called right or wrong.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from webapp.catalog.components import Component
from webapp.catalog.spec import LabSpec
from webapp.cluster.facts import BinaryFacts
from webapp.inject.runners import Runner, runner_of

Verdict = Literal["as-meant", "drift", "unknown", "missing", "unused"]
# Told by one file of the release each; what a definition overrides is meant by its own word.
OF_RELEASE = ("kubelet", "kube-proxy", "kubeadm", "kubectl", "kube-log-runner")


@dataclass(frozen=True)
class Meant:
    """What should lie there. `sha256` "": only the version is known; both "": any.

    `why`: "release", "containerd", "injected", "rolled back", "definition".
    """

    why: str
    sha256: str = ""
    version: str = ""
    commit: str = ""
    artifact: int | None = None
    injection: int | None = None
    can_roll_back: bool = False
    at: datetime | None = None


@dataclass(frozen=True)
class Known:
    """What the store of binaries says about a hash."""

    artifact: int
    version: str
    commit: str = ""
    build: int | None = None


@dataclass(frozen=True)
class Row:
    """One binary of one machine."""

    component: str
    runner: Runner
    verdict: Verdict
    sentence: str
    seen: BinaryFacts | None
    known: Known | None
    meant: Meant

    @property
    def version(self) -> str:
        """What the file itself says, else what the store knows of it."""
        told = self.seen.version if self.seen is not None else ""
        return told or (self.known.version if self.known is not None else "")

    @property
    def is_alarm(self) -> bool:
        return self.verdict in ("drift", "missing")


@dataclass(frozen=True)
class MachineSeen:
    """One machine as last looked at. `binaries` None: the look did not tell."""

    name: str
    system: str
    role: str
    seen_at: datetime | None
    problem: str
    binaries: tuple[BinaryFacts, ...] | None


@dataclass(frozen=True)
class Passport:
    """The panel of one machine."""

    machine: MachineSeen
    rows: tuple[Row, ...]

    @property
    def alarms(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.is_alarm)


def make_passport(
    machine: MachineSeen,
    components: Iterable[Component],
    spec: LabSpec,
    meant: Mapping[str, Meant],
    known: Mapping[str, Known],
) -> Passport:
    """Hold each component that has a place on this machine against what was meant for it."""
    rows = []
    for component in components:
        runner = runner_of(component, machine.system, spec)
        wanted = meant.get(component.name) or meant_by(component, machine, spec)
        seen = find(machine.binaries or (), runner.path)
        if runner.path and (wanted is not None or seen is not None):
            rows.append(row_of(component.name, runner, machine, seen, wanted or Meant("nothing"), known))
    return Passport(machine, tuple(rows))


def meant_by(component: Component, machine: MachineSeen, spec: LabSpec) -> Meant | None:
    """Return what the definition means; None for a program that it says nothing about."""
    if spec.scope != "cluster" or runner_of(component, machine.system, spec).kind == "unused":
        return None
    for override in spec.overrides:
        if override.os == machine.system and override.binary == component.name:
            return Meant("definition")
    if component.name in OF_RELEASE:
        own = spec.kubernetes.control_plane_version if machine.role == "control-plane" else ""
        # Windows has them all; a Linux machine only those of the packages.
        if machine.system == "linux" and component.name == "kube-log-runner":
            return None
        return Meant("release", version=own or spec.kubernetes.version)
    return Meant("containerd", version=spec.containerd.version) if component.name == "containerd" else None


def find(binaries: Sequence[BinaryFacts], path: str) -> BinaryFacts | None:
    """Find a binary by its path; Windows does not tell capitals apart. By its name where no path was told."""
    for binary in binaries:
        if binary.path.lower() == path.lower() if "\\" in path else binary.path == path:
            return binary
    name = path.replace("\\", "/").rpartition("/")[2].removesuffix(".exe")
    return next((binary for binary in binaries if not binary.path and binary.name == name), None)


def row_of(
    name: str,
    runner: Runner,
    machine: MachineSeen,
    seen: BinaryFacts | None,
    meant: Meant,
    known: Mapping[str, Known],
) -> Row:
    verdict, sentence = judge(machine, seen, meant, runner)
    return Row(name, runner, verdict, sentence, seen, known.get(seen.sha256) if seen else None, meant)


def judge(
    machine: MachineSeen, seen: BinaryFacts | None, meant: Meant, runner: Runner
) -> tuple[Verdict, str]:
    """Return the verdict and what it rests on."""
    if machine.problem:
        return "unknown", f"Nobody could look: {machine.problem}"
    if machine.binaries is None:
        return "unknown", "Nobody has looked yet." if machine.seen_at is None else "The look did not tell."
    if seen is None:
        return missing(meant)
    if meant.sha256:
        return by_hash(seen, meant)
    if runner.kind == "unused":
        return "unused", runner.reason
    return by_version(seen, meant)


def missing(meant: Meant) -> tuple[Verdict, str]:
    if meant.sha256:
        return "missing", "The file that was injected is not there."
    return "unknown", "The look did not tell of this file."


def by_hash(seen: BinaryFacts, meant: Meant) -> tuple[Verdict, str]:
    if not seen.sha256:
        return "unknown", "The look told no hash."
    if seen.sha256 == meant.sha256:
        return "as-meant", f"It is what was {meant.why}."
    return (
        "drift",
        f"It is not what was {meant.why} ({meant.sha256[:12]}): somebody or something replaced it.",
    )


def by_version(seen: BinaryFacts, meant: Meant) -> tuple[Verdict, str]:
    if not meant.version or not is_exact(meant.version):
        return "unknown", "The definition names no exact version to hold it against."
    if not seen.version:
        return "unknown", "The file told no version."
    if plain(seen.version) == plain(meant.version):
        return "as-meant", f"It is {meant.version}, as the definition says."
    return "drift", f"The definition says {meant.version}; this is {seen.version}."


def is_exact(version: str) -> bool:
    return plain(version)[:1].isdigit() and version.count(".") >= 2


def plain(version: str) -> str:
    return version.rpartition("/")[2].removeprefix("v")
