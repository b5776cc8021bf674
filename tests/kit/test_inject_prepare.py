"""The injection's first step on Linux: what it keeps and writes down, and as whom it asks the new binary."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.labs import KIT

# No ELF file to the kernel, so that a shell takes it, but one to the step: it tells who asks it.
PROGRAM = b"\x7fELF\necho asked by $(id -u), $HOME, $SECRET_KEY\nexit 3\n"
SHA256 = hashlib.sha256(PROGRAM).hexdigest()
OLD = b"what lay there before"
INJECTION = {
    "component": "tool", "id": "7", "sha256": SHA256, "runner.kind": "nobody", "lock_s": "5", "settle_s": "5",
    "path": "/usr/bin/tool", "url": "",
}  # fmt: skip


@pytest.fixture
def root() -> Iterator[Path]:
    """A machine's root that everybody may enter, with the old binary in place and the new one kept."""
    folder = Path(tempfile.mkdtemp(prefix="lab-guest-"))
    folder.chmod(0o755)
    for path, content in {"usr/bin/tool": OLD, f"var/lib/labkit/binaries/tool/{SHA256}": PROGRAM}.items():
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_bytes(content)
    (folder / "kit/inputs").mkdir(parents=True)
    (folder / "kit/lab.flat").write_text("machines.controlplane.role=control-plane\n")
    flat = "".join(f"{key}={value}\n" for key, value in INJECTION.items())
    (folder / "kit/inputs/injection.flat").write_text(flat)
    yield folder
    shutil.rmtree(folder)


def prepare(root: Path) -> tuple[str, str]:
    """Carry the step out; return what it wrote down and what it said."""
    env = {"PATH": os.environ["PATH"], "LABKIT_ROOT": str(root), "SECRET_KEY": "hush"}
    script = KIT / "linux/inject-prepare.sh"
    done = subprocess.run(
        ["bash", script, root / "kit/lab.json", "controlplane"],
        env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return (root / "var/lib/labkit/state/inject/tool.answers").read_text(), done.stdout


def test_new_binary_is_asked_for_its_help_without_rights_and_secrets(root: Path) -> None:
    answers, _ = prepare(root)

    nobody = 65534 if os.geteuid() == 0 else os.geteuid()
    assert f"asked by {nobody}, /nonexistent,\n" in answers
    assert "=== code\n3\n=== help\n" in answers
    assert f"=== before\n{hashlib.sha256(OLD).hexdigest()}\n" in answers


def test_where_nobody_cannot_go_it_is_asked_all_the_same(root: Path) -> None:
    (root / "var/lib/labkit").chmod(0o700)

    answers, said = prepare(root)

    assert f"asked by {os.geteuid()}, /nonexistent,\n" in answers
    assert "the user nobody cannot run" in said or os.geteuid() != 0


def test_what_lay_there_before_is_kept_by_its_hash(root: Path) -> None:
    prepare(root)

    kept = root / "var/lib/labkit/binaries/tool" / hashlib.sha256(OLD).hexdigest()
    assert kept.read_bytes() == (root / "usr/bin/tool").read_bytes() == OLD
