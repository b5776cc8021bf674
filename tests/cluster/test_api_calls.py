"""What a refused or broken exec is called."""

import pytest
from kubernetes.client.exceptions import ApiException

from webapp.cluster.api_calls import exec_words


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            ApiException(status=0, reason="Handshake status 403 Forbidden -+-+- {'date': 'x'} -+-+- b'{}'"),
            "The API refused to run a command in the pod: 403 Forbidden.",
        ),
        (
            ApiException(status=0, reason="Handshake status 503 Service Unavailable -+-+- {} -+-+- b''"),
            "The API refused to run a command in the pod: 503 Service Unavailable.",
        ),
        (
            ApiException(
                status=0,
                reason="Handshake status 400 Bad Request -+-+- {} -+-+- "
                'b\'{"kind":"Status","message":"a container must be named","code":400}\\n\'',
            ),
            "The API refused to run a command in the pod: 400 Bad Request. a container must be named",
        ),
        (ConnectionRefusedError(111, "Connection refused"), "The API server refused the connection."),
    ],
    ids=["no right", "overloaded", "with a reason", "nobody there"],
)
def test_failed_exec_says_who_refused(error: Exception, expected: str) -> None:
    assert exec_words(error).lower() == expected.lower()
