"""One request to an attached cluster's API: sent once, its answer held within bounds, faults put in words.

Whose API it is, nobody has checked: an answer that does not end, or that is too large, is given up.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import urllib3

from webapp.cluster import official
from webapp.kube.loose import load, text, whole
from webapp.kube.refusals import refusal_words

CONNECT_S, READ_S = 4.0, 8.0
ANSWER_S = 30.0  # for all of an answer, however busily it trickles
ANSWER_BYTES = 64 * 1024 * 1024
PIECE_BYTES = 256 * 1024
HTTP_REFUSED = 400
UNAUTHORIZED = 401
LONGEST_WAIT_S = 300.0


class ApiError(Exception):
    """The API could not be asked, or refused; a sentence. `wait_s`: how long it wants to be left alone."""

    wait_s = 0.0


class SilentError(ApiError):
    """Nobody who is the API answered."""


class RefusedError(ApiError):
    """The API answered with a refusal; `status` is HTTP's."""

    def __init__(self, status: int, sentence: str, wait_s: float = 0.0) -> None:
        super().__init__(sentence)
        self.status, self.wait_s = status, wait_s


@dataclass(frozen=True)
class Request:
    """What is asked. `path` is quoted already; `accept` and `content_type` are media types."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    content_type: str = "application/json"
    accept: str = "application/json"


def send_once(api: Any, request: Request) -> bytes:  # Any: the client is untyped
    """Send one request and return the whole answer. Raises SilentError, RefusedError."""
    answer = answer_to(api, request, (CONNECT_S, READ_S))
    try:
        return body_of(answer)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise SilentError(network_words(error)) from error


def answer_to(api: Any, request: Request, limits_s: tuple[float, float]) -> Any:  # Any: the client's answer
    """Send one request; the answer's body is not read yet. `limits_s`: to connect, and for each read.

    Raises SilentError, RefusedError.
    """
    try:
        asked = api.param_serialize(
            request.method,
            request.path,
            query_params=list(request.query.items()),
            header_params={"Accept": request.accept, "Content-Type": request.content_type},
            body=request.body,
            auth_settings=["BearerToken"],
        )
        answer = api.call_api(*asked, _request_timeout=limits_s)
        raw = body_of(answer) if answer.status >= HTTP_REFUSED else b""
    except (official.api_exception(), urllib3.exceptions.HTTPError, OSError) as error:  # the first: TLS
        raise SilentError(network_words(error)) from error
    if answer.status >= HTTP_REFUSED:
        raise refused(answer, raw)
    return answer


def body_of(answer: Any) -> bytes:  # Any: the client's answer
    """Read all of an answer, within ANSWER_S and ANSWER_BYTES. Raises SilentError, HTTPError, OSError."""
    pieces: list[bytes] = []
    ends_at, size, is_whole = time.monotonic() + ANSWER_S, 0, False
    try:
        while piece := answer.response.read1(PIECE_BYTES):
            pieces.append(piece)
            size += len(piece)
            if size > ANSWER_BYTES:
                raise SilentError(
                    f"The answer is larger than {ANSWER_BYTES / 1024**2:g} MiB: it was not read."
                )
            if time.monotonic() > ends_at:
                raise SilentError(f"The API server did not end its answer within {ANSWER_S:g} s.")
        is_whole = True
    finally:
        answer.response.release_conn() if is_whole else answer.response.close()
    return b"".join(pieces)


def refused(answer: Any, raw: bytes) -> RefusedError:  # Any: the client's answer
    """Return what a refusal says: RBAC's with the right that is missing, others as the API put it."""
    plain = raw.decode("utf-8", "replace")
    said = refusal_words(text(load(plain), "message") or plain[:200])
    if answer.status == UNAUTHORIZED:
        said = "this kubeconfig's certificate or token is not accepted; it may have expired or been revoked"
    wait_s = min(max(float(whole(answer.getheader("Retry-After", "")) or 0), 0.0), LONGEST_WAIT_S)
    sentence = f"{answer.status} {answer.reason}: {said}".strip(": ")[:460]
    later = f" It wants to be left alone for {wait_s:g} s." if wait_s else ""
    return RefusedError(answer.status, f"{sentence.rstrip('.')}.{later}" if later else sentence, wait_s)


def network_words(error: Exception) -> str:
    """Say in a sentence what the network or TLS did."""
    words = str(error)
    if "certificate has expired" in words:
        return "The API server's certificate has expired."
    if "CERTIFICATE_VERIFY_FAILED" in words:
        return "The API server's certificate is of another authority, or for another address."
    if "timed out" in words.lower() or "Timeout" in type(error).__name__:
        return f"The API server did not answer within {CONNECT_S + READ_S:g} s."
    if "refused" in words:
        return "The API server refused the connection."
    return f"The API server cut the connection or cannot be reached: {type(error).__name__}."
