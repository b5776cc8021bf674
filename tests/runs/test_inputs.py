"""Join tokens: minted, laid 0600, gone."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from webapp.process import Completed
from webapp.runs.inputs import InputError, step_inputs

TOKEN = "abcdef.0123456789abcdef"
SAID = f"kubeadm join 192.168.56.10:6443 --token {TOKEN} --discovery-token-ca-cert-hash sha256:{'a' * 64} \n"


def driver(code: int, output: str) -> SimpleNamespace:
    return SimpleNamespace(run=lambda machine, command, timeout_s: Completed(code, output, ""))


def lay(tmp_path: Path, code: int = 0, output: str = SAID, names: tuple[str, ...] = ("join-token",)):
    return step_inputs(
        driver(code, output), tmp_path, names=names, machine="winw1", control_plane="controlplane"
    )


def test_a_token_lies_there_during_the_step_readable_by_us_only(tmp_path: Path):
    with lay(tmp_path):
        path = tmp_path / "inputs" / "winw1" / "join-token.json"
        assert json.loads(path.read_text())["token"] == TOKEN
        assert path.stat().st_mode & 0o777 == 0o600

    assert not path.exists()


def test_a_token_is_gone_after_a_step_that_failed(tmp_path: Path):
    with pytest.raises(OSError, match="broke"), lay(tmp_path):
        raise OSError("broke")

    assert not (tmp_path / "inputs" / "winw1").exists()


@pytest.mark.parametrize(
    ("code", "output"), [(1, "no"), (0, "nothing to see"), (1, SAID)], ids=["error", "empty", "rc"]
)
def test_no_token_is_an_error_without_the_secret(tmp_path: Path, code: int, output: str):
    with pytest.raises(InputError) as caught, lay(tmp_path, code, output):
        pass

    assert TOKEN not in str(caught.value)


def test_a_step_without_inputs_asks_nobody(tmp_path: Path):
    with lay(tmp_path, code=1, names=()):
        assert not (tmp_path / "inputs").exists()
