"""A real virtual machine under real Vagrant, from the browser's click to its destruction."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.flow.acts import ask, destroy, import_definition, launch, log_text, wait_for_end
from tests.real.fixtures import REPOSITORY, RealVagrant
from tests.stack import Stack, wait_until

pytestmark = pytest.mark.timeout(600)
TICKS = '#!/bin/bash\nfor tick in $(seq 600); do echo "tick $tick"; sleep 1; done\n'
TICKING = """
- name: ticking
  on: every-linux
  title: Tick for ten minutes
  script: linux/ticking.sh
  scope: machines
  needs: [linux-prepare]
  limit_s: 900
"""


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's own kit with one more step, which lasts until somebody cancels it."""
    folder = tmp_path_factory.mktemp("environments") / "environments"
    shutil.copytree(REPOSITORY / "environments", folder)
    (folder / "kit/linux/ticking.sh").write_text(TICKS)
    with (folder / "kit/steps.yaml").open("a") as steps:
        steps.write(TICKING)
    return folder


@pytest.fixture(scope="module")
def stack(
    real_vagrant: RealVagrant, environments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    env = {"LAB_ENVIRONMENTS": str(environments), "VAGRANT_HOME": str(real_vagrant.home)}
    stack = Stack(tmp_path_factory.mktemp("real-stack"), env)
    yield stack.start()
    stack.stop()


def machine_state(stack: Stack) -> str:
    return str(stack.query("SELECT state FROM webapp_machine")[0]["state"])


def test_a_real_machine_lives_from_the_click_to_its_destruction(
    page: Page, stack: Stack, real_vagrant: RealVagrant
):
    import_definition(page, stack.url, "debian", real_vagrant.definition())
    launch(page, "debian", "libvirt")
    expect(page.locator(".log-rows")).to_contain_text("tick 3", timeout=300_000)
    page.get_by_role("button", name="Cancel").click()
    assert wait_for_end(page, 90) == "canceled"
    text = log_text(page)
    assert "Bringing machine 'controlplane' up with 'libvirt' provider" in text
    assert re.search(r"tick 1\b", text)
    assert machine_state(stack) == "running"
    # The same definition's machine answers a program of ours, though its step was cut off.
    live_the_rest(page, stack)


def live_the_rest(page: Page, stack: Stack) -> None:
    for verb, state in (("suspend", "paused"), ("resume", "running"), ("halt", "shutoff")):
        ask(page, stack.url, "debian", verb)
        assert wait_for_end(page, 180) == "done", log_text(page)[-3000:]
        assert machine_state(stack) == state
    destroy(page, stack.url, "debian")
    assert wait_for_end(page, 60) == "done", log_text(page)[-3000:]
    assert machine_state(stack) == "not_created"
    wait_until(
        lambda: stack.query("SELECT 1 FROM webapp_lab WHERE destroyed_at IS NOT NULL"), 10, "the lab is gone"
    )
