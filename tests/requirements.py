"""What some tests need beside the lock: skip without it, or fail where LAB_TEST_REQUIRE names it.

In a test: `require("chromium")`. In the Makefile: `python -m tests.requirements node -- node --test …`.
LAB_TEST_REQUIRE="chromium vagrant postgres" (set by .ci/run) turns each such skip into a failure.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

VARIABLE = "LAB_TEST_REQUIRE"
POSTGRES_FOLDERS = "/usr/lib/postgresql/*/bin"


@dataclass(frozen=True)
class Requirement:
    """`find` returns where it is, None if it is missing; `remedy` says how to get it."""

    find: Callable[[], str | None]
    remedy: str


def on_path(*names: str) -> Callable[[], str | None]:
    return lambda: next(filter(None, map(shutil.which, names)), None)


def vagrant_with_libvirt() -> str | None:
    """Return vagrant if everything that brings a real machine up is here."""
    needed = ("vagrant", "qemu-system-x86_64", "qemu-img", "libvirtd", "virsh", "mmdebstrap")
    return shutil.which("vagrant") if all(map(shutil.which, needed)) else None


def postgres_bin() -> str | None:
    """Return the folder of initdb and postgres; Debian keeps them off the PATH."""
    initdb = shutil.which("initdb")
    if initdb:
        return str(Path(initdb).parent)
    found = sorted(Path("/").glob(f"{POSTGRES_FOLDERS.lstrip('/')}/initdb"))
    return str(found[-1].parent) if found else None


def node_module(path: str) -> Callable[[], str | None]:
    """Look for a file that `npm ci` brings."""
    found = Path("node_modules") / path
    return lambda: str(found) if found.exists() else None


REQUIREMENTS: dict[str, Requirement] = {
    "chromium": Requirement(
        on_path("chromium", "chromium-browser", "google-chrome"), "apt-get install chromium"
    ),
    "vagrant": Requirement(
        vagrant_with_libvirt,
        "apt-get install vagrant vagrant-libvirt qemu-system-x86 qemu-utils libvirt-daemon-system "
        "libvirt-clients dnsmasq-base mmdebstrap linux-image-cloud-amd64",
    ),
    "postgres": Requirement(postgres_bin, "apt-get install postgresql"),
    "redis": Requirement(on_path("redis-server", "valkey-server"), "apt-get install redis-server"),
    "node": Requirement(on_path("node"), "install Node.js 20 or newer"),
    "tsc": Requirement(node_module(".bin/tsc"), "npm ci --ignore-scripts"),
    "axe": Requirement(node_module("axe-core/axe.min.js"), "npm ci --ignore-scripts"),
    "compose": Requirement(
        on_path("docker-compose"), "apt-get install --no-install-recommends docker-compose"
    ),
    "pwsh": Requirement(on_path("pwsh"), "install PowerShell 7"),
}


def find(name: str) -> str | None:
    return REQUIREMENTS[name].find()


def is_demanded(name: str) -> bool:
    """Tell whether a missing `name` is a failure here."""
    return name in os.environ.get(VARIABLE, "").replace(",", " ").split()


def sentence(name: str) -> str:
    return f"{name} is missing: {REQUIREMENTS[name].remedy}"


def require(name: str) -> str:
    """Return where `name` is; skip the test without it, or fail where it is demanded."""
    found = find(name)
    if found is not None:
        return found
    if is_demanded(name):
        pytest.fail(sentence(name), pytrace=False)
    pytest.skip(sentence(name))


def main(name: str, separator: str, *command: str) -> int:
    """Run a command if `name` is here; say that it is skipped, or fail, if not."""
    assert separator == "--" and command, "usage: python -m tests.requirements NAME -- COMMAND…"
    if find(name) is not None:
        return subprocess.run(command, check=False).returncode
    word = "failed" if is_demanded(name) else "skipped"
    print(f"{word}: {' '.join(command)} ({sentence(name)})", flush=True)
    return int(is_demanded(name))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
