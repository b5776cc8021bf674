"""Certificates for a test: an authority, what it signs, and what a kubelet asks to have signed."""

import base64
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
PLAIN = (PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())


@dataclass
class Authority:
    """Signs certificates; `name` is its files' name below `folder`."""

    folder: Path
    name: str = "ca"

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"tests {self.name}")])
        self.certificate = self.sign(subject, self.key.public_key(), issuer=subject, is_authority=True)
        self.write(self.name, self.key, self.certificate)

    def sign(
        self,
        subject: x509.Name,
        public: Any,  # Any: the library's union of key types
        *,
        issuer: x509.Name | None = None,
        is_authority: bool = False,
        hosts: Sequence[str] = (),
        hours: float = 24,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        made = x509.CertificateBuilder(
            issuer or self.certificate.subject,
            subject,
            public,
            x509.random_serial_number(),
            now - timedelta(days=10),
            now + timedelta(hours=hours),
        ).add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        if hosts:
            made = made.add_extension(x509.SubjectAlternativeName([host_name(one) for one in hosts]), False)
        return made.sign(self.key, hashes.SHA256())

    def issue(self, name: str, groups: Sequence[str] = (), **how: Any) -> tuple[Path, Path]:  # Any: of sign
        """Return certificate and key of a user, or of a server with `hosts`."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.sign(subject_of(name, groups), key.public_key(), **how)
        return self.write(name.replace(":", "-"), key, certificate)

    def write(self, name: str, key: Any, certificate: x509.Certificate) -> tuple[Path, Path]:  # Any: a key
        paths = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(PEM))
        paths[1].write_bytes(key.private_bytes(*PLAIN))
        return paths


def host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def subject_of(name: str, groups: Sequence[str]) -> x509.Name:
    organizations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organizations, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def data_of(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def node_request(node: str) -> str:
    """Return a kubelet's certificate request as the API wants it: base64 of PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = x509.CertificateSigningRequestBuilder(subject_of(f"system:node:{node}", ["system:nodes"]))
    return base64.b64encode(made.sign(key, hashes.SHA256()).public_bytes(PEM)).decode()
