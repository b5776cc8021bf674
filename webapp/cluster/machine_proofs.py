"""The rungs that a machine proves itself: on, answering, ready for containers, its programs. Pure."""

from webapp.cluster.facts import MachineFacts
from webapp.cluster.offers import offer
from webapp.cluster.seen import DOES_NOT_APPLY, Proof, Seen, proven, refuted, unknown

SKEW_S = 30
NEEDED = ("kubelet", "kubeadm")


def machine_is_on(seen: Seen) -> Proof:
    if seen.wanted.is_attached:
        return DOES_NOT_APPLY
    if seen.is_on is None:
        return unknown("What Vagrant last said of it is not known.")
    if seen.is_on:
        return proven(f"Vagrant: {seen.vm_word}")
    # Halted on purpose as a rule: nothing has failed, and nothing else can be asked.
    return Proof(False, f"Vagrant: {seen.vm_word}. Start the machine on the lab's page.", later=True)


def shell_answers(seen: Seen) -> Proof:
    if seen.wanted.is_attached:
        return DOES_NOT_APPLY
    if seen.problem:
        return refuted(
            seen.problem,
            is_final=seen.is_on is True,
            advice="Look at the machine's console on the lab host; Windows needs minutes for a first boot.",
        )
    if seen.facts is None:
        return unknown("Nobody has looked yet.")
    return proven(f"answered ({seen.facts.os} {seen.facts.build})".replace(" )", ")"))


def os_is_ready(seen: Seen) -> Proof:
    """Features, pending reboot, licence and clock on Windows; the clock on Linux."""
    facts = seen.facts
    if facts is None:
        return DOES_NOT_APPLY if seen.wanted.is_attached else unknown()
    if wrong := os_trouble(facts, seen.wanted.has_kubernetes):
        return wrong_os(seen, wrong, facts)
    told = [facts.clock_skew_s is not None]
    if facts.os == "windows":
        told += [
            facts.is_reboot_pending is not None,
            facts.missing_features is not None or not seen.wanted.has_kubernetes,
        ]
    return proven(os_evidence(facts)) if all(told) else unknown(os_evidence(facts))


def os_trouble(facts: MachineFacts, has_kubernetes: bool) -> list[str]:
    """Return what is wrong, the worst first."""
    found = []
    if facts.is_licensed is False and not facts.licence_minutes:
        found.append("The Windows evaluation licence has expired: the machine turns itself off every hour.")
    if facts.clock_skew_s is not None and abs(facts.clock_skew_s) > SKEW_S:
        found.append(f"clock skew of {facts.clock_skew_s:.0f} s against the lab host.")
    if facts.missing_features and has_kubernetes:
        found.append(f"{', '.join(facts.missing_features)} waits to be installed.")
    if facts.is_reboot_pending:
        found.append(f"A reboot is pending ({', '.join(facts.reboot_reasons)}).")
    return found


def wrong_os(seen: Seen, wrong: list[str], facts: MachineFacts) -> Proof:
    is_skewed = facts.clock_skew_s is not None and abs(facts.clock_skew_s) > SKEW_S
    is_expired = facts.is_licensed is False and not facts.licence_minutes
    return refuted(
        " ".join(wrong),
        is_final=is_skewed or is_expired,
        fix=offer("resync-clock", seen.name) if is_skewed and not is_expired else None,
    )


def os_evidence(facts: MachineFacts) -> str:
    parts = []
    if facts.clock_skew_s is not None:
        parts.append(f"clock within {max(abs(facts.clock_skew_s), 5):.0f} s")
    if facts.is_reboot_pending is False:
        parts.append("no reboot pending")
    if facts.missing_features == ():
        parts.append("Containers feature installed")
    if facts.licence_minutes:
        parts.append(f"licence for {facts.licence_minutes // 1440} days")
    return ", ".join(parts)


def runtime_answers(seen: Seen) -> Proof:
    facts = seen.facts
    if facts is None or facts.answers_containerd is None:
        version = seen.node.runtime if seen.node is not None else ""
        return proven(f"the Node says {version}") if version else unknown()
    service = facts.service("containerd")
    if facts.answers_containerd:
        found = facts.binary("containerd")
        return proven(f"containerd {found.version if found else ''} answers".replace("  ", " "))
    if service is None and facts.services is not None:
        return refuted("There is no service containerd yet.")
    state = service.state if service is not None else "not known"
    return refuted(
        f"container runtime is not running: the service containerd is {state or 'in an unknown state'}.",
        fix=offer("restart-in-order", seen.name) if service is not None else None,
    )


def binaries_are_there(seen: Seen) -> Proof:
    facts = seen.facts
    if facts is None or facts.binaries is None:
        version = seen.node.version if seen.node is not None else ""
        return proven(f"the Node says kubelet {version}") if version else unknown()
    if facts.os == "linux":
        return linux_binaries(seen, facts)
    missing = [name for name in NEEDED if facts.binary(name) is None]
    if missing:
        return refuted(f"{', '.join(missing)} is not there yet.")
    return right_version(seen, facts)


def linux_binaries(seen: Seen, facts: MachineFacts) -> Proof:
    if facts.binary("kubelet") is None:
        return refuted("kubelet is not there yet.")
    return right_version(seen, facts)


def right_version(seen: Seen, facts: MachineFacts) -> Proof:
    """Hold the kubelet against the definition; one that was put there on purpose may differ."""
    kubelet = facts.binary("kubelet")
    have = kubelet.version if kubelet else ""
    evidence = ", ".join(
        f"{b.name} {b.version}{' sha256 ' + b.sha256[:12] if b.sha256 else ''}" for b in facts.binaries or ()
    )
    wanted = seen.wanted.version
    if have and wanted and have.lstrip("v") != wanted.lstrip("v") and not seen.wanted.has_overrides:
        return refuted(f"kubelet is {have}, the definition asks for {wanted}. {evidence}")
    return proven(evidence)
