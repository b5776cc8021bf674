"""Secrets that a step needs, made right before it and gone right after. Contract: docs/kit.md.

A join token is minted on the control plane for one attempt of one join. It never
reaches the log, the database, a command line or a folder that a guest can see.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from webapp.vagrant.driver import VagrantDriver

MINT = "sudo kubeadm token create --ttl 2h --description labkit --print-join-command"
MINT_TIMEOUT_S = 120
JOIN = re.compile(
    r"kubeadm join (?P<endpoint>\S+) --token (?P<token>[a-z0-9]{6}\.[a-z0-9]{16}) "
    r"--discovery-token-ca-cert-hash (?P<ca_hash>sha256:[0-9a-f]{64})"
)


class InputError(Exception):
    """The input cannot be had; a sentence without the secret."""


def mint_join_token(driver: VagrantDriver, control_plane: str) -> dict[str, str]:
    """Return endpoint, token and CA hash of a new bootstrap token, valid for two hours."""
    done = driver.run(control_plane, MINT, timeout_s=MINT_TIMEOUT_S)
    found = JOIN.search(done.output)
    if done.code != 0 or found is None:
        raise InputError(
            f"No join token could be made on {control_plane} (exit code {done.code}): "
            "is its kubeadm init done?"
        )
    return found.groupdict()


MAKERS: dict[str, Callable[[VagrantDriver, str], dict[str, str]]] = {"join-token": mint_join_token}


@contextmanager
def step_inputs(
    driver: VagrantDriver, folder: Path, *, names: Sequence[str], machine: str, control_plane: str
) -> Iterator[None]:
    """Lay the named inputs for one machine, and take them away in any case."""
    if not names:
        yield
        return
    place = folder / "inputs" / machine
    try:
        for name in names:
            write_secret(place / f"{name}.json", MAKERS[name](driver, control_plane))
        yield
    finally:
        shutil.rmtree(place, ignore_errors=True)


def write_secret(path: Path, content: dict[str, str]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file)
