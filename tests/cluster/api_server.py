"""A small HTTPS API server of the tests' own: lists, watches, changes, and bad answers of every kind."""

import base64
import datetime
import hashlib
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cluster.api_objects import KINDS, WORDS, Api, Asked, Refused, forbidden_words, read_asked
from tests.kube import shapes

__all__ = ["TOKEN", "Api", "api_server", "filled_api_server", "kubeconfig", "make_certificate", "served"]
TOKEN = "let-me-in"
SLOW_S = 1.5  # longer than a test lets the client wait; then it hangs up
KINDS_LISTED = ("nodes", "certificatesigningrequests", "pods", "events", "leases", "secrets")
REVIEWS = "selfsubjectaccessreviews"
WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455


class Handler(BaseHTTPRequestHandler):
    api: Api
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def handle_asked(self) -> None:
        asked = read_asked(self.command, self.path)
        self.api.asked.append((self.command, self.path))
        body = self.body()
        mood = self.api.mood_of(asked)
        try:
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                raise Refused(401, "Unauthorized")
            if mood == "403" or not self.api.may(asked):
                raise Refused(403, forbidden_words(asked))
            if mood in WORDS:
                raise Refused(int(mood), WORDS[mood])
            if mood == "slow":
                time.sleep(SLOW_S)
                self.close_connection = True
                return None
            if mood == "endless":
                return self.trickle()
            self.answer(asked, body, mood)
        except Refused as refused:
            self.say(refused.code, {"kind": "Status", "code": refused.code, "message": refused.message})
        return None

    def trickle(self) -> None:
        """Answer without an end, until the client has had enough."""
        self.close_connection = True
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            while True:
                self.wfile.write(b" " * 1000)
                time.sleep(0.01)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_asked  # noqa: N815

    def body(self) -> Any:  # Any: JSON
        length = int(self.headers["Content-Length"] or 0)
        return json.loads(self.rfile.read(length)) if length else {}

    def answer(self, asked: Asked, body: Any, mood: str) -> None:
        if asked.verb == "watch":
            self.watch(asked, mood)
        elif asked.resource == REVIEWS:
            self.say(201, self.review(body))
        elif asked.part in ("log", "proxy"):
            self.say_log(asked)
        elif asked.part == "exec":
            self.run(asked)
        elif asked.verb == "list":
            self.say(200, self.listed(asked), is_cut=mood == "cut")
        elif asked.verb == "get":
            self.say(200, self.one(asked))
        elif asked.part == "approval":
            self.one(asked)["status"] = body["status"]
            self.say(200, body)
        else:
            self.say(200, self.api.change(asked, body))

    def listed(self, asked: Asked) -> dict[str, Any]:
        items = self.api.objects.get(asked.resource, [])
        metadata = {"resourceVersion": str(self.api.version)}
        return {"kind": KINDS[asked.resource], "metadata": metadata, "items": items}

    def one(self, asked: Asked) -> dict[str, Any]:
        found = self.api.find(asked)
        if found is None:
            raise Refused(404, f'{asked.resource} "{asked.name}" not found')
        return found

    def review(self, body: Any) -> dict[str, Any]:
        wanted = body["spec"]["resourceAttributes"]
        group, part = wanted.get("group", ""), wanted.get("subresource", "")
        asked = Asked(wanted["verb"], group, wanted["resource"], "", "", part, {})
        return {**body, "status": {"allowed": self.api.may(asked)}}

    def say_log(self, asked: Asked) -> None:
        is_previous = asked.query.get("previous") == "true"
        if (asked.name, is_previous) not in self.api.logs:
            words = "previous terminated container" if is_previous else "container"
            raise Refused(400, f'{words} "a" in pod "{asked.name}" not found')
        self.say_bytes(200, self.api.logs[asked.name, is_previous].encode())

    # -- watch --------------------------------------------------------------------------

    def watch(self, asked: Asked, mood: str) -> None:
        """Stream changes after a version until the time is over; bookmarks and odd moments by mood."""
        if mood == "gone-http":
            raise Refused(410, "too old resource version")
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with self.api.changed:
            self.api.watching += 1
            self.api.most_watching = max(self.api.most_watching, self.api.watching)
        try:
            self.stream(asked, mood)
        finally:
            with self.api.changed:
                self.api.watching -= 1

    def stream(self, asked: Asked, mood: str) -> None:
        at = int(asked.query["resourceVersion"])
        ends_at = time.monotonic() + float(asked.query["timeoutSeconds"])
        if mood == "gone":
            status = {"kind": "Status", "code": 410, "message": "too old resource version"}
            self.chunk({"type": "ERROR", "object": status})
        while mood not in ("gone", "closed") and (left_s := ends_at - time.monotonic()) > 0:
            self.bookmark(asked, at)
            for version, event, item in self.fresh(asked, at, left_s):
                at = version
                if mood == "cut":
                    self.api.mood.pop(f"watch {asked.resource}", None)  # it is cut once
                    return self.chunk({"type": event, "object": item}, is_cut=True)
                self.chunk({"type": event, "object": item})
        self.wfile.write(b"0\r\n\r\n")
        return None

    def fresh(self, asked: Asked, after: int, left_s: float) -> list[tuple[int, str, dict[str, Any]]]:
        """Return what is newer; waits a moment when nothing is."""

        def found() -> list[tuple[int, str, dict[str, Any]]]:
            rows = self.api.changes
            return [(n, event, item) for n, kind, event, item in rows if n > after and kind == asked.resource]

        with self.api.changed:
            return found() or (self.api.changed.wait(min(left_s, 0.2)) and found()) or []

    def bookmark(self, asked: Asked, at: int) -> None:
        item = {"kind": KINDS[asked.resource].removesuffix("List"), "metadata": {"resourceVersion": str(at)}}
        self.chunk({"type": "BOOKMARK", "object": item})

    def chunk(self, event: object, *, is_cut: bool = False) -> None:
        data = json.dumps(event).encode() + b"\n"
        self.wfile.write(b"%x\r\n" % len(data) + (data[: len(data) // 2] if is_cut else data + b"\r\n"))
        self.wfile.flush()
        self.close_connection = self.close_connection or is_cut

    # -- exec ---------------------------------------------------------------------------

    def run(self, asked: Asked) -> None:
        """Answer an exec's handshake, say what was wanted on stdout, then how it ended."""
        key = (self.headers["Sec-WebSocket-Key"] + WEBSOCKET).encode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key).digest()).decode())
        self.send_header("Sec-WebSocket-Protocol", "v4.channel.k8s.io")
        self.end_headers()
        ending = json.dumps(self.api.ending_of_exec).encode()
        for channel, said in ((b"\1", self.api.said_in_pods.encode()), (b"\3", ending)):
            payload = channel + said
            self.wfile.write(b"\x82" + bytes([len(payload)]) + payload)
        self.wfile.write(b"\x88\x02\x03\xe8")
        self.wfile.flush()
        self.rfile.read(1)  # the client's own end
        self.close_connection = True

    def say(self, code: int, body: object, *, is_cut: bool = False) -> None:
        self.say_bytes(code, json.dumps(body).encode(), is_cut=is_cut)

    def say_bytes(self, code: int, data: bytes, *, is_cut: bool = False) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        if code in (429, 503) and self.api.retry_after:
            self.send_header("Retry-After", str(self.api.retry_after))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if is_cut else data)
        self.close_connection = self.close_connection or is_cut


@contextmanager
def api_server(folder: Path, *, days: int = 1) -> Iterator[Api]:
    """Serve until the block ends; `days` is how long the certificate is valid (negative: it has expired)."""
    api = Api()
    certificate, key = make_certificate(folder, days)
    with served(type("Bound", (Handler,), {"api": api}), certificate, key) as port:
        api.kubeconfig = kubeconfig(f"https://127.0.0.1:{port}", certificate.read_bytes())
        yield api


@contextmanager
def served(handler: type[BaseHTTPRequestHandler], certificate: Path, key: Path) -> Iterator[int]:
    """Serve HTTPS on loopback until the block ends; gives the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def filled_api_server(folder: Path) -> Iterator[Api]:
    """Serve one object of each kind that a look lists, as Kubernetes 1.36 shapes them."""
    with api_server(folder) as api:
        items = shapes.listed("1.36.1")[0]["items"]
        api.objects = {kind: [item] for kind, item in zip(KINDS_LISTED, items, strict=True)}
        yield api


def kubeconfig(server: str, authority: bytes, **user: str) -> str:
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
