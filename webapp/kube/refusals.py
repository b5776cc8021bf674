"""What the API says when it refuses → who may not do what on what, and what to ask for. Pure.

Source: the API server's own words, the same from Kubernetes 1.20 to 1.36
(staging/src/k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go).
"""

import re
from dataclasses import dataclass

FORBIDDEN = re.compile(
    r'User "(?P<user>[^"]{0,300})" cannot (?P<verb>[a-z]{1,20}) resource "(?P<resource>[^"]{1,200})"'
    r' in API group "(?P<group>[^"]{0,200})"'
    r'(?: in the namespace "(?P<namespace>[^"]{1,100})"| at the cluster scope)?'
)
SIGNER = re.compile(
    r'user not permitted to (?P<verb>approve|sign) requests with signerName "(?P<signer>[^"]{1,300})"'
)
KUBELET = re.compile(
    r'(?:error trying to reach service|error dialing backend|(?:Get|Post) "https://[^"]{1,2000}"):'
    r" (?P<why>(?:dial|net|remote|x509|tls|proxy|context|read|write|EOF)[^\n]{0,300})"
)
LONGEST = 300


@dataclass(frozen=True)
class Right:
    """What somebody would have to be allowed. `namespace` "": everywhere in the cluster."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        """Say it as RBAC writes it: "get pods/log", "patch deployments.apps in the namespace x"."""
        where = f" in the namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.full_resource}{where}"

    @property
    def full_resource(self) -> str:
        name, slash, part = self.resource.partition("/")
        return f"{name}.{self.group}{slash}{part}" if self.group else self.resource


def refused_right(message: str) -> tuple[str, Right] | None:
    """Return who lacks which right, None when the words are not RBAC's."""
    plain = message.replace('\\"', '"')
    if found := FORBIDDEN.search(plain):
        return found["user"], Right(
            found["verb"], found["resource"], found["group"], found["namespace"] or ""
        )
    if found := SIGNER.search(plain):
        return "", Right(found["verb"], f"signers/{found['signer']}", "certificates.k8s.io")
    return None


def refusal_words(message: str) -> str:
    """Say a refusal as a sentence with what to ask for; other words stay as they are, cut."""
    if found := refused_right(message):
        return lacks(*found)
    if kubelet := KUBELET.search(message.replace('\\"', '"')):
        return f"the API server does not reach the node's kubelet (port 10250): {kubelet['why']}"
    return message[:LONGEST]


def lacks(user: str, right: Right) -> str:
    who = user or "This kubeconfig's user"
    resource, where = right.full_resource, "there" if right.namespace else "in a cluster role"
    if right.resource.startswith("signers/"):
        resource = f"signers.{right.group}, resourceName {right.resource.removeprefix('signers/')}"
    return f'{who} may not {right}: ask for the verb "{right.verb}" on {resource} {where}.'
