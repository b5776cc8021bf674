"""What an attached cluster's API is asked beside lists: text, changes, a command in a pod."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from websocket import WebSocketException

from webapp.cluster import objects, official
from webapp.cluster.api_request import (
    UNAUTHORIZED,
    RefusedError,
    Request,
    network_words,
    send_once,
)
from webapp.kube.loose import load, text
from webapp.kube.refusals import lacks, refused_right

GONE, FORBIDDEN, BUSY = 404, 403, 429
EXEC_S = 12
TRIES, LONGEST_PAUSE_S = 3, 5.0  # a busy API says when to ask again; 429 means that nothing was done
ANY_TEXT = "application/json, text/plain, */*"
MANAGER = "sig-windows-lab"
HANDSHAKE = re.compile(r"Handshake status (?P<status>[45]\d\d) (?P<words>[A-Za-z ]{0,60})")
# A Status among the handshake's headers and bytes.
MESSAGE = re.compile(r'"message":"([^"\\]{1,300})')


def send(api: Any, request: Request) -> bytes:  # Any: the client is untyped
    """Send a request, again where a busy API says when (429, Retry-After). Raises as `send_once`."""
    for _ in range(TRIES - 1):
        try:
            return send_once(api, request)
        except RefusedError as error:
            if error.status != BUSY or not 0 < error.wait_s <= LONGEST_PAUSE_S:
                raise
            time.sleep(error.wait_s)
    return send_once(api, request)


def ask_text(api: Any, path: str, *, query: Mapping[str, str]) -> str:  # Any: the client is untyped
    """GET an answer that is text (a log). Raises ApiError."""
    request = Request("GET", quote(path, safe="/"), query, accept=ANY_TEXT)
    return send(api, request).decode("utf-8", "replace")


def ask_json(api: Any, method: str, path: str, *, body: object = None) -> object:
    """Ask for JSON; None when the answer is none. Any: the client is untyped. Raises ApiError."""
    return load(send(api, Request(method, path, body=body)).decode("utf-8", "replace"))


def change(api: Any, method: str, document: objects.Object, *, is_dry: bool = False) -> str:
    """Apply (PATCH, the server's own apply) or delete one object; says what was done. Raises ApiError.

    `is_dry`: the server only says whether it would. Any: the client is untyped.
    """
    path = quote(objects.path_of(document), safe="/")
    dry = {"dryRun": "All"} if is_dry else {}
    if method == "DELETE":
        return delete(api, path, dry)
    body = json.loads(json.dumps(objects.with_protocols(document)))  # JSON is YAML
    query = {"fieldManager": MANAGER, "force": "true", **dry}
    try:
        send(api, Request("PATCH", path, query, body, content_type="application/apply-patch+yaml"))
    except RefusedError as error:
        if error.status != GONE or "could not find the requested resource" not in str(error):
            raise
        version = document["apiVersion"]
        raise RefusedError(GONE, f"this cluster's API does not know {version} {document['kind']}") from error
    return "applied"


def delete(api: Any, path: str, dry: Mapping[str, str]) -> str:
    """Delete one object; one that is gone is no failure. Any: the client is untyped."""
    try:
        send(api, Request("DELETE", path, {"propagationPolicy": "Background", **dry}))
    except RefusedError as error:
        if error.status != GONE:
            raise
        return "was gone"
    return "deleted"


def run_in_pod(api: Any, space: str, pod: str, words: Sequence[str]) -> str:  # Any: the client is untyped
    """Run a command in a pod; its output, then labkit-ok where it ended with 0.

    Raises RefusedError when this user may run nothing there: no other command would go better.
    """
    core = official.client().CoreV1Api(official.client().ApiClient(api.configuration))
    try:
        answer = official.streams().stream(
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
        ending = outcome_words(answer)  # before read_all, which throws the channel of it away
        said = str(answer.read_all())
        answer.close()
    except (official.api_exception(), WebSocketException, OSError, ValueError) as error:
        if (status := exec_status(error)) in (UNAUTHORIZED, FORBIDDEN):
            raise RefusedError(status, exec_words(error)) from error
        return f"error: {exec_words(error)}"
    return f"{said}\nlabkit-ok" if not ending else f"{said}\n{ending}"


def outcome_words(answer: Any) -> str:  # Any: the client is untyped
    """Say how the command ended, "" for well (exit code 0)."""
    if answer.is_open():
        return f"error: It did not end within {EXEC_S} s."
    told = load(answer.read_channel(official.streams().ws_client.ERROR_CHANNEL))
    if text(told, "status") == "Success":
        return ""
    return f"error: {text(told, 'message') or 'The connection ended before the command did.'}"


def exec_status(error: Exception) -> int:
    """Return the status that exec's handshake was answered with, 0 when there was no answer."""
    found = HANDSHAKE.search(reason_of(error))
    return int(found["status"]) if found is not None else 0


def reason_of(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error)


def exec_words(error: Exception) -> str:
    """Say what exec's handshake was answered: the client hides a refusal's status in its reason."""
    found = HANDSHAKE.search(reason_of(error))
    if found is None:
        return network_words(error)
    right, said = refused_right(reason_of(error)), MESSAGE.search(reason_of(error))
    why = f" {lacks(*right)}" if right is not None else f" {said[1]}" if said is not None else ""
    return f"The API refused to run a command in the pod: {found['status']} {found['words'].strip()}.{why}"
