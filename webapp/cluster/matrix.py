"""The connectivity matrix: from pods of both systems to all they need, naming the hop that fails. Pure.

Each check is one TCP connection from inside a pod, made by `agnhost connect` through exec, which works
also where the pod network does not. `matrix_run` carries it out.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

SYSTEMS = ("linux", "windows")
UNENDED = "did not end within"  # how an exec is told that had to be given up
CONNECT = ("/agnhost", "connect", "--timeout=5s", "--protocol=tcp")
POD_PORT, SERVICE_PORT, KUBELET_PORT = 8080, 80, 10250
Hop = Literal["pod", "service", "dns", "node", "egress"]
State = Literal["ok", "failed", "unknown"]
MARK = re.compile(r"(?m)^labkit-hop (\d+)\r?$\n?")
SAID = {
    "TIMEOUT": "no answer within 5 s",
    "REFUSED": "refused",
    "DNS": "the name was not found",
}


@dataclass(frozen=True)
class Probe:
    """A pod that asks and answers. `node_ip` is its node's InternalIP."""

    system: str
    namespace: str
    pod: str
    ip: str
    node: str
    node_ip: str
    service_ip: str = ""


@dataclass(frozen=True)
class Check:
    """One connection to try. `target` names the system at its other end, "" for DNS and egress."""

    source: str
    hop: Hop
    target: str
    address: str
    port: int


@dataclass(frozen=True)
class Result:
    """What came of a check; `words` say why it failed."""

    check: Check
    state: State
    words: str = ""


@dataclass(frozen=True)
class Finding:
    """The hop that fails, in words, and what usually helps."""

    source: str
    hop: str
    says: str
    advice: str


def checks_for(probes: Sequence[Probe], egress: str) -> list[Check]:
    """Return every check; `egress` is host:port outside the lab, "" = none."""
    found: list[Check] = []
    for source in probes:
        for target in probes:
            found.append(Check(source.system, "node", target.system, target.node_ip, KUBELET_PORT))
            found.append(Check(source.system, "pod", target.system, target.ip, POD_PORT))
            found.append(Check(source.system, "service", target.system, target.service_ip, SERVICE_PORT))
        nearest = next((probe for probe in probes if probe.system == "linux"), source)
        name = f"whoami-{nearest.system}.{nearest.namespace}.svc.cluster.local"
        found.append(Check(source.system, "dns", "", name, SERVICE_PORT))
        host, _, port = egress.rpartition(":")
        if host:
            found.append(Check(source.system, "egress", "", host, int(port)))
    return [check for check in found if check.address]


def command_of(check: Check) -> tuple[str, ...]:
    return (*CONNECT, f"{check.address}:{check.port}")


def results_of(checks: Sequence[Check], said: str) -> list[Result]:
    """Read what all commands said; one without an answer is unknown."""
    pieces = MARK.split(said)
    by_number = dict(zip(map(int, pieces[1::2]), pieces[2::2], strict=True))
    return [result_of(check, by_number.get(number)) for number, check in enumerate(checks)]


def result_of(check: Check, said: str | None) -> Result:
    if said is None:
        return Result(check, "unknown", "it was not tried")
    if "labkit-ok" in said:
        return Result(check, "ok")
    for word, sentence in SAID.items():
        if re.search(rf"(?m)^{word}\b", said):
            return Result(check, "failed", sentence)
    if check.hop == "dns" and UNENDED in said:  # its time limit is not for the look-up of the name
        return Result(check, "failed", "no name server answered in time")
    if other := re.search(r"(?m)^OTHER:?[ \t]*(.{1,160})", said):
        return Result(check, "failed", other[1].strip())  # what follows is exec's own complaint
    return Result(check, "unknown", " ".join(said.split())[:160] or "the command said nothing")


def findings(results: Iterable[Result]) -> list[Finding]:
    """Name the failing hop of each source: the nearest to the ground, because the others stand on it."""
    by_source: dict[str, list[Result]] = {}
    for result in results:
        by_source.setdefault(result.check.source, []).append(result)
    return [finding for source, own in by_source.items() for finding in findings_of(source, own)]


def findings_of(source: str, results: Sequence[Result]) -> Iterable[Finding]:
    """Judge from the ground up: node, pod, service, name; the way out by itself."""
    failed: dict[tuple[str, str], Result] = {
        (r.check.hop, r.check.target): r for r in results if r.state == "failed"
    }
    for target in SYSTEMS:
        hop = next((hop for hop in ("node", "pod", "service") if (hop, target) in failed), None)
        if hop is not None:
            yield judged(source, hop, target, failed[hop, target].words)
    has_services = any(r.state == "ok" for r in results if r.check.hop == "service")
    if ("dns", "") in failed and (has_services or not any(hop == "service" for hop, _ in failed)):
        yield judged(source, "dns", "", failed["dns", ""].words)
    if ("egress", "") in failed:
        yield judged(source, "egress", "", failed["egress", ""].words)


def judged(source: str, hop: str, target: str, words: str) -> Finding:
    title, advice = WORDS[hop]
    to = title.format(source=source.title(), target=target.title())
    return Finding(
        source, hop, f"{to}: {words}.", advice.format(source=source.title(), target=target.title())
    )


WORDS = {
    "node": (
        "From {source} pods the {target} node itself is not reached",
        "Look at the lab's own network: the firewall of the {target} node (port 10250), its address, the way "
        "out of {source} pods to nodes.",
    ),
    "pod": (
        "The overlay between {source} and {target} pods does not carry",
        "The nodes reach each other, their pods do not: look at the CNI's pods on both nodes, at VXLAN (UDP "
        "4789) between them, and at the HNS network of the Windows node.",
    ),
    "service": (
        "Service addresses do not work from {source} pods to {target} pods",
        "The pod is reached by its own address: kube-proxy (or the CNI's own proxy) of the {source} node has "
        "not programmed its Service.",
    ),
    "dns": (
        "Names of the cluster are not found from {source} pods",
        "Services work by address: look at CoreDNS, and at the DNS settings inside {source} pods.",
    ),
    "egress": (
        "{source} pods do not get out of the lab",
        "Inside all may be well: look at NAT on the node (on Windows: the HNS policy OutBoundNAT), the lab "
        "host's way out, a proxy.",
    ),
}


def to_json(results: Sequence[Result], probes: Sequence[Probe]) -> dict[str, Any]:  # Any: the JSON edge
    """Return what the page draws: a row a source, a column a hop and target, and the findings."""
    columns = list(dict.fromkeys((r.check.hop, r.check.target) for r in results))
    return {
        "columns": [{"hop": hop, "target": target} for hop, target in columns],
        "rows": [
            {"source": probe.system, "node": probe.node, "cells": cells_of(probe.system, columns, results)}
            for probe in probes
        ],
        "findings": [vars(finding) for finding in findings(results)],
    }


def cells_of(
    source: str, columns: Iterable[tuple[str, str]], results: Sequence[Result]
) -> list[Mapping[str, str]]:
    by_place: dict[tuple[str, str], Result] = {
        (r.check.hop, r.check.target): r for r in results if r.check.source == source
    }
    found = (by_place.get(column) for column in columns)
    return [
        {"state": "unknown", "words": "not tried", "address": ""}
        if result is None
        else {
            "state": result.state,
            "words": result.words,
            "address": f"{result.check.address}:{result.check.port}",
        }
        for result in found
    ]
