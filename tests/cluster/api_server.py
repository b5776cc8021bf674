"""A small HTTPS API server of the tests' own: lists, approvals, refusals, and bad answers of every kind."""

import datetime
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TOKEN = "let-me-in"
KINDS = {
    "nodes": "NodeList",
    "pods": "PodList",
    "certificatesigningrequests": "CertificateSigningRequestList",
    "leases": "LeaseList",
    "events": "EventList",
    "secrets": "SecretList",
}


@dataclass
class Api:
    """What the server holds, and how it misbehaves: kind → how ("*" = every kind)."""

    objects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    mood: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    kubeconfig: str = ""


REFUSALS = {
    "403": "is forbidden: User cannot list resource",
    "429": "too many requests",
    "503": "etcd is down",
}


class Handler(BaseHTTPRequestHandler):
    api: Api

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].rstrip("/").split("/")
        kind = next((part for part in reversed(path) if part in KINDS), "")
        self.api.asked.append(("GET", self.path))
        mood = self.api.mood.get(kind, self.api.mood.get("*", ""))
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self.say(401, {"kind": "Status", "message": "Unauthorized"})
        elif mood in REFUSALS:
            self.say(int(mood), {"kind": "Status", "message": REFUSALS[mood]})
        elif mood == "slow":
            time.sleep(1.5)
            self.close_connection = True
        elif path[-1] != kind:
            self.say(200, self.one(kind, path[-1]))
        else:
            self.say(
                200, {"kind": KINDS[kind], "items": self.api.objects.get(kind, [])}, is_cut=mood == "cut"
            )

    def one(self, kind: str, name: str) -> dict[str, Any]:
        return next(item for item in self.api.objects[kind] if item["metadata"]["name"] == name)

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.api.asked.append(("PUT", self.path))
        name = self.path.split("/")[-2]
        self.one("certificatesigningrequests", name)["status"] = body["status"]
        self.say(200, body)

    def say(self, code: int, body: object, *, is_cut: bool = False) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if is_cut else data)
        self.close_connection = self.close_connection or is_cut


@contextmanager
def api_server(folder: Path, *, days: int = 1) -> Iterator[Api]:
    """Serve until the block ends; `days` is how long the certificate is valid (negative: it has expired)."""
    api = Api()
    certificate, key = make_certificate(folder, days)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"api": api}))
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    api.kubeconfig = kubeconfig(f"https://127.0.0.1:{server.server_address[1]}", certificate.read_bytes())
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def kubeconfig(server: str, authority: bytes, **user: str) -> str:
    import base64

    cluster = {"server": server, "certificate-authority-data": base64.b64encode(authority).decode()}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": cluster}],
            "users": [{"name": "u", "user": user or {"token": TOKEN}}],
        }
    )


def make_certificate(folder: Path, days: int) -> tuple[Path, Path]:
    """Make a certificate of its own authority for 127.0.0.1."""
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.datetime.now(datetime.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=10))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "api.crt", folder / "api.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths
