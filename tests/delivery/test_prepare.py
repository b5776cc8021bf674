"""prepare.py: the virtual environment follows the lock, and an old Python is turned away in one sentence."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import prepare
from tests.stack import ROOT


@pytest.fixture(scope="module")
def empty_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment of this Python with pip alone; it costs 5 s, and a copy of it works as well."""
    venv = tmp_path_factory.mktemp("empty") / ".venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    return venv


@pytest.fixture
def checkout(tmp_path: Path, empty_venv: Path) -> Path:
    """A checkout whose lock lists nothing, so that installing it asks no registry."""
    shutil.copytree(empty_venv, tmp_path / ".venv", symlinks=True)
    (tmp_path / "requirements").mkdir()
    for lock in ("run", "dev", "assets"):
        (tmp_path / "requirements" / f"{lock}.txt").write_text("# nothing\n")
    shutil.copy2(ROOT / "prepare.py", tmp_path)
    return tmp_path


def run(checkout: Path, lock: str = "run") -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in {"VENV", "VAR_DIR"}}
    command = [sys.executable, "prepare.py", lock]
    return subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True, check=False)


def test_prepare_installs_once_and_again_only_when_the_lock_changed(checkout: Path):
    first, second = run(checkout), run(checkout)
    (checkout / "requirements" / "run.txt").write_text("# another nothing\n")
    third = run(checkout)

    assert (first.returncode, second.returncode, third.returncode) == (0, 0, 0), first.stderr
    assert "Installing" in first.stdout
    assert second.stdout == ""
    assert "Installing" in third.stdout


def test_prepare_makes_a_venv_anew_whose_python_is_gone(checkout: Path):
    run(checkout)
    (checkout / ".venv" / "bin" / "python").unlink()

    again = run(checkout)

    assert "Making .venv" in again.stdout
    assert (checkout / ".venv" / "bin" / "python").exists()


def test_prepare_takes_an_installed_dev_for_run(checkout: Path):
    run(checkout, "dev")

    assert run(checkout, "run").stdout == ""


def test_prepare_tells_pip_failing_in_one_sentence_and_tries_again(checkout: Path):
    (checkout / "requirements" / "run.txt").write_text("./missing-package\n")

    failed = run(checkout)

    assert failed.returncode == 1
    assert failed.stderr.strip().splitlines()[-1].startswith("pip could not install requirements/run.txt")
    assert not (checkout / ".venv" / "installed-run").exists()


@pytest.mark.parametrize(("variable", "compiled"), [("", False), ("1", True)], ids=["kept", "not-kept"])
def test_pip_compiles_only_where_python_may_not(
    monkeypatch: pytest.MonkeyPatch, variable: str, compiled: bool
):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", variable)

    assert ("--no-compile" not in prepare.compiling()) is compiled


@pytest.mark.parametrize(
    ("version", "expected"),
    [((3, 10), False), ((3, 11), True), ((3, 12), True), ((3, 13), True), ((3, 14), False), ((2, 7), False)],
    ids=str,
)
def test_is_supported_knows_the_three_versions(version: tuple[int, int], expected: bool):
    assert prepare.is_supported(version) is expected


def test_prepare_can_be_read_by_an_old_python():
    source = (ROOT / "prepare.py").read_text()

    assert ast.parse(source, feature_version=(3, 4))


def test_check_room_names_the_full_disk(tmp_path: Path):
    with pytest.raises(
        prepare.Refusal, match=r"The disk of .* is full: \d+ MiB are free, 999999999 are needed\."
    ):
        prepare.check_room(str(tmp_path / "not" / "yet"), 999_999_999)


def test_the_dev_lock_holds_the_same_versions_as_the_run_lock():
    def pins(lock: str) -> set[str]:
        lines = (ROOT / "requirements" / f"{lock}.txt").read_text().splitlines()
        return {line.split(" ")[0] for line in lines if "==" in line and not line.startswith((" ", "#"))}

    assert pins("run") <= pins("dev")


def test_no_lock_names_a_registry():
    texts = [path.read_text() for path in (ROOT / "requirements").iterdir()]

    assert not any("://" in text or "--index-url" in text for text in texts)
