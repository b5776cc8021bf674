"""What an attached cluster's API is asked beside lists: text, changes, a command in a pod."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import urllib3
from kubernetes import client as kubernetes
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream

from webapp.cluster import objects
from webapp.cluster.attached import (
    CONNECT_S,
    HTTP_REFUSED,
    READ_S,
    RefusedError,
    SilentError,
    network_words,
    refused,
)

MOST_BYTES = 8 * 1024 * 1024
GONE = 404
EXEC_S = 12
MANAGER = "sig-windows-lab"
HANDSHAKE = re.compile(r"Handshake status (?P<status>[45]\d\d) (?P<words>[A-Za-z ]{0,60})")


def send(
    api: Any,  # Any: the client is untyped
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    body: object = None,
    content_type: str = "application/json",
) -> bytes:
    """Send one request and return the answer, at most MOST_BYTES. Raises SilentError, RefusedError."""
    headers = {"Accept": "application/json, text/plain, */*", "Content-Type": content_type}
    try:
        request = api.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = api.call_api(*request, _request_timeout=(CONNECT_S, READ_S))
        raw: bytes = answer.read()
    except ApiException as error:
        raise SilentError(network_words(error)) from error  # TLS
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise SilentError(network_words(error)) from error
    if answer.status >= HTTP_REFUSED:
        raise refused(answer, raw)
    return raw[:MOST_BYTES]


def ask_text(api: Any, path: str, *, query: Mapping[str, str]) -> str:  # Any: the client is untyped
    """GET an answer that is text (a log). Raises ApiError."""
    return send(api, "GET", quote(path, safe="/"), query=query).decode("utf-8", "replace")


def change(api: Any, method: str, document: objects.Object) -> str:  # Any: the client is untyped
    """Apply (PATCH, the server's own apply) or delete one object; says what was done. Raises ApiError."""
    path = quote(objects.path_of(document), safe="/")
    name = f"{document['kind'].lower()}/{document['metadata']['name']}"
    if method == "DELETE":
        try:
            send(api, "DELETE", path, query={"propagationPolicy": "Background"})
        except RefusedError as error:
            if error.status != GONE:
                raise
            return f"{name} was gone"
        return f"{name} deleted"
    query = {"fieldManager": MANAGER, "force": "true"}
    body = json.loads(json.dumps(document))  # JSON is YAML
    send(api, "PATCH", path, query=query, body=body, content_type="application/apply-patch+yaml")
    return f"{name} applied"


def run_in_pod(api: Any, space: str, pod: str, words: Sequence[str]) -> str:  # Any: the client is untyped
    """Run a command in a pod; its output, then labkit-ok where it ended with 0. Raises ApiError."""
    core = kubernetes.CoreV1Api(kubernetes.ApiClient(api.configuration))
    try:
        answer = stream(
            core.connect_get_namespaced_pod_exec,
            pod,
            space,
            command=list(words),
            stderr=True,
            stdin=False,
            stdout=True,
            tty=False,
            _preload_content=False,
        )
        answer.run_forever(timeout=EXEC_S)
        said, code = answer.read_all(), answer.returncode
    except (ApiException, OSError, ValueError) as error:
        return f"error: {exec_words(error)}"
    return f"{said}\nlabkit-ok" if code == 0 else str(said)


def exec_words(error: Exception) -> str:
    """Say what exec's handshake was answered: the client hides a refusal's status in its reason."""
    found = HANDSHAKE.search(str(getattr(error, "reason", "") or error))
    if found is None:
        return network_words(error)
    return f"The API refused to run a command in the pod: {found['status']} {found['words'].strip()}."
