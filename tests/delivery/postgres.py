"""A PostgreSQL server of a test's own: loopback, a spare port, an unprivileged user, a folder of its own."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests.stack import free_port, wait_until

UNPRIVILEGED = ("postgres", "nobody")


def account() -> str | None:
    """Return whom root runs the server as (PostgreSQL refuses root), None if this is not root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in UNPRIVILEGED if name in names)


@contextlib.contextmanager
def postgres(bin_folder: str, password: str) -> Iterator[str]:
    """Run a server with a database `lab`; yield its postgres:// address."""
    folder, port, user = Path(tempfile.mkdtemp(prefix="lab-postgres-")), free_port(), account()
    try:
        (folder / "password").write_text(password)
        if user:
            for path in (folder, folder / "password"):
                shutil.chown(path, user)
        initdb = [f"{bin_folder}/initdb", "-D", f"{folder}/data", "-U", "lab", f"--pwfile={folder}/password"]
        subprocess.run(
            [*initdb, "--auth=scram-sha-256", "--no-sync"],
            user=user,
            cwd=folder,
            check=True,
            capture_output=True,
        )
        with serving(bin_folder, folder, port, user):
            address = f"postgres://lab:{password}@127.0.0.1:{port}"
            wait_until(lambda: has_database(address), 30, "PostgreSQL answers")
            yield f"{address}/lab"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def serving(bin_folder: str, folder: Path, port: int, user: str | None) -> Iterator[None]:
    options = [
        "-p",
        str(port),
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        "unix_socket_directories=",
        "-c",
        "fsync=off",
    ]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [f"{bin_folder}/postgres", "-D", f"{folder}/data", *options],
            user=user,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        server.terminate()
        server.wait(30)


def has_database(address: str) -> bool:
    """Make the database `lab` if the server answers."""
    try:
        with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE lab")
    except psycopg.errors.DuplicateDatabase:
        return True
    except psycopg.OperationalError:
        return False
    return True
