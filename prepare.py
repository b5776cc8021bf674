#!/usr/bin/env python3
"""Make .venv hold exactly what a lock file lists: `python3 prepare.py run|dev`.

Runs before anything is installed, so it uses only the standard library, and syntax that an old Python can
still read: its refusal has to be one sentence. Installs only when the lock's digest has changed.
"""

import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.environ.get("VENV", os.path.join(ROOT, ".venv"))
PYTHON = os.path.join(VENV, "bin", "python")
OLDEST, NEWEST = (3, 11), (3, 13)
MIB = 1024 * 1024
INSTALL_NEEDS_MIB, START_NEEDS_MIB = 700, 50
# An installed dev.txt holds all of run.txt: dev.in is locked under its constraints.
COVERS = {"run": ("run",), "dev": ("run", "dev")}

# JavaScript that pages load out of Python packages; what those packages depend on is not wanted.
ASSETS = "assets"


class Refusal(Exception):
    """Why nothing is started: one sentence for the person at the terminal."""


def main(lock: str) -> None:
    """Prepare the virtual environment, or raise Refusal."""
    python = find_python()
    check_room(os.environ.get("VAR_DIR", os.path.join(ROOT, "var")), START_NEEDS_MIB)
    if is_prepared(lock):
        return
    check_room(VENV, INSTALL_NEEDS_MIB)
    make_venv(python)
    install(lock)
    install(ASSETS)
    write_stamps(lock)


def is_supported(version: "tuple[int, int]") -> bool:
    return OLDEST <= version <= NEWEST


def find_python() -> str:
    """Return this Python if it is supported, else one of the PATH that is."""
    if is_supported(sys.version_info[:2]):
        return sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which("python3.{}".format(minor))
        if found and subprocess.call([found, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            return found
    here = "{}.{}".format(*sys.version_info[:2])
    raise Refusal(
        "Python 3.11, 3.12 or 3.13 is needed and this is {}; install one, or name it: PYTHON=….".format(here)
    )


def check_room(folder: str, needed_mib: int) -> None:
    """Raise Refusal if the disk of `folder` (which need not exist yet) has less than `needed_mib`."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(os.path.abspath(folder))
    free_mib = shutil.disk_usage(folder).free // MIB
    if free_mib < needed_mib:
        raise Refusal(
            "The disk of {} is full: {} MiB are free, {} are needed.".format(folder, free_mib, needed_mib)
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Refusal("{} cannot be written to by this user.".format(folder))


def lock_file(lock: str) -> str:
    return os.path.join(ROOT, "requirements", lock + ".txt")


def stamp_file(lock: str) -> str:
    return os.path.join(VENV, "installed-" + lock)


def stamp_of(lock: str) -> str:
    """Return what an installation of this lock and the assets is known by: the digest of their texts."""
    digest = hashlib.sha256()
    for name in (lock, ASSETS):
        with open(lock_file(name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def is_prepared(lock: str) -> bool:
    """Tell whether the virtual environment holds this lock and its Python still runs."""
    try:
        with open(stamp_file(lock)) as file:
            is_current = file.read() == stamp_of(lock)
    except OSError:
        return False
    return is_current and runs(PYTHON)


def runs(python: str) -> bool:
    try:
        return subprocess.call([python, "-c", ""], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def make_venv(python: str) -> None:
    """Make the virtual environment; one whose Python is gone (the system was upgraded) is made anew."""
    if runs(PYTHON):
        return
    print("Making {} …".format(os.path.relpath(VENV)), flush=True)
    done = subprocess.run(
        [python, "-m", "venv", "--clear", VENV], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode == 0:
        return
    if b"ensurepip" in done.stdout:
        raise Refusal("Python's venv module is not complete; install it: apt-get install python3-venv.")
    raise Refusal("The virtual environment could not be made: {}".format(last_line(done.stdout)))


def install(lock: str) -> None:
    """Install the lock, every file checked against its hash; it is complete: nothing is resolved."""
    print(
        "Installing requirements/{}.txt (the first time this takes a minute or two) …".format(lock),
        flush=True,
    )
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes",
               "--only-binary", ":all:", "--no-deps", *compiling(), "-r", lock_file(lock)]  # fmt: skip
    done = subprocess.run(command, check=False)
    if done.returncode != 0:
        check_room(VENV, START_NEEDS_MIB)
        raise Refusal("pip could not install requirements/{}.txt; its own words stand above.".format(lock))


def compiling() -> "tuple[str, ...]":
    """Leave bytecode to the first import, most modules never see one; pip makes it where Python may not."""
    return () if os.environ.get("PYTHONDONTWRITEBYTECODE") else ("--no-compile",)


def write_stamps(lock: str) -> None:
    for covered in COVERS[lock]:
        with open(stamp_file(covered), "w") as file:
            file.write(stamp_of(covered))


def last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else "run")
    except Refusal as refusal:
        sys.exit(str(refusal))
    except KeyboardInterrupt:
        sys.exit("Interrupted; the next start goes on from here.")
    except OSError as error:
        sys.exit("Nothing was started: {}.".format(error))
