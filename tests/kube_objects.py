"""Objects and kubeconfigs that a test hands to a true API server: people, roles, a join's token."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from tests.pki import data_of

TOKEN = "abcdef.0123456789abcdef"  # of a cluster that lives as long as a test
BOOTSTRAPPERS = "system:bootstrappers:kubeadm:default-node-token"
READ = ["get", "list", "watch"]
READS = [
    {"apiGroups": [""], "resources": ["nodes", "pods", "events"], "verbs": READ},
    {"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests"], "verbs": READ},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": READ},
]


LISTS = [{**rule, "verbs": ["list"]} for rule in READS]


def group(name: str) -> dict[str, str]:
    return {"kind": "Group", "name": name, "apiGroup": "rbac.authorization.k8s.io"}


def account(namespace: str, name: str) -> dict[str, str]:
    return {"kind": "ServiceAccount", "namespace": namespace, "name": name}


def binding(role: str, kind: str, subjects: Sequence[Mapping[str, str]]) -> dict[str, object]:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}
    return {"metadata": {"name": role.replace(":", "-")}, "roleRef": reference, "subjects": list(subjects)}


def kubeconfig_text(server: str, authority: Path, user: Mapping[str, str]) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [
                {"name": "k", "cluster": {"server": server, "certificate-authority-data": data_of(authority)}}
            ],
            "users": [{"name": "u", "user": dict(user)}],
        }
    )
