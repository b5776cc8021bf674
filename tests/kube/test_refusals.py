"""What an API server says when it refuses, in words that help."""

import pytest

from webapp.kube.refusals import refusal_words


@pytest.mark.parametrize(
    "said",
    [
        'Get "https://linuxw1:10250/containerLogs/x/web-1/web?timestamps=true": dial tcp: no such host',
        "error trying to reach service: dial tcp: no such host",
        "error dialing backend: dial tcp: no such host",
    ],
    ids=["log", "proxy", "exec"],
)
def test_kubelet_out_of_the_apis_reach_is_named(said: str) -> None:
    """As a true kube-apiserver 1.20.2 said it."""
    wanted = "the API server does not reach the node's kubelet (port 10250): dial tcp: no such host"

    assert refusal_words(said) == wanted
