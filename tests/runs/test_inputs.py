"""Join tokens: minted, laid 0600, gone."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from webapp.process import Completed
from webapp.runs.inputs import InputError, step_inputs

TOKEN = "abcdef.0123456789abcdef"
SAID = f"kubeadm join 192.168.56.10:6443 --token {TOKEN} --discovery-token-ca-cert-hash sha256:{'a' * 64} \n"


def driver(code: int, output: str) -> SimpleNamespace:
    return SimpleNamespace(run=lambda machine, command, timeout_s: Completed(code, output, ""))


class Control:
    """A control plane that mints one token after the other; it can refuse to delete them."""

    def __init__(self, delete_code: int = 0) -> None:
        self.delete_code = delete_code
        self.minted = 0
        self.asked: list[str] = []

    def run(self, machine: str, command: str, timeout_s: int) -> Completed:
        self.asked.append(command)
        if " delete " in command:
            return Completed(self.delete_code, "", "")
        self.minted += 1
        return Completed(0, SAID.replace("abcdef", f"abcde{self.minted}"), "")


def join(control: Control, folder: Path, *, succeeds: bool) -> str:
    """Do one attempt of a join; return what it left to say."""
    with step_inputs(
        control, folder, names=("join-token",), machine="winw1", control_plane="controlplane"
    ) as spend:
        return spend() if succeeds else ""


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


def test_a_join_that_succeeded_deletes_its_token(tmp_path: Path):
    control = Control()

    assert join(control, tmp_path, succeeds=True) == ""
    assert control.asked[1:] == ["sudo kubeadm token delete abcde1"]
    assert not list((tmp_path / "minted/winw1").iterdir())


def test_a_later_attempt_deletes_the_token_of_the_one_that_failed(tmp_path: Path):
    control = Control()
    join(control, tmp_path, succeeds=False)

    join(control, tmp_path, succeeds=True)

    assert [words for words in control.asked if " delete " in words] == [
        "sudo kubeadm token delete abcde1",
        "sudo kubeadm token delete abcde2",
    ]


def test_a_token_that_stays_is_told_without_its_secret_and_tried_again(tmp_path: Path):
    control = Control(delete_code=1)

    said = join(control, tmp_path, succeeds=True)
    join(control, tmp_path, succeeds=True)

    assert said.startswith("The join token abcde1 could not be deleted (exit code 1)")
    assert control.asked[-2:] == [f"sudo kubeadm token delete abcde{number}" for number in (1, 2)]


def test_a_token_that_has_ended_by_itself_is_forgotten(tmp_path: Path):
    control = Control(delete_code=1)
    join(control, tmp_path, succeeds=False)
    os.utime(tmp_path / "minted/winw1/abcde1", (0, 0))

    join(control, tmp_path, succeeds=False)

    assert not any(" delete " in words for words in control.asked)
    assert [path.name for path in (tmp_path / "minted/winw1").iterdir()] == ["abcde2"]


def test_the_secret_half_of_a_token_is_kept_nowhere(tmp_path: Path):
    join(Control(), tmp_path, succeeds=False)

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["abcde1"]
    assert (tmp_path / "minted/winw1/abcde1").read_text() == ""
