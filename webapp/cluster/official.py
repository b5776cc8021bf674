"""The official client of Kubernetes, loaded when it is first needed: no start of a process waits for it.

Loading it takes 0.2 s of a processor and 13 MiB, and most installations have no attached cluster.
"""

from importlib import import_module
from typing import Any


def client() -> Any:  # Any: the client is untyped, here and below
    return import_module("kubernetes.client")


def api_exception() -> Any:
    """Return the class of what the client raises."""
    return import_module("kubernetes.client.exceptions").ApiException


def streams() -> Any:
    """Return the module with `stream` and `ws_client`."""
    return import_module("kubernetes.stream")
