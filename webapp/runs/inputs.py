"""Secrets that a step needs, made right before it and gone right after. Contract: docs/kit.md.

A join token is minted on the control plane for one attempt of one join. It never
reaches the log, the database, a command line or a folder that a guest can see. A join that
succeeded deletes it, and those of earlier attempts that failed; what is left lives two hours.
"""

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from webapp.vagrant.driver import VagrantDriver
from webapp.vagrant.errors import VagrantError

MINT = "sudo kubeadm token create --ttl 2h --description labkit --print-join-command"
MINT_TIMEOUT_S = 120
DELETE = "sudo kubeadm token delete"
LIVES_S = 2 * 3600
# Below the lab's folder, MACHINE/ID: a token's id is its public half.
MINTED = "minted"
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
) -> Iterator[Callable[[], str]]:
    """Lay the named inputs for one machine, and take them away in any case.

    Yields what to call when the step has succeeded: it makes the secrets worthless, and returns a
    sentence when that was not possible.
    """
    if not names:
        yield str
        return
    place, minted = folder / "inputs" / machine, folder / MINTED / machine
    delete_tokens(driver, minted, control_plane)
    try:
        for name in names:
            secret = MAKERS[name](driver, control_plane)
            remember_token(minted, secret.get("token", ""))
            write_secret(place / f"{name}.json", secret)
        yield lambda: delete_tokens(driver, minted, control_plane)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def remember_token(minted: Path, token: str) -> None:
    """Keep a token's id, so that a later attempt or process can delete it."""
    if token:
        minted.mkdir(mode=0o700, parents=True, exist_ok=True)
        (minted / token.partition(".")[0]).touch()


def delete_tokens(driver: VagrantDriver, minted: Path, control_plane: str) -> str:
    """Delete the tokens made for a machine's joins so far; return a sentence when one stays."""
    left = ""
    for path in sorted(minted.glob("*")):
        is_over = time.time() - path.stat().st_mtime > LIVES_S
        reason = "" if is_over else delete_token(driver, path.name, control_plane)
        if reason:
            left = (
                f"The join token {path.name} could not be deleted ({reason}); it ends by itself in two hours."
            )
        else:
            path.unlink()
    return left


def delete_token(driver: VagrantDriver, token_id: str, control_plane: str) -> str:
    """Return why it could not be deleted."""
    try:
        done = driver.run(control_plane, f"{DELETE} {token_id}", timeout_s=MINT_TIMEOUT_S)
    except VagrantError as error:
        return str(error)
    return "" if done.code == 0 else f"exit code {done.code}"


def write_secret(path: Path, content: dict[str, str]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file)
