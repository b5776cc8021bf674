"""Carry the connectivity matrix out: put whoami on both systems, wait, try every way, take it away again."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from django.conf import settings

from webapp.cluster.errands import CannotDo, go_on
from webapp.cluster.gather import kube_of
from webapp.cluster.matrix import SYSTEMS, Probe, Result, checks_for, command_of, results_of, to_json
from webapp.cluster.models import Errand, Sighting
from webapp.cluster.objects import OWN_LABEL, Object, labelled, namespace_object
from webapp.cluster.reach import Reach, ReachError, reach_of
from webapp.cluster.workloads import namespace_of, nodes_of, recipes, rendered
from webapp.kube.facts import KubeFacts, PodFacts
from webapp.kube.loose import load, objects, text
from webapp.kube.parse import parse_objects
from webapp.kube.refusals import Right

NAME = "connectivity"
WAIT_S, PAUSE_S = 1200.0, 3.0  # the first image of a Windows node has gigabytes
SLEEP = threading.Event()


def do_matrix(errand: Errand) -> str:
    """Returns a sentence; the cells are in `result`. Raises CannotDo, ReachError, Canceled."""
    kube = known_kube(errand)
    if kube is None or not kube.nodes:
        raise CannotDo("Nothing is known of the cluster's nodes; the matrix begins when a look was answered.")
    reach, space = reach_of(errand.cluster), namespace_of(errand.cluster)
    if missing := reach.lacking(needed_rights(space)):
        raise CannotDo(f"Nothing was begun. {' '.join(missing)}")
    documents = probes_for(kube, space)
    try:
        reach.apply([namespace_object(space), *documents])
        results = try_ways(errand, reach, space, kube)
    except (CannotDo, ReachError) as error:
        raise CannotDo(" ".join([str(error), *take_away(reach, documents)])) from error
    except BaseException:  # stopped, or a fault of ours
        take_away(reach, documents)
        raise
    left = take_away(reach, documents)
    failed = sum(result.state == "failed" for result in results)
    said = f"{len(results)} ways tried, {failed} failed." if failed else f"All {len(results)} ways work."
    return " ".join([said, *left])


def try_ways(errand: Errand, reach: Reach, space: str, kube: KubeFacts) -> list[Result]:
    """Wait for the probes, try every way between them, and keep what came of it."""
    probes, problems = wait_for(errand, reach, space, kube)
    if not probes:
        raise CannotDo(f"No probe came up: {'; '.join(problems) or 'no node is left'}.")
    checks = checks_for(probes, settings.EGRESS_PROBE)
    pods = {probe.system: probe.pod for probe in probes}
    commands = [(space, pods[check.source], command_of(check)) for check in checks]
    go_on(errand, {"stage": f"trying {len(checks)} ways"})
    results = results_of(checks, reach.run_in_pods(commands).output)
    go_on(errand, {**to_json(results, probes), "problems": problems})
    return results


def known_kube(errand: Errand) -> KubeFacts | None:
    """Return what the newest look found; None when it was not answered."""
    return kube_of(Sighting.objects.filter(cluster=errand.cluster, machine="").first())[0]


def probes_for(kube: KubeFacts, space: str) -> tuple[Object, ...]:
    """Return whoami for the systems that there are nodes of."""
    there = [system for system in SYSTEMS if nodes_of(kube, system)]
    documents = labelled(rendered(recipes()["whoami"], kube, space), NAME)
    return tuple(one for one in documents if one["metadata"]["name"].removeprefix("whoami-") in there)


def needed_rights(space: str) -> list[Right]:
    """Return what has to be allowed before probes are put up: exec, and taking them away again."""
    core = (("list", "pods"), ("list", "services"), ("get", "pods/exec"), ("delete", "services"))
    return [
        *(Right(verb, one, "", space) for verb, one in core),
        Right("delete", "deployments", "apps", space),
    ]


def take_away(reach: Reach, documents: Sequence[Object]) -> list[str]:
    """Remove the probes; when that fails the next matrix uses them again, and the page says so."""
    try:
        reach.remove(documents)
    except ReachError as error:
        return [f"The probes are still there: {error}"]
    return []


def wait_for(errand: Errand, reach: Reach, space: str, kube: KubeFacts) -> tuple[list[Probe], list[str]]:
    """Wait for every probe, at most 20 min; returns those that are ready, and what is wrong with others.

    A system whose last node is deleted meanwhile is not waited for.
    """
    end = time.monotonic() + WAIT_S
    while True:
        kube = known_kube(errand) or kube
        pods = {system: pod_of(reach, space, system) for system in SYSTEMS if nodes_of(kube, system)}
        ready = {system: pod for system, pod in pods.items() if pod is not None and pod.is_ready is True}
        waiting = [pod for system, pod in pods.items() if system not in ready]
        problems = [f"{system}: {word_of(pod)}" for system, pod in pods.items() if system not in ready]
        if not waiting or time.monotonic() > end or has_failed(waiting):
            break
        go_on(errand, {"stage": f"waiting for {'; '.join(problems)}"})
        SLEEP.wait(PAUSE_S)
    addresses = service_addresses(reach, space)
    return [
        replace(probe_of(pod, kube), system=system, service_ip=addresses.get(f"whoami-{system}", ""))
        for system, pod in ready.items()
    ], problems


def pod_of(reach: Reach, space: str, system: str) -> PodFacts | None:
    """Return the newest probe of a system."""
    said = reach.raw(f"/api/v1/namespaces/{space}/pods", {"labelSelector": f"{OWN_LABEL}={NAME}"})
    pods = [pod for pod in parse_objects([load(said)]).pods if pod.name.startswith(f"whoami-{system}-")]
    return max(pods, key=lambda pod: (pod.is_ready is True, pod.name), default=None)


def word_of(pod: PodFacts | None) -> str:
    if pod is None:
        return "no pod yet"
    running = "it runs, and is not ready yet" if pod.phase == "Running" else pod.phase
    return pod.trouble or running or "starting"


def has_failed(pods: Sequence[PodFacts | None]) -> bool:
    """An image that cannot be pulled will not come by waiting."""
    words = [word_of(pod) for pod in pods]
    return all(word.startswith(("ErrImagePull", "ImagePullBackOff", "InvalidImageName")) for word in words)


def probe_of(pod: PodFacts, kube: KubeFacts) -> Probe:
    node = kube.node(pod.node)
    address = node.addresses[0] if node is not None and node.addresses else ""
    return Probe("", pod.namespace, pod.name, pod.ip, pod.node, address)


def service_addresses(reach: Reach, space: str) -> dict[str, str]:
    said = load(reach.raw(f"/api/v1/namespaces/{space}/services", {}))
    return {
        text(item, "metadata", "name"): text(item, "spec", "clusterIP").replace("None", "")
        for item in objects(said, "items")
    }
