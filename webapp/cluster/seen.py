"""All that a ladder is judged by, gathered; and `Proof`, what one rung's check says. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from webapp.cluster.facts import MachineFacts
from webapp.cluster.rungs import FixOffer
from webapp.kube.facts import KubeFacts, NodeFacts, PodFacts

# "node": it asks to join an attached cluster, and nobody has told its system yet.
Role = Literal["control-plane", "windows", "linux", "node"]


@dataclass(frozen=True)
class Wanted:
    """What the lab's definition asks of one machine. `ip` "" = any; `version` "" = any."""

    machine: str
    role: Role
    ip: str = ""
    version: str = ""
    cni: str = "calico"
    windows_cni: str = "host-process"  # or "services"
    has_kubernetes: bool = True
    has_overrides: bool = False
    is_attached: bool = False


@dataclass(frozen=True)
class Entered:
    """Into which state something came last, and when."""

    state: str
    at: datetime


@dataclass(frozen=True)
class Seen:
    """One machine and its cluster as last seen.

    `facts` and `kube` are None when the newest look was not answered; then `problem` or `kube_problem`
    says why. `is_on` None = not known. `api_files` are those of the control plane (smoke.json …).
    """

    wanted: Wanted
    now: datetime
    is_on: bool | None = None
    vm_word: str = ""
    facts: MachineFacts | None = None
    problem: str = ""
    seen_at: datetime | None = None
    kube: KubeFacts | None = None
    kube_problem: str = ""
    has_smoked: bool | None = None
    entered: Mapping[str, Entered] = field(default_factory=dict)
    usual_s: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.wanted.machine

    @property
    def node(self) -> NodeFacts | None:
        return self.kube.node(self.name) if self.kube is not None else None

    @property
    def pods(self) -> tuple[PodFacts, ...]:
        return self.kube.pods_on(self.name) if self.kube is not None else ()

    def pod_of(self, app: str) -> PodFacts | None:
        """Return this node's pod of a DaemonSet or with an app label; the readiest if there are several."""
        found = [pod for pod in self.pods if app in (pod.app, pod.owner.partition(" ")[2])]
        return max(found, key=lambda pod: pod.is_ready is True, default=None)


@dataclass(frozen=True)
class Proof:
    """What a check found: proven (True), refuted (False), nobody can tell (None).

    `is_final`: waiting will not help. `later`: it is not due yet, whatever comes before it.
    """

    verdict: bool | None
    evidence: str = ""
    is_final: bool = False
    advice: str = ""
    fix: FixOffer | None = None
    is_applicable: bool = True
    later: bool = False
    logs: tuple[str, ...] = ()


DOES_NOT_APPLY = Proof(None, is_applicable=False)


def unknown(evidence: str = "") -> Proof:
    return Proof(None, evidence)


def not_told(seen: Seen, *kinds: str) -> Proof | None:
    """Return the proof of a rung whose objects the API did not give: none in a list says nothing then."""
    missing = [kind for kind in kinds if seen.kube is not None and kind in seen.kube.missing]
    return unknown(f"The API did not tell its {' and '.join(missing)}.") if missing else None


def refuted(
    evidence: str,
    *,
    is_final: bool = False,
    advice: str = "",
    fix: FixOffer | None = None,
    logs: tuple[str, ...] = (),
) -> Proof:
    return Proof(False, evidence, is_final=is_final, advice=advice, fix=fix, logs=logs)


def proven(evidence: str = "") -> Proof:
    return Proof(True, evidence)
