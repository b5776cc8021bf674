"""What somebody applied to the rehearsed cluster: its pods, their logs, and the ways between them.

Kept in workloads.json of the lab's rehearsal folder. A pod starts two seconds after it was applied, on
the first ready node of the system it asks for.
"""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from stage import cluster
from stage.cluster import Object, short_id, stamp
from stage.lab import Lab, Machine

Answer = tuple[int, str, str]
START_S = 2.0
POD_NET = {"linux": "10.244.0.", "windows": "10.244.1."}
# What a mishap of lab.json does to `agnhost connect`: (kind of address, answer).
BROKEN = {
    "no-overlay": ("pod", "TIMEOUT"),
    "no-services": ("service", "TIMEOUT"),
    "no-dns": ("name", "DNS"),
    "no-egress": ("outside", "TIMEOUT"),
}


def place(lab: Lab) -> Path:
    return lab.folder / ".vagrant" / "rehearsal" / "workloads.json"


def stored(lab: Lab) -> list[Object]:
    try:
        found: list[Object] = json.loads(place(lab).read_text())
    except FileNotFoundError:
        return []
    return found


def save(lab: Lab, objects: list[Object]) -> None:
    new = place(lab).with_suffix(".new")
    new.write_text(json.dumps(objects))
    new.replace(place(lab))


def key(item: Object) -> tuple[str, str, str]:
    return item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]


def apply(lab: Lab, text: str, *, is_dry: bool = False) -> Answer:
    """Take objects as JSON; one that is there keeps its time, one that is invalid stops no other."""
    now, kept = time.time(), {key(item): item for item in stored(lab)}
    said, errors, how = [], [], " (server dry run)" if is_dry else ""
    for item in json.loads(text)["items"]:
        if problem := invalid(item):
            errors.append(f'The {item["kind"]} "{item["metadata"]["name"]}" is invalid: {problem}')
            continue
        known = kept.get(key(item))
        kept[key(item)] = {**item, "applied_at": known["applied_at"] if known else now}
        done = "configured" if known else "created"
        said.append(f"{item['kind'].lower()}/{item['metadata']['name']} {done}{how}")
    if not is_dry:
        save(lab, list(kept.values()))
    return int(bool(errors)), "".join(f"{one}\n" for one in said), "".join(f"{one}\n" for one in errors)


def invalid(item: Object) -> str:
    """Say what an API server would refuse: of all that it checks, the selector that a template needs."""
    is_kept = item["kind"] in ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet")
    return "spec.selector: Required value" if is_kept and not item.get("spec", {}).get("selector") else ""


def delete(lab: Lab, text: str) -> Answer:
    gone = {key(item) for item in json.loads(text)["items"]}
    save(lab, [item for item in stored(lab) if key(item) not in gone])
    return 0, "".join(f'{kind.lower()} "{name}" deleted\n' for kind, _, name in sorted(gone)), ""


def services(lab: Lab) -> list[Object]:
    found = [item for item in stored(lab) if item["kind"] == "Service"]
    return [{**item, "spec": {**item["spec"], "clusterIP": service_ip(item)}} for item in found]


def service_ip(item: Object) -> str:
    return f"10.96.7.{int(short_id(item['metadata']['name']), 16) % 200 + 10}"


def pods(lab: Lab) -> list[Object]:
    return [pod for item in stored(lab) for pod in pods_of(lab, item)]


def all_pods(lab: Lab) -> list[Object]:
    return [*cluster.pods(lab), *pods(lab)]


def ask(lab: Lab, verb: str, namespace: str, names: Sequence[str]) -> Answer:
    """Answer kubectl exec and describe."""
    if verb == "exec":
        return execute(lab, namespace, names[0], names[1:])
    return describe(lab, names[0], names[1])


def pods_of(lab: Lab, item: Object) -> Iterator[Object]:
    spec = item if item["kind"] == "Pod" else item.get("spec", {}).get("template")
    if not spec or "spec" not in spec:
        return
    nodes = list(nodes_for(lab, spec["spec"]))
    name, kind = item["metadata"]["name"], item["kind"]
    if kind == "DaemonSet":
        for node in nodes:
            yield made(item, spec, f"{name}-{short_id(name + node.name)}", node)
        return
    suffix = "" if kind == "Pod" else f"-{short_id(name)}c-{short_id(name + 'pod')}"
    yield made(item, spec, name + suffix, nodes[0] if nodes else None)


def nodes_for(lab: Lab, spec: Object) -> Iterator[Machine]:
    wanted = spec.get("nodeSelector", {}).get("kubernetes.io/os", "")
    for machine, state, _ in cluster.members(lab):
        is_ready = state.state == "running" and cluster.is_networked(lab, machine)
        if is_ready and wanted in ("", machine.os):
            yield machine


