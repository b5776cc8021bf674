"""Check a kubeconfig that somebody uploads, and keep only what is safe to use. Pure.

A kubeconfig can name programs to run and files to read on the machine that uses it; here that is the
dashboard. So only what stands inside it is taken: data, a token, a password.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import yaml

from webapp.kube.loose import mapping, objects, text, truth

MOST_BYTES = 256 * 1024
RUNS_OR_READS = {
    "exec": "runs a program",
    "auth-provider": "runs a plugin",
    "tokenFile": "reads a file",
    "client-certificate": "reads a file; use client-certificate-data",
    "client-key": "reads a file; use client-key-data",
    "certificate-authority": "reads a file; use certificate-authority-data",
    "proxy-url": "sends everything through a proxy",
}
USER_KEYS = ("client-certificate-data", "client-key-data", "token", "username", "password")
CLUSTER_KEYS = ("server", "certificate-authority-data", "tls-server-name")


class KubeconfigError(Exception):
    """It cannot be used; a sentence for the user that holds nothing of its secrets."""


def check_kubeconfig(given: str) -> dict[str, Any]:  # Any: a kubeconfig is JSON
    """Return a new kubeconfig of the current context alone. Raises KubeconfigError."""
    if len(given) > MOST_BYTES:
        raise KubeconfigError("This file is too large for a kubeconfig.")
    try:
        tree: object = yaml.safe_load(given)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise KubeconfigError("This is not YAML.") from error
    if text(tree, "kind") != "Config":
        raise KubeconfigError("This is no kubeconfig: it has no kind: Config.")
    name = text(tree, "current-context")
    context = named(tree, "contexts", "context", name)
    cluster = named(tree, "clusters", "cluster", text(context, "cluster"))
    user = named(tree, "users", "user", text(context, "user"))
    refuse_what_acts(cluster)
    refuse_what_acts(user)
    return clean(cluster, user)


def named(tree: object, group: str, kind: str, name: str) -> Mapping[str, object]:
    """Return an entry by its name. Raises KubeconfigError."""
    for entry in objects(tree, group):
        if name and text(entry, "name") == name:
            return mapping(entry, kind)
    raise KubeconfigError(f"The kubeconfig has no {kind} {name!r}; set its current-context.")


def refuse_what_acts(entry: Mapping[str, object]) -> None:
    for key, what in RUNS_OR_READS.items():
        if entry.get(key):
            raise KubeconfigError(f"{key} {what}: the dashboard does not do this for an uploaded file.")


def clean(cluster: Mapping[str, object], user: Mapping[str, object]) -> dict[str, Any]:  # Any: see above
    server = text(cluster, "server")
    parts = urlsplit(server)
    if parts.scheme != "https" or not parts.hostname or parts.username:
        raise KubeconfigError("The API server's address has to begin with https:// and name a host.")
    if truth(cluster, "insecure-skip-tls-verify"):
        raise KubeconfigError(
            "insecure-skip-tls-verify lets anybody answer for the cluster; give certificate-authority-data."
        )
    kept_cluster = {key: cluster[key] for key in CLUSTER_KEYS if isinstance(cluster.get(key), str)}
    kept_user = {key: user[key] for key in USER_KEYS if isinstance(user.get(key), str)}
    if not kept_user:
        raise KubeconfigError("The kubeconfig's user has neither a certificate nor a token inside it.")
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
        "clusters": [{"name": "lab", "cluster": kept_cluster}],
        "users": [{"name": "lab", "user": kept_user}],
    }
