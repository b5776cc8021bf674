"""Facts → join ladder. Pure: the same `Seen` always gives the same ladder.

Each rung has a check (machine_proofs, join_proofs, network_proofs) that proves, refutes or does not
know. The first refuted rung is where it stands: `now` while its time lasts, `failed` once waiting will
not help (a known failure, a final refutation, its limit is over). Rungs after it wait.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from webapp.cluster import join_proofs as join
from webapp.cluster import machine_proofs as machine
from webapp.cluster import network_proofs as network
from webapp.cluster.rungs import Advice, Ladder, Rung, RungState
from webapp.cluster.seen import DOES_NOT_APPLY, Proof, Role, Seen
from webapp.diagnosis.rules import Rule, Rules

Check = Callable[[Seen], Proof]


@dataclass(frozen=True)
class RungKind:
    """A rung as such. `limit_s`: after so long without proof it has failed. `step`: the kit's step behind it.

    Limits: lab-facts 6.3 (join 12 min, CNI on Windows 15 min, first workload 20 min), installs as the
    kit's own limits.
    """

    key: str
    title: str
    check: Check
    limit_s: int
    step: str = ""
    needs_kubernetes: bool = True

    def prove(self, seen: Seen) -> Proof:
        if self.needs_kubernetes and not seen.wanted.has_kubernetes:
            return DOES_NOT_APPLY
        return self.check(seen)


MACHINE = RungKind("machine", "Machine is on", machine.machine_is_on, 900, "up", needs_kubernetes=False)
SHELL = RungKind("shell", "Remote shell answers", machine.shell_answers, 1200, "up", needs_kubernetes=False)
OS = RungKind("os", "Operating system is ready", machine.os_is_ready, 2700, needs_kubernetes=False)
RUNTIME = RungKind("runtime", "containerd answers", machine.runtime_answers, 1800)
BINARIES = RungKind("binaries", "Binaries are in place", machine.binaries_are_there, 1800)
API = RungKind("api", "Token and API", join.api_is_reachable, 720)
KUBELET = RungKind("kubelet", "kubelet is up", join.kubelet_is_up, 720)
REQUEST = RungKind("request", "Certificate request", join.request_is_issued, 720)
NODE = RungKind("node", "Node is registered", join.node_is_registered, 720)
CNI = RungKind("cni", "CNI", network.cni_is_up, 900)
NETWORK = RungKind("network", "Network and address", network.network_is_right, 600)
PROXY = RungKind("proxy", "kube-proxy", network.proxy_runs, 900)
READY = RungKind("ready", "Ready", network.node_is_ready, 600)
SMOKE = RungKind("smoke", "Smoke test", network.workload_answers, 1200, "smoke")
INIT = RungKind("init", "kubeadm init", network.control_plane_is_initialised, 1800)
ADDONS = RungKind("addons", "Add-ons", network.addons_run, 900)

START = (MACHINE, SHELL, OS, RUNTIME, BINARIES)
KINDS: dict[Role, tuple[RungKind, ...]] = {
    "windows": (*START, API, KUBELET, REQUEST, NODE, CNI, NETWORK, PROXY, READY, SMOKE),
    "linux": (*START, API, KUBELET, REQUEST, NODE, CNI, NETWORK, PROXY, READY),
    "node": (*START, API, KUBELET, REQUEST, NODE, CNI, NETWORK, PROXY, READY),
    "control-plane": (*START, INIT, KUBELET, NODE, CNI, ADDONS, NETWORK, READY),
}
# To which rung a known failure in the join's or the kubelet's log belongs (ids of kit/failures.yaml).
RULE_RUNGS = {
    "licence-expired": "os",
    "reboot-refused": "os",
    "feature-missing": "os",
    "containerd-not-running": "runtime",
    "cri-endpoints": "runtime",
    "config-not-parsed": "runtime",
    "join-token-missing": "api",
    "token-expired": "api",
    "ca-hash-wrong": "api",
    "api-unreachable": "api",
    "address-not-in-certificate": "api",
    "clock-skew": "api",
    "join-leftovers": "request",
    "kubeadm-api-version": "request",
    "tls-bootstrap-timeout": "request",
    "version-skew": "request",
    "kubelet-not-healthy": "kubelet",
    "kubelet-unknown-flag": "kubelet",
    "kubelet-windows-cgroups": "kubelet",
    "node-log-query-gate": "kubelet",
    "feature-gate-unknown": "kubelet",
    "node-name-taken": "node",
    "node-name-mismatch": "node",
    "cni-not-ready": "cni",
    "calico-strict-affinity": "cni",
    "ovs-driver": "cni",
    "hns-network-gone": "network",
    "wrong-card": "network",
    "kube-proxy-no-network": "proxy",
}
RUNGS_OF = {**{rule: {rung} for rule, rung in RULE_RUNGS.items()}, "hns-broken": {"cni", "network"}}
# These say only that it failed; another one beside them says why.
GENERAL = {"kubelet-not-healthy", "tls-bootstrap-timeout", "image-pull", "node-not-ready", "cni-not-ready"}


def make_ladder(seen: Seen, rules: Rules | None = None) -> Ladder:
    """Judge one machine. `rules`: the known failures to look for in the evidence."""
    kinds = KINDS[seen.wanted.role]
    proofs = [(kind, kind.prove(seen)) for kind in kinds]
    rungs: list[Rung] = []
    is_broken = False
    for index, (kind, proof) in enumerate(proofs):
        finding = find(kind, proof, rules, seen.wanted.role)
        is_overdue = overdue(kind, rungs, seen)
        refuted = proof.verdict is False or (finding is not None and applies_now(finding, proof, is_overdue))
        state = judge(proof, finding, refuted=refuted, is_broken=is_broken, is_overdue=is_overdue)
        if state == "unknown" and is_broken and not any(p.verdict for _, p in proofs[index + 1 :]):
            state = "waiting"
        rungs.append(rung_of(kind, proof, finding, state, seen))
        is_broken = is_broken or state in ("failed", "now") or (proof.later and proof.verdict is False)
    return Ladder(seen.name, seen.wanted.role, tuple(rungs), seen.seen_at, seen.problem or seen.kube_problem)


def applies_now(finding: Rule, proof: Proof, is_overdue: bool) -> bool:
    """A known failure in a log refutes its rung; one that is normal for a while does so only later."""
    return bool(proof.logs) and (is_overdue or not finding.when_failed)


def judge(
    proof: Proof, finding: Rule | None, *, refuted: bool, is_broken: bool, is_overdue: bool
) -> RungState:
    if not proof.is_applicable:
        return "not-applicable"
    if proof.verdict is True and not refuted:
        return "done"
    if proof.later:
        return "waiting"
    if not refuted:
        return "unknown"
    if is_broken:
        return "waiting"
    is_known_failure = finding is not None and not finding.when_failed
    return "failed" if proof.is_final or is_known_failure or is_overdue else "now"


def overdue(kind: RungKind, before: Sequence[Rung], seen: Seen) -> bool:
    """Tell whether its limit is over since it could begin: since the rung before it was done."""
    begun = begun_at(kind, before, seen)
    return begun is not None and seen.now - begun > timedelta(seconds=kind.limit_s)


def begun_at(kind: RungKind, before: Sequence[Rung], seen: Seen) -> datetime | None:
    """Return since when it is this rung's turn, as far as the history goes."""
    done = [rung.since for rung in before if rung.state == "done" and rung.since is not None]
    own = seen.entered.get(kind.key)
    if own is not None and own.state in ("now", "failed"):
        return min([own.at, *done[-1:]]) if done and done[-1] > own.at else own.at
    return done[-1] if done else None


