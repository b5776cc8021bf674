"""The rungs of the join: the API in reach, the certificate request, the Node. Pure."""

from datetime import datetime, timedelta

from webapp.cluster.offers import offer
from webapp.cluster.seen import Proof, Seen, not_told, proven, refuted, unknown
from webapp.kube.facts import RequestFacts

REQUEST_WAIT = timedelta(seconds=60)


def has_joined(seen: Seen) -> bool:
    """Its kubelet got its certificate, or a Node of its name is there."""
    return seen.node is not None or (seen.facts is not None and seen.facts.has_kubelet_conf is True)


def api_is_reachable(seen: Seen) -> Proof:
    """A valid token and an API that answers the guest; once it has joined both have been used."""
    facts = seen.facts
    if has_joined(seen):
        return proven("It has joined with its token.")
    if facts is None:
        return unknown()
    if facts.can_reach_api is False:
        return refuted(
            f"api server: {facts.api_problem or 'it does not answer this machine'}",
            is_final=seen.kube is not None,
            advice="Check the address of the lab's card, the firewall and the API server; "
            "on the machine: Test-NetConnection ADDRESS -Port 6443.",
            logs=facts.join_log,
        )
    answers = "The API answers this machine. " if facts.can_reach_api else ""
    evidence = f"{answers}{token_evidence(seen)}".strip()
    # The log of a join that failed refutes this rung even though the API can be reached now.
    return Proof(facts.can_reach_api, evidence, logs=facts.join_log, fix=offer("rejoin", seen.name))


def token_evidence(seen: Seen) -> str:
    """Say how many tokens could be used now."""
    if seen.kube is None or "tokens" in seen.kube.missing:
        return ""
    valid = [t for t in seen.kube.tokens if t.may_join and (t.expires_at is None or t.expires_at > seen.now)]
    expired = len(seen.kube.tokens) - len(valid)
    return f"{len(valid)} valid bootstrap tokens{f', {expired} expired' if expired else ''}."


def kubelet_is_up(seen: Seen) -> Proof:
    """The join starts the kubelet, which then asks for its certificate."""
    facts, node = seen.facts, seen.node
    if facts is None or facts.is_kubelet_healthy is None:
        is_ready = node is not None and node.ready is not None and node.ready.status == "True"
        return proven("The Node is ready.") if is_ready else unknown()
    if facts.is_kubelet_healthy:
        return proven("The kubelet's /healthz says ok.")
    service = facts.service("kubelet")
    state = (service.state or "in an unknown state") if service is not None else "missing"
    if not has_joined(seen):
        return refuted(
            f"The service kubelet is {state}; the join starts it.",
            logs=(*facts.join_log, *facts.kubelet_log),
            fix=offer("reset-and-rejoin", seen.name) if facts.join_log else None,
        )
    return refuted(
        f"The kubelet does not answer; its service is {state}.",
        is_final=state == "Stopped",
        fix=offer("restart-in-order", seen.name),
        logs=facts.kubelet_log,
    )


def request_is_issued(seen: Seen) -> Proof:
    request = newest_request(seen)
    if request is not None and request.state == "pending":
        return pending_request(seen, request)
    if has_joined(seen):
        return proven(f"{request.name} {request.state}" if request else "It has its certificate.")
    if seen.kube is None:
        return unknown(seen.kube_problem)
    if request is None:
        nobody = refuted("No certificate request has come from it.", logs=join_log(seen))
        return not_told(seen, "requests") or nobody
    if request.state not in ("denied", "failed"):
        return proven(f"{request.name} {request.state}")
    evidence = f"{request.name} was {request.state}: {request.message}"
    return refuted(evidence, is_final=True, fix=offer("reset-and-rejoin", seen.name))


def newest_request(seen: Seen) -> RequestFacts | None:
    """Return the machine's newest bootstrap request; one that names nobody is not guessed at."""
    requests = seen.kube.requests if seen.kube is not None else ()
    own = [request for request in requests if request.node == seen.name and request.is_bootstrap]
    return max(
        own,
        key=lambda request: (request.created_at is not None, request.created_at or seen.now),
        default=None,
    )


def pending_request(seen: Seen, request: RequestFacts) -> Proof:
    age = seen.now - request.created_at if request.created_at else timedelta(0)
    return refuted(
        f"{request.name} from {request.username} has waited {age.total_seconds():.0f} s without a decision.",
        is_final=age > REQUEST_WAIT,
        advice="Nobody approves it: the binding kubeadm:node-autoapprove-bootstrap is missing or the "
        "controller manager is down. Approve it here or with kubectl certificate approve.",
        fix=offer("approve-request", seen.name, request.name),
    )


def join_log(seen: Seen) -> tuple[str, ...]:
    return seen.facts.join_log if seen.facts is not None else ()


def node_is_registered(seen: Seen) -> Proof:
    node = seen.node
    if node is not None:
        since = f" since {said(node.created_at)}" if node.created_at else ""
        return proven(f"Node {node.name}{since}, kubelet {node.version}")
    if seen.kube is None:
        return unknown(seen.kube_problem)
    if hidden := not_told(seen, "nodes"):
        return hidden
    kubelet_log = seen.facts.kubelet_log if seen.facts is not None else ()
    return refuted(
        f"There is no Node {seen.name}.",
        fix=offer("reset-and-rejoin", seen.name) if seen.wanted.role != "control-plane" else None,
        logs=(*join_log(seen), *kubelet_log),
    )


def said(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
