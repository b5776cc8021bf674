"""Answers the kubectl and kubeadm commands that the dashboard asks the control plane."""

import json
import time
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl, urlsplit

from stage import cluster, guest_logs, workloads
from stage.cluster import Object
from stage.lab import Lab

Answer = tuple[int, str, str]

KINDS: dict[str, Callable[[Lab], list[Object]]] = {
    **dict.fromkeys(("nodes", "node", "no"), cluster.nodes),
    **dict.fromkeys(("pods", "pod", "po"), workloads.all_pods),
    **dict.fromkeys(("certificatesigningrequests", "csr"), cluster.certificate_requests),
    **dict.fromkeys(("events", "event", "ev"), lambda lab: [*cluster.events(lab), *workloads.events(lab)]),
    **dict.fromkeys(("leases", "lease"), cluster.leases),
    **dict.fromkeys(("secrets", "secret"), cluster.tokens),
    **dict.fromkeys(("services", "svc"), workloads.services),
    **dict.fromkeys(("daemonsets", "ds", "deployments", "namespaces"), lambda lab: []),
}
VALUED = {
    "-o",
    "--output",
    "-n",
    "--namespace",
    "--kubeconfig",
    "--context",
    "-l",
    "--selector",
    "--request-timeout",
    "--field-selector",
}
REFUSED = "The connection to the server {ip}:6443 was refused - did you specify the right host or port?\n"
# A token and a hash of the right form, and visibly not real ones.
TOKEN = "rehear.5a10000000000000"
CA_HASH = "sha256:" + "5e" * 32


def kubectl(lab: Lab, words: Sequence[str]) -> Answer:
    """Answer one kubectl command line (without the word kubectl)."""
    if not cluster.is_initialised(lab):
        return 1, "", REFUSED.format(ip=lab.control_plane.ip)
    names, values = split(words)
    verb = names.pop(0) if names else ""
    if verb == "get" and names:
        is_raw, output = "--raw" in words, values.get("-o", values.get("--output", ""))
        return raw(lab, names[0]) if is_raw else get(lab, names, output)
    if verb in ("exec", "describe") and len(names) > 1:
        return workloads.ask(lab, verb, values.get("-n", "default"), names)
    if (verb, *names[:1]) in CHANGES and len(names) > 1:
        return CHANGES[verb, names[0]](lab, names[1])
    if verb == "version":
        return 0, json.dumps({"serverVersion": {"gitVersion": cluster.version(lab)}}, indent=2) + "\n", ""
    return 1, "", f"error: a rehearsal does not answer kubectl {' '.join(words)}\n"


def raw(lab: Lab, address: str) -> Answer:
    """Answer `kubectl get --raw`: health, lists of a namespace, logs of pods and nodes."""
    parts = urlsplit(address)
    asked = dict(parse_qsl(parts.query))
    steps = [step for step in parts.path.split("/") if step]
    match steps:
        case ["readyz" | "livez" | "healthz", *_]:
            return 0, "ok", ""
        case ["api", "v1", "namespaces", space, "pods", name, "log"]:
            return workloads.log(lab, space, name, asked)
        case ["api", "v1", "namespaces", space, ("pods" | "services") as kind]:
            items = [item for item in KINDS[kind](lab) if item["metadata"]["namespace"] == space]
            wanted = asked.get("labelSelector", "").partition("=")[::2]
            found = [
                i
                for i in items
                if not wanted[0] or i["metadata"].get("labels", {}).get(wanted[0]) == wanted[1]
            ]
            return 0, json.dumps({"kind": "List", "items": found}), ""
        case ["api", "v1", "nodes", name, "proxy", "logs"]:
            return guest_logs.query(lab, name, asked)
    return not_found("page")


