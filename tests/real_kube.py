"""A real control plane on loopback for a test: etcd, kube-apiserver, controllers and scheduler, with RBAC.

The binaries are named by the environment (KUBE_APISERVER, ETCD); controllers and scheduler are taken from
beside kube-apiserver where they lie there. Certificates are made here.
"""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.kube_objects import BOOTSTRAPPERS, LISTS, READS, TOKEN, account, binding, group, kubeconfig_text
from tests.pki import PEM, PLAIN, Authority, data_of, node_request
from tests.stack import free_port, wait_until


@dataclass
class RealKube:
    """A control plane below `folder`; `flags` go to kube-apiserver."""

    folder: Path
    apiserver: Path
    etcd: Path
    flags: Sequence[str] = ()
    parts: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, self.etcd_port, self.peer_port = free_port(), free_port(), free_port()
        self.authority = Authority(self.folder)
        self.authority.issue("kube-apiserver", hosts=["127.0.0.1", "localhost", "10.96.0.1", "kubernetes"])
        self.admin = self.authority.issue("lab-admin", ["system:masters"])
        key = rsa.generate_private_key(65537, 2048)
        (self.folder / "sa.key").write_bytes(key.private_bytes(*PLAIN))
        public = key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        (self.folder / "sa.pub").write_bytes(public)
        self.pool = urllib3.PoolManager(
            cert_file=str(self.admin[0]), key_file=str(self.admin[1]), ca_certs=str(self.file("ca.crt"))
        )

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def file(self, name: str) -> Path:
        return self.folder / name

    # -- processes ----------------------------------------------------------------

    def start(self) -> "RealKube":
        self.start_etcd()
        self.start_api()
        for name in ("kube-controller-manager", "kube-scheduler"):
            if (self.apiserver.parent / name).exists():
                self.start_helper(name)
        self.make_people()
        return self

    def stop(self) -> None:
        for name in list(self.parts)[::-1]:
            self.stop_part(name)

    def run(self, name: str, program: Path, *words: str) -> None:
        with (self.folder / f"{name}.out").open("ab") as log:
            self.parts[name] = subprocess.Popen(
                [program, *words], cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )

    def stop_part(self, name: str) -> None:
        part = self.parts.pop(name)
        part.terminate()
        try:
            part.wait(20)
        except subprocess.TimeoutExpired:
            part.kill()
            part.wait()

    def start_etcd(self) -> None:
        clients, peers = (f"http://127.0.0.1:{port}" for port in (self.etcd_port, self.peer_port))
        self.run(
            "etcd",
            self.etcd,
            f"--data-dir={self.file('etcd')}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
        )

    def start_api(self, *flags: str) -> None:
        """Start kube-apiserver and wait until it is ready; `flags` come last, so they win."""
        self.run("kube-apiserver", self.apiserver, *self.api_flags(), *self.flags, *flags)
        wait_until(self.is_ready, 120, f"kube-apiserver is ready; see {self.file('kube-apiserver.out')}")

    def is_ready(self) -> bool:
        """Tell whether the API answers; AssertionError, with its last words, once it has ended."""
        if self.parts["kube-apiserver"].poll() is not None:
            raise AssertionError(self.file("kube-apiserver.out").read_text(errors="replace")[-2000:])
        return self.answer("GET", "/readyz")[0] == 200

    def api_flags(self) -> list[str]:
        has_controllers = (self.apiserver.parent / "kube-controller-manager").exists()
        return [
            f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            "--endpoint-reconciler-type=none",
            f"--tls-cert-file={self.file('kube-apiserver.crt')}",
            f"--tls-private-key-file={self.file('kube-apiserver.key')}",
            f"--client-ca-file={self.file('ca.crt')}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-client-certificate={self.admin[0]}",
            f"--kubelet-client-key={self.admin[1]}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.file('sa.pub')}",
            f"--service-account-signing-key-file={self.file('sa.key')}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=Node,RBAC",
            "--enable-bootstrap-token-auth=true",
            "--allow-privileged=true",
            "--enable-admission-plugins=NodeRestriction",
            *([] if has_controllers else ["--disable-admission-plugins=ServiceAccount"]),
        ]

    def start_helper(self, name: str) -> None:
        path = self.file("admin.conf")
        path.write_text(self.kubeconfig(*self.admin))
        program = self.apiserver.parent / name
        words = [f"--kubeconfig={path}", "--bind-address=127.0.0.1", f"--secure-port={free_port()}"]
        if " --port " in self.help_of(program):  # the plain port; gone with 1.24
            words.append("--port=0")
        if name == "kube-controller-manager":
            words += [
                f"--cluster-signing-cert-file={self.file('ca.crt')}",
                f"--cluster-signing-key-file={self.file('ca.key')}",
                f"--service-account-private-key-file={self.file('sa.key')}",
                f"--root-ca-file={self.file('ca.crt')}",
                "--use-service-account-credentials=true",
                "--controllers=*,bootstrapsigner,tokencleaner",
            ]
        self.run(name, program, *words, "--leader-elect=false")

    @staticmethod
    def help_of(program: Path) -> str:
        return subprocess.run([program, "--help"], capture_output=True, text=True, check=False).stdout

    # -- its API ------------------------------------------------------------------

    def answer(self, method: str, path: str, body: object = None, token: str = "") -> tuple[int, Any]:
        """Ask as the administrator, or with a token; status and document, (0, text) when nobody answers."""
        headers = {"Content-Type": "application/json"}
        pool = self.pool
        if method == "PATCH":
            headers["Content-Type"] = "application/strategic-merge-patch+json"
        if token:
            headers["Authorization"] = f"Bearer {token}"
            pool = urllib3.PoolManager(ca_certs=str(self.file("ca.crt")))
        data = None if body is None else json.dumps(body)
        try:
            said = pool.request(
                method, self.url + path, body=data, headers=headers, retries=False, timeout=20
            )
        except urllib3.exceptions.HTTPError as error:
            return 0, str(error)
        text = said.data.decode(errors="replace")
        return said.status, json.loads(text) if text.startswith("{") else text

    def make(self, path: str, body: Mapping[str, object], **how: str) -> Any:  # Any: JSON
        """Create an object; one that is there already is no failure."""
        code, said = self.answer("POST", path, body, **how)
        assert code in (200, 201, 202, 409), (path, code, said)
        return said

    def get(self, path: str) -> Any:  # Any: JSON
        code, said = self.answer("GET", path)
        assert code == 200, (path, code, said)
        return said

    # -- people -------------------------------------------------------------------

    def kubeconfig(self, certificate: Path, key: Path, authority: Path | None = None) -> str:
        user = {"client-certificate-data": data_of(certificate), "client-key-data": data_of(key)}
        return kubeconfig_text(self.url, authority or self.file("ca.crt"), user)

    def kubeconfigs(self) -> dict[str, str]:
        """Return one for each kind of person: who may all, read, list; and those who do not get in."""
        other = Authority(self.folder, "other").folder / "other.crt"
        issue = self.authority.issue
        return {
            "admin": self.kubeconfig(*self.admin),
            "reader": self.kubeconfig(*issue("lab-reader", ["lab-readers"])),
            "lister": self.kubeconfig(*issue("lab-lister", ["lab-listers"])),
            "nobody": self.kubeconfig(*issue("lab-nobody")),
            "expired": self.kubeconfig(*issue("lab-late", ["system:masters"], hours=-1)),
            "wrong-authority": self.kubeconfig(*self.admin, authority=other),
            "account": kubeconfig_text(self.url, self.file("ca.crt"), {"token": self.account_token()}),
        }

    def account_token(self) -> str:
        """Return a token of the ServiceAccount lab, which may read what the group lab-readers may."""
        path = "/api/v1/namespaces/kube-system/serviceaccounts"
        self.make(path, {"metadata": {"name": "lab"}})
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        return str(self.make(f"{path}/lab/token", asked)["status"]["token"])

    def make_people(self) -> None:
        """Bind readers to what a look needs, and bootstrap tokens to what a join needs, as kubeadm does."""
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        secrets = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}]
        self.make(f"{rbac}/clusterroles", {"metadata": {"name": "lab-reads"}, "rules": READS})
        self.make(
            f"{rbac}/namespaces/kube-system/roles", {"metadata": {"name": "lab-reads"}, "rules": secrets}
        )
        readers = [group("lab-readers"), account("kube-system", "lab")]
        self.make(f"{rbac}/clusterrolebindings", binding("lab-reads", "ClusterRole", readers))
        self.make(f"{rbac}/namespaces/kube-system/rolebindings", binding("lab-reads", "Role", readers))
        self.make(f"{rbac}/clusterroles", {"metadata": {"name": "lab-lists"}, "rules": LISTS})
        listers = binding("lab-lists", "ClusterRole", [group("lab-listers")])
        self.make(f"{rbac}/clusterrolebindings", listers)
        joiners = binding("system:node-bootstrapper", "ClusterRole", [group(BOOTSTRAPPERS)])
        self.make(f"{rbac}/clusterrolebindings", joiners)

    def add_bootstrap_token(self) -> None:
        token_id, _, secret = TOKEN.partition(".")
        self.make(
            "/api/v1/namespaces/kube-system/secrets",
            {
                "metadata": {"name": f"bootstrap-token-{token_id}"},
                "type": "bootstrap.kubernetes.io/token",
                "stringData": {
                    "token-id": token_id,
                    "token-secret": secret,
                    "usage-bootstrap-authentication": "true",
                    "auth-extra-groups": BOOTSTRAPPERS,
                    "expiration": f"{datetime.now(UTC) + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}",
                },
            },
        )

    # -- nodes --------------------------------------------------------------------

    def request_certificate(self, node: str, name: str) -> None:
        """Ask for a kubelet's certificate as its bootstrap token does."""
        self.make(
            "/apis/certificates.k8s.io/v1/certificatesigningrequests",
            {
                "apiVersion": "certificates.k8s.io/v1",
                "kind": "CertificateSigningRequest",
                "metadata": {"name": name},
                "spec": {
                    "request": node_request(node),
                    "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
                    "usages": ["digital signature", "key encipherment", "client auth"],
                },
            },
            token=TOKEN,
        )

    def add_node(self, name: str, os: str, info: Mapping[str, str], *, is_ready: bool, why: str = "") -> None:
        """Make a Node as its kubelet would: labels, status, a lease."""
        labels = {"kubernetes.io/os": os, "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name}
        if os == "windows":
            labels["node.kubernetes.io/windows-build"] = "10.0.20348"
        self.make("/api/v1/nodes", {"metadata": {"name": name, "labels": labels}})
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        ready = {
            "type": "Ready",
            "status": "True" if is_ready else "False",
            "reason": "KubeletReady" if is_ready else "KubeletNotReady",
            "message": why,
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }
        status = {"conditions": [ready], "nodeInfo": dict(info)}
        self.change_node(name, status)
        self.renew_lease(name)

    def change_node(self, name: str, status: Mapping[str, object]) -> None:
        """Report a part of a Node's status, as its kubelet does."""
        code, said = self.answer("PATCH", f"/api/v1/nodes/{name}/status", {"status": status})
        assert code == 200, said

    def renew_lease(self, name: str) -> None:
        spec = {
            "holderIdentity": name,
            "leaseDurationSeconds": 40,
            "renewTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        }
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        self.make("/api/v1/namespaces", {"metadata": {"name": "kube-node-lease"}})
        self.make(path, {"metadata": {"name": name}, "spec": spec})
        self.answer("PATCH", f"{path}/{name}", {"spec": spec})


def binaries() -> tuple[Path, Path] | None:
    """Return kube-apiserver and etcd as the environment names them; None when it does not."""
    named = os.environ.get("KUBE_APISERVER", ""), os.environ.get("ETCD", "")
    return (Path(named[0]), Path(named[1])) if all(named) else None
