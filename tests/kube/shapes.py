"""The same cluster as four releases of Kubernetes tell it: fields that came, moved and went."""

import base64
from typing import Any

Object = dict[str, Any]  # Any: a Kubernetes object is JSON


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def request_of(node: str) -> str:
    user = f"system:node:{node}".encode()
    der = base64.b64encode(b"0\x81\xed\x0c" + bytes([len(user)]) + user + b"0Y").decode()
    return encoded(f"-----BEGIN CERTIFICATE REQUEST-----\n{der}\n-----END CERTIFICATE REQUEST-----\n")


def node(version: str) -> Object:
    minor = int(version.split(".")[1])
    labels = {"kubernetes.io/os": "windows", "node.kubernetes.io/windows-build": "10.0.20348"}
    return {
        "kind": "Node",
        "metadata": {"name": "winw1", "labels": labels, "creationTimestamp": "2026-11-22T14:23:42Z"},
        "spec": {
            "podCIDR": "10.244.1.0/24",
            "taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}],
        },
        "status": {
            "addresses": [{"type": "InternalIP", "address": "192.168.56.11"}],
            "conditions": [
                {
                    "type": "Ready",
                    "status": "False",
                    "reason": "KubeletNotReady",
                    "message": "cni plugin not initialized",
                    "lastTransitionTime": "2026-11-22T14:23:42Z",
                }
            ],
            "nodeInfo": {
                "kubeletVersion": f"v{version}",
                "operatingSystem": "windows",
                "kernelVersion": "10.0.20348.1006",
            }
            | ({"kubeProxyVersion": f"v{version}"} if minor < 33 else {}),
        }
        | ({"runtimeHandlers": None, "features": {"supplementalGroupsPolicy": True}} if minor >= 31 else {}),
    }


def request(version: str) -> Object:
    spec = {"request": request_of("winw1"), "username": "system:bootstrap:abcdef"}
    if int(version.split(".")[1]) >= 19:
        spec["signerName"] = "kubernetes.io/kube-apiserver-client-kubelet"
    return {"kind": "CertificateSigningRequest", "metadata": {"name": "csr-a"}, "spec": spec, "status": {}}


def pod(version: str) -> Object:
    windows: Object = {"os": {"name": "windows"}} if int(version.split(".")[1]) >= 23 else {}
    host_process = {"securityContext": {"windowsOptions": {"hostProcess": True}}}
    return {
        "kind": "Pod",
        "metadata": {
            "name": "calico-node-windows-x",
            "namespace": "calico-system",
            "labels": {"k8s-app": "calico-node-windows"},
            "ownerReferences": [{"kind": "DaemonSet", "name": "calico-node-windows", "controller": True}],
        },
        "spec": {
            "nodeName": "winw1",
            "nodeSelector": {"kubernetes.io/os": "windows"},
            **host_process,
            **windows,
        },
        "status": {
            "phase": "Pending",
            "conditions": [{"type": "Ready", "status": "False"}],
            "containerStatuses": [
                {
                    "name": "felix",
                    "ready": False,
                    "restartCount": 3,
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                }
            ],
        },
    }


def event(version: str) -> Object:
    about = {"kind": "Node", "name": "winw1"}
    if int(version.split(".")[1]) < 30:
        return {
            "kind": "Event",
            "metadata": {"namespace": "default"},
            "involvedObject": about,
            "reason": "Starting",
            "count": 4,
            "lastTimestamp": "2026-11-22T14:25:00Z",
            "message": "Starting kubelet.",
        }
    return {
        "kind": "Event",
        "metadata": {"namespace": "default"},
        "involvedObject": about,
        "reason": "Starting",
        "count": None,
        "lastTimestamp": None,
        "eventTime": "2026-11-22T14:24:00.123456Z",
        "series": {"count": 4, "lastObservedTime": "2026-11-22T14:25:00.000000Z"},
        "message": "Starting kubelet.",
    }


def lease(version: str) -> Object:
    return {
        "kind": "Lease",
        "metadata": {"name": "winw1"},
        "spec": {"renewTime": "2026-11-22T14:25:01.123456Z"},
    }


def token(version: str) -> Object:
    data = {
        "token-id": "abcdef",
        "token-secret": "0123456789abcdef",
        "expiration": "2026-11-22T16:00:00Z",
        "usage-bootstrap-authentication": "true",
    }
    return {
        "kind": "Secret",
        "type": "bootstrap.kubernetes.io/token",
        "metadata": {"name": "bootstrap-token-abcdef"},
        "data": {key: encoded(value) for key, value in data.items()},
    }


def listed(version: str) -> list[Object]:
    """Return the objects as kubectl lists them, newer releases with an empty metadata."""
    made = [make(version) for make in (node, request, pod, event, lease, token)]
    return [{"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": made}]
