"""Kubeconfigs at rest: encrypted with a key that is derived from SECRET_KEY, never written anywhere.

Fernet (AES-128-CBC with HMAC) of the cryptography package; the key is HKDF-SHA256 of the secret, for
this purpose only. Whoever changes SECRET_KEY has to attach the clusters again.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PURPOSE = b"sig-windows-lab: attached kubeconfigs, 1"


class CannotDecrypt(Exception):
    """It was encrypted with another secret key, or is damaged."""


def fernet(secret_key: str) -> Fernet:
    derived = HKDF(SHA256(), 32, salt=None, info=PURPOSE).derive(secret_key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))


def encrypt(text: str, secret_key: str) -> bytes:
    return fernet(secret_key).encrypt(text.encode())


def decrypt(token: bytes, secret_key: str) -> str:
    """Undo `encrypt`; raises CannotDecrypt."""
    try:
        return fernet(secret_key).decrypt(bytes(token)).decode()
    except (InvalidToken, UnicodeDecodeError) as error:
        raise CannotDecrypt("The stored kubeconfig was encrypted with another secret key.") from error
