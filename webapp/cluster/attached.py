"""Ask an attached cluster's API with the official client: lists, each with a time limit.

What one kind refuses (403, 429, 503) leaves that kind unknown; only a server that answers nothing at
all is an ApiError.
"""

import base64
import binascii
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from django.conf import settings

from webapp.cluster import official
from webapp.cluster.api_request import ApiError, Request, SilentError, send_once
from webapp.cluster.models import Cluster
from webapp.cluster.secrets import CannotDecrypt, decrypt
from webapp.kube.facts import KubeFacts
from webapp.kube.loose import load, objects, text
from webapp.kube.parse import parse_objects

LISTS: dict[str, tuple[str, dict[str, str]]] = {
    "nodes": ("/api/v1/nodes", {}),
    "pods": ("/api/v1/pods", {}),
    "requests": ("/apis/certificates.k8s.io/v1/certificatesigningrequests", {}),
    "leases": ("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", {}),
    "events": ("/api/v1/events", {"limit": "500"}),
    "tokens": (
        "/api/v1/namespaces/kube-system/secrets",
        {"fieldSelector": "type=bootstrap.kubernetes.io/token"},
    ),
}


@dataclass(frozen=True)
class Listing:
    """What one look found. `versions`: from where each kind's changes can be watched.

    `wait_s`: the longest time that a refused kind wants to be left alone (Retry-After).
    """

    facts: KubeFacts
    versions: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = 0.0


def list_facts(cluster: Cluster) -> KubeFacts:
    """List everything that the ladder needs. Raises ApiError when nothing was answered."""
    return list_all(cluster).facts


def list_all(cluster: Cluster) -> Listing:
    """List everything, with the version that each list is of. Raises ApiError as `list_facts` does."""
    documents: dict[str, object] = {}
    problems: dict[str, ApiError] = {}
    with client_of(cluster) as api:
        for kind, (path, query) in LISTS.items():
            try:
                documents[kind] = ask(api, "GET", path, query=query)
            except SilentError as error:
                problems[kind] = error
                break  # nobody answers: do not wait five times more
            except ApiError as error:
                problems[kind] = error
    if not documents:
        raise next(iter(problems.values()))
    facts = parse_objects(documents.values(), [kind for kind in LISTS if kind not in documents])
    said = tuple(f"{kind}: {problem}" for kind, problem in problems.items())
    versions = {kind: text(found, "metadata", "resourceVersion") for kind, found in documents.items()}
    wait_s = max((error.wait_s for error in problems.values()), default=0.0)
    return Listing(replace(facts, problems=(*facts.problems, *said)), versions, wait_s)


@contextmanager
def client_of(cluster: Cluster) -> Iterator[Any]:  # Any: the client is untyped
    """Give a client of the stored kubeconfig. Raises ApiError."""
    try:
        config = json.loads(decrypt(bytes(cluster.kubeconfig), settings.SECRET_KEY))
    except CannotDecrypt as error:
        raise ApiError(str(error)) from error
    with client_from(config) as api:
        yield api


@contextmanager
def client_from(
    config: Mapping[str, Any],
) -> Iterator[Any]:  # Any: a checked kubeconfig; the client is untyped
    """Give a client that tries once. TLS wants files: they live as long as it does, mode 0600."""
    server, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    with TemporaryDirectory(prefix="kube-") as folder:
        made = official.client().Configuration(host=server["server"].rstrip("/"), retries=0)
        made.ssl_ca_cert = laid(folder, "ca", server.get("certificate-authority-data"))
        made.cert_file = laid(folder, "cert", user.get("client-certificate-data"))
        made.key_file = laid(folder, "key", user.get("client-key-data"))
        made.tls_server_name = server.get("tls-server-name")
        if "token" in user:
            made.api_key = {"BearerToken": f"Bearer {user['token']}"}
        try:
            api: Any = official.client().ApiClient(made)
        except (ValueError, OSError) as error:  # ssl.SSLError is an OSError
            raise ApiError("The kubeconfig's certificates or keys cannot be read.") from error
        try:
            yield api
        finally:
            api.rest_client.pool_manager.clear()


def laid(folder: str, name: str, data: str | None) -> str | None:
    """Write decoded data for this client alone; None when there is none. Raises ApiError."""
    if not data:
        return None
    path = Path(folder) / name
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ApiError("The kubeconfig's certificates or keys are not base64.") from error
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    return str(path)


def ask(
    api: Any,  # Any: the client is untyped
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    body: object = None,
) -> object:
    """Send one request and return its JSON. Raises SilentError, ApiError."""
    raw = send_once(api, Request(method, path, query or {}, body))
    document = load(raw.decode("utf-8", "replace"))
    if not isinstance(document, dict):
        raise SilentError(f"The answer to {path} is no JSON: it was cut off, or somebody else answers.")
    return document


def approve(cluster: Cluster, name: str) -> None:
    """Approve a request as kubectl does: read, add the condition, put it back. Raises ApiError."""
    path = f"{LISTS['requests'][0]}/{quote(name, safe='')}"
    with client_of(cluster) as api:
        request: Any = ask(api, "GET", path)  # Any: a Kubernetes object is JSON
        approval = {
            "type": "Approved",
            "status": "True",
            "reason": "LabApprove",
            "message": "Approved in SIG-Windows Lab.",
        }
        request["status"] = {"conditions": [*objects(request, "status", "conditions"), approval]}
        ask(api, "PUT", f"{path}/approval", body=request)