def approve(lab: Lab, name: str) -> Answer:
    """Approve a waiting request: the kubelet that waits for it then has joined."""
    for machine in lab.machines.values():
        if name == cluster.request_name(machine):
            state = lab.state(machine.name)
            if state.failed.pop(cluster.join_step(machine), None) == "csr-pending":
                state.done[cluster.join_step(machine)] = time.time()
                lab.save(machine.name, state)
            return 0, f"certificatesigningrequest.certificates.k8s.io/{name} approved\n", ""
    return not_found(f'certificatesigningrequests.certificates.k8s.io "{name}"')


def delete_node(lab: Lab, name: str) -> Answer:
    if name not in lab.machines:
        return 0, "", ""  # --ignore-not-found
    machine, state = lab.machine(name), lab.state(name)
    state.done.pop(cluster.join_step(machine), None)
    lab.save(name, state)
    return 0, f'node "{name}" deleted\n', ""


CHANGES: dict[tuple[str, str], Callable[[Lab, str], Answer]] = {
    ("certificate", "approve"): approve,
    ("delete", "node"): delete_node,
}


def split(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Part names from options with a value; switches are dropped."""
    names: list[str] = []
    values: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, has_value, value = word.partition("=")
        if name in VALUED:
            values[name] = value if has_value else (rest.pop(0) if rest else "")
        elif word.startswith("-o"):
            values["-o"] = word[2:]
        elif not word.startswith("-"):
            names.append(word)
    return names, values


def get(lab: Lab, names: list[str], output: str) -> Answer:
    kinds = names[0].split(",")
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        return 1, "", f'error: the server doesn\'t have a resource type "{unknown[0]}"\n'
    items = [item for kind in kinds for item in KINDS[kind](lab)]
    if len(names) > 1:
        items = [item for item in items if item["metadata"]["name"] in names[1:]]
        if not items:
            return not_found(f'{kinds[0]} "{names[1]}"')
    if output == "json":
        whole = items[0] if len(names) == 2 else {"apiVersion": "v1", "kind": "List", "items": items}
        return 0, json.dumps(whole, indent=4) + "\n", ""
    return 0, table(items), ""


def not_found(what: str) -> Answer:
    return 1, "", f"Error from server (NotFound): {what} not found\n"


def table(items: list[Object]) -> str:
    """Return kubectl's short table: name, state, age."""
    lines = [f"{'NAME':40} {'STATUS':12} AGE"]
    for item in items:
        name = item["metadata"]["name"]
        lines.append(f"{name:40} {state_of(item):12} {item['metadata']['creationTimestamp']}")
    return "\n".join(lines) + "\n"


def state_of(item: Object) -> str:
    if item["kind"] == "Node":
        ready = next(c for c in item["status"]["conditions"] if c["type"] == "Ready")
        return "Ready" if ready["status"] == "True" else "NotReady"
    return str(item.get("status", {}).get("phase", ""))


def kubeadm(lab: Lab, words: Sequence[str]) -> Answer:
    """Answer `kubeadm token create --print-join-command`, `token delete`, `token list` and `version`."""
    if "version" in words:
        return 0, cluster.version(lab) + "\n", ""
    if not cluster.is_initialised(lab):
        return (
            1,
            "",
            "failed to load admin kubeconfig: open /etc/kubernetes/admin.conf: no such file or directory\n",
        )
    if list(words[:2]) == ["token", "create"]:
        head = f"kubeadm join {lab.control_plane.ip}:6443 --token {TOKEN}"
        return 0, f"{head} --discovery-token-ca-cert-hash {CA_HASH} \n", ""
    if list(words[:2]) == ["token", "delete"]:
        return 0, "".join(f'bootstrap token "{token_id}" deleted\n' for token_id in words[2:]), ""
    if list(words[:2]) == ["token", "list"]:
        item = {
            "token": TOKEN,
            "expires": cluster.stamp(time.time() + 7200),
            "usages": ["authentication", "signing"],
        }
        return 0, json.dumps(item) + "\n", ""
    return 1, "", f"error: a rehearsal does not answer kubeadm {' '.join(words)}\n"
