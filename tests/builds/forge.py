"""A forge on loopback: TLS with a certificate of its own, Git's smart protocol by git http-backend.

/open.git serves --filter, /plain.git does not; /secret.git wants a password, /moved.git leads to another
host, /hangs.git says nothing until the forge stops. `asked` keeps the path of every request.
"""

import ipaddress
import os
import ssl
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.builds.repository import Repository, git

PEM = serialization.Encoding.PEM


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Return certificate and key of 127.0.0.1 and localhost; who trusts it trusts it as an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests' forge")])
    hosts = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    began = datetime.now(UTC) - timedelta(days=1)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), began, began + timedelta(days=3)
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
    certificate, private = folder / "forge.pem", folder / "forge.key"
    certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(PEM))
    form = (PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private.write_bytes(key.private_bytes(*form))
    return certificate, private


class Forge:
    """Serves what is below `folder`; `host` is name and port."""

    def __init__(self, folder: Path, repository: Repository) -> None:
        self.folder, self.asked, self.stopping = folder, list[str](), threading.Event()
        for name, serves_filter in (("open", "true"), ("plain", "false")):
            git(folder, "clone", "-q", "--mirror", str(repository.path), f"{name}.git")
            git(folder / f"{name}.git", "config", "uploadpack.allowFilter", serves_filter)
        self.certificate, private = write_certificate(folder)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, self))
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, private)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.host = f"127.0.0.1:{self.server.server_port}"

    def url(self, name: str) -> str:
        return f"https://{self.host}/{name}.git"

    def start(self) -> Self:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    """One request; a repository's name says how it is answered."""

    def __init__(self, forge: Forge, *arguments: object) -> None:
        self.forge = forge
        super().__init__(*arguments)  # type: ignore[arg-type]

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.forge.asked.append(self.path)
        if self.path.startswith("/hangs.git"):
            self.forge.stopping.wait(120)
        elif self.path.startswith("/secret.git"):
            self.answer(401, {"WWW-Authenticate": 'Basic realm="forge"'}, b"")
        elif self.path.startswith("/moved.git"):
            port = self.forge.server.server_port
            there = self.path.replace("/moved.git", f"https://localhost:{port}/open.git")
            self.answer(302, {"Location": there}, b"")
        else:
            self.backend()

    do_POST = do_GET  # noqa: N815 (the library calls it so)

    def backend(self) -> None:
        """Pass the request to git http-backend as a CGI program."""
        path, _, query = self.path.partition("?")
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.forge.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        done = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.answer(int(headers.pop("Status", "200 OK")[:3]), headers, content)

    def answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
