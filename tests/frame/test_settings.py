"""Settings come from the environment; what cannot be is refused in a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from webapp.management.processes import web_program

NO_NAME = "is no name; write at most 40 letters, digits, - and _."
NO_NUMBER = "is no number; write one like 20 or 0.5."


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("LAB_HOST", "box.example.org", NO_NAME),
        ("LAB_HOST", "a,b", NO_NAME),
        ("LAB_HOST", "größe", NO_NAME),
        ("LAB_HOST", "x" * 41, NO_NAME),
        ("LAB_REHEARSAL_SPEED", "fast", NO_NUMBER),
        ("LAB_REHEARSAL_SPEED", "-1", NO_NUMBER),
        ("LAB_REHEARSAL_SPEED", "nan", NO_NUMBER),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_one_sentence(name: str, value: str, why: str, tmp_path: Path):
    env = {**os.environ, name: value, "VAR_DIR": str(tmp_path), "PYTHONUTF8": "1"}

    done = subprocess.run(
        [sys.executable, "-c", "import webapp.settings"], env=env, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (1, f"{name}={value!r} {why}\n")


@pytest.mark.parametrize(("trusts", "flag"), [(True, "--proxy-headers"), (False, "--no-proxy-headers")])
def test_addresses_that_a_proxy_names_are_believed_only_where_there_is_one(trusts: bool, flag: str):
    command = web_program("127.0.0.1", 8000, trust_proxy=trusts).command

    assert [word for word in command if "proxy" in word] == [flag]