def find(kind: RungKind, proof: Proof, rules: Rules | None, role: str) -> Rule | None:
    """Return the known failure that fits the evidence best: the newest line of a rule that says why."""
    if rules is None or not proof.is_applicable:
        return None
    by_id = rules.by_id
    told = [proof.evidence] if proof.verdict is False else []
    own = [by_id[f.rule_id] for f in rules.match_lines(0, told, step=kind.step, role=role)]
    logged = [by_id[f.rule_id] for f in rules.match_lines(0, list(proof.logs), role=role)]
    fitting = [rule for rule in logged if kind.key in RUNGS_OF.get(rule.id, {kind.key})]
    found = [rule for rule in (*fitting, *own) if rule.kind == "failure"]
    precise = [rule for rule in found if rule.id not in GENERAL]
    return next(iter([*precise[-1:], *found[-1:]]), None)


def rung_of(kind: RungKind, proof: Proof, finding: Rule | None, state: RungState, seen: Seen) -> Rung:
    is_here = state in ("failed", "now")
    entered = seen.entered.get(kind.key)
    evidence = proof.evidence
    if finding is not None and is_here and (line := line_of(proof)):
        evidence = f"{evidence}\n{line}".strip()
    return Rung(
        key=kind.key,
        title=kind.title,
        state=state,
        since=entered.at if entered is not None and entered.state == state else None,
        evidence=evidence,
        usual_s=seen.usual_s.get(kind.key),
        finding=advice_of(finding) if finding is not None and is_here else None,
        advice=proof.advice if is_here else "",
        fix=proof.fix if is_here else None,
    )


def line_of(proof: Proof) -> str:
    """Return the last line of the log that shows it, for the evidence."""
    return next((line for line in reversed(proof.logs) if line.strip()), "")


def advice_of(rule: Rule) -> Advice:
    return Advice(rule.id, rule.title, rule.explanation, rule.advice, rule.link)


def duration(time: timedelta) -> str:
    seconds = max(int(time.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    return (
        f"{seconds // 3600} h {seconds % 3600 // 60} min" if seconds < 86_400 else f"{seconds // 86_400} days"
    )