def made(item: Object, spec: Object, name: str, node: Machine | None) -> Object:
    """Return the pod as the API would show it now."""
    at = item["applied_at"]
    container = spec["spec"]["containers"][0]
    labels = spec.get("metadata", {}).get("labels", {}) | item["metadata"].get("labels", {})
    machine = node or Machine("", "windows", "windows", "", "winrm", {})
    found = cluster.pod(item["metadata"].get("namespace", "default"), name, machine, at, container["name"])
    found["metadata"] |= {"labels": labels, "ownerReferences": owners(item)}
    found["spec"] = {**spec["spec"], "nodeName": machine.name}
    status = found["status"]
    status["containerStatuses"][0] |= {"image": container["image"]}
    status["podIP"] = "" if node is None else POD_NET[node.os] + str(int(short_id(name), 16) % 240 + 5)
    if node is None:
        words = "0 nodes are available: none matches the pod's node selector and is ready."
        status |= {"phase": "Pending", "containerStatuses": [], "podIP": ""}
        status["conditions"] = [{"type": "PodScheduled", "status": "False", "message": words}]
    elif time.time() - at < START_S:
        cluster.waits(found, at, "ContainerCreating", "")
    return found


def owners(item: Object) -> list[Object]:
    kind, name = item["kind"], item["metadata"]["name"]
    if kind == "Pod":
        return []
    owner = ("ReplicaSet", f"{name}-{short_id(name)}c") if kind == "Deployment" else (kind, name)
    return [{"kind": owner[0], "name": owner[1], "controller": True}]


def events(lab: Lab) -> list[Object]:
    return [
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{pod['metadata']['name']}.{reason.lower()}",
                "namespace": pod["metadata"]["namespace"],
                "creationTimestamp": pod["metadata"]["creationTimestamp"],
            },
            "involvedObject": {"kind": "Pod", "name": pod["metadata"]["name"]},
            "type": "Normal" if pod["spec"]["nodeName"] else "Warning",
            "reason": reason if pod["spec"]["nodeName"] else "FailedScheduling",
            "message": words,
            "lastTimestamp": pod["metadata"]["creationTimestamp"],
            "count": 1,
        }
        for pod in pods(lab)
        for reason, words in (("Scheduled", f"Assigned to {pod['spec']['nodeName'] or 'no node'}"),)
    ]


# -- what is asked of single pods --------------------------------------------------------


def log(lab: Lab, namespace: str, name: str, query: dict[str, str]) -> Answer:
    """Return a pod's log: a line every two seconds since it started, with the API's times."""
    pod = next((p for p in all_pods(lab) if key(p)[1:] == (namespace, name)), None)
    if pod is None:
        return 1, "", f'Error from server (NotFound): pods "{name}" not found\n'
    if query.get("previous"):
        return (
            1,
            "",
            f'Error from server (BadRequest): previous terminated container in pod "{name}" not found\n',
        )
    began = cluster.epoch(pod["status"]["startTime"])
    count = int(max(0.0, time.time() - began) / 2) + 1
    since = cluster.epoch(query["sinceTime"]) if query.get("sinceTime") else 0.0
    first = max(0, count - int(query.get("tailLines", count)), int((since - began) / 2) if since else 0)
    image = pod["spec"]["containers"][0]["image"]
    lines = [
        f"{stamp(began + n * 2)[:-1]}.000000000Z line {n} of {name} ({image})" for n in range(first, count)
    ]
    return 0, "".join(f"{line}\n" for line in lines), ""


def execute(lab: Lab, namespace: str, name: str, words: Sequence[str]) -> Answer:
    """Answer `agnhost connect HOST:PORT` from inside a pod."""
    if not any(key(pod)[1:] == (namespace, name) for pod in pods(lab)):
        return 1, "", f'Error from server (NotFound): pods "{name}" not found\n'
    if list(words[:2]) != ["/agnhost", "connect"]:
        return 1, "", "a rehearsal's pods run nothing but agnhost connect\n"
    kind = kind_of(words[-1].rpartition(":")[0])
    is_windows = "windows" in name
    for mishap in lab.facts.get("rehearsal", {}).get("mishaps", []):
        where, word = BROKEN.get(mishap.rpartition(":")[2], ("", ""))
        across = kind != "pod" or words[-1].startswith(POD_NET["linux" if is_windows else "windows"])
        if where == kind and across and (mishap.partition(":")[0] != "windows" or is_windows):
            return 1, f"{word}\ncommand terminated with exit code 1\n", ""
    return 0, "", ""


def kind_of(host: str) -> str:
    if host.startswith("10.244."):
        return "pod"
    if host.startswith("10.96."):
        return "service"
    if host.endswith(".cluster.local"):
        return "name"
    return "node" if host.replace(".", "").isdigit() else "outside"


def describe(lab: Lab, kind: str, name: str) -> Answer:
    """Return a short description of a node or a pod."""
    items = cluster.nodes(lab) if kind == "node" else all_pods(lab)
    item = next((item for item in items if item["metadata"]["name"] == name), None)
    if item is None:
        return 1, "", f'Error from server (NotFound): {kind}s "{name}" not found\n'
    lines = [f"Name: {name}", f"Labels: {item['metadata'].get('labels', {})}", "Conditions:"]
    lines += [
        f"  {one['type']}: {one['status']} {one.get('message', '')}" for one in item["status"]["conditions"]
    ]
    return 0, "\n".join(lines) + "\n", ""
