"""A real virtual machine under real Vagrant, from the browser's click to its destruction.

A lab of a control plane alone, with those steps of the kit that need no Internet. Its kubectl is a
file of the lab host: it reaches the machine over the lab's private network, and is tampered with.
In the middle three people pair on it (real_pairing.py).
"""

import hashlib
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.flow.acts import ask, destroy, import_definition, launch, log_text, wait_for_end
from tests.flow.real_pairing import pair_on
from tests.real.fixtures import REPOSITORY, RealVagrant, destroy_all
from tests.stack import Stack, wait_until

pytestmark = pytest.mark.timeout(1500)
OFFLINE = ("linux-prepare", "linux-overrides", "linux-post-boot")
# Done at once the first time; then it lasts until somebody cancels it.
TICKS = """#!/bin/bash
mkdir /var/lib/labkit/ticked 2>/dev/null && exit 0
for tick in $(seq 600); do echo "tick $tick"; sleep 1; done
"""
TICKING = """
- name: ticking
  on: every-linux
  title: Tick for ten minutes
  script: linux/ticking.sh
  scope: machines
  needs: [linux-overrides]
  limit_s: 900
"""
# Any program that the guest, the same Debian, can start.
PROGRAM = Path("/bin/bash")


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's own kit; what needs the Internet is left to machines that the lab has not."""
    folder = tmp_path_factory.mktemp("environments") / "environments"
    shutil.copytree(REPOSITORY / "environments", folder)
    (folder / "kit/linux/ticking.sh").write_text(TICKS)
    path = folder / "kit/steps.yaml"
    text = path.read_text().replace("needs: [linux-packages, ", "needs: [linux-prepare, ")
    path.write_text(re.sub(r"- name: (\S+)\n  on: \S+", only_offline, text) + TICKING)
    return folder


def only_offline(step: re.Match[str]) -> str:
    return step[0] if step[1] in OFFLINE else f"- name: {step[1]}\n  on: windows"


class Nothing(BaseHTTPRequestHandler):
    """A mirror that has nothing, so that no test depends on the Internet."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def mirror() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Nothing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def stack(
    real_vagrant: RealVagrant, environments: Path, mirror: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    env = {
        "LAB_ENVIRONMENTS": str(environments),
        "VAGRANT_HOME": str(real_vagrant.home),
        "LAB_MIRROR": mirror,
    }
    stack = Stack(tmp_path_factory.mktemp("real-stack"), env)
    (stack.var / "files/mine").mkdir(parents=True)
    shutil.copyfile(PROGRAM, stack.var / "files/mine/kubectl")
    stack.start()
    stack.add_person("ben", "member")
    yield stack
    stack.stop()
    # What a test that failed half way has left.
    for folder in (stack.var / "labs").glob("*/"):
        destroy_all(real_vagrant, folder)


def machine_state(stack: Stack) -> str:
    return str(stack.query("SELECT state FROM webapp_machine")[0]["state"])


def steps(stack: Stack) -> dict[str, tuple[str, int, int]]:
    """Return key → (status, attempt, is it carried over) of the newest run."""
    rows = stack.query(
        "SELECT key, status, attempt, is_carried FROM webapp_step"
        " WHERE run_id = (SELECT MAX(id) FROM webapp_run)"
    )
    return {row["key"]: (row["status"], row["attempt"], row["is_carried"]) for row in rows}


def test_a_real_machine_lives_from_the_click_to_its_destruction(
    page: Page, browser: Browser, stack: Stack, real_vagrant: RealVagrant
):
    import_definition(page, stack.url, "debian", real_vagrant.cluster_definition())
    launch(page, "debian", "libvirt")
    tamper_with_the_served_file(stack)
    see_the_corrupted_download_refused(page, stack)
    retry_what_failed(page, stack)
    cancel_half_way_what_is_done_again(page, stack)
    pair_on(browser, stack, "debian")
    live_the_rest(page, stack)


def tamper_with_the_served_file(stack: Stack) -> None:
    """Change a byte on the lab host after its hash was taken and before the machine has booted."""
    served = wait_until(
        lambda: next(stack.var.glob("cache/_files/*/kubectl"), None), 60, "the copy to be served"
    )
    served.write_bytes(served.read_bytes()[:-1] + b"!")


def see_the_corrupted_download_refused(page: Page, stack: Stack) -> None:
    """The guest names the file, what was announced and what came; two attempts, then the machine is held."""
    assert wait_for_end(page, 300) == "failed"
    text, content = log_text(page), PROGRAM.read_bytes()
    announced, got = (hashlib.sha256(data).hexdigest() for data in (content, content[:-1] + b"!"))
    assert "Bringing machine 'controlplane' up with 'libvirt' provider" in text
    assert re.search(
        rf"checksum wrong: http://192\.168\.213\.1:\d+/files/{announced}/kubectl"
        rf" has sha256 {got}, announced is {announced}",
        text,
    )
    assert steps(stack)["controlplane linux-overrides"] == ("failed", 2, 0)
    assert steps(stack)["controlplane ticking"][0] == "skipped"
    assert machine_state(stack) == "running"


def retry_what_failed(page: Page, stack: Stack) -> None:
    """Retry goes on at the step that failed; this time the lab host copies the file anew."""
    page.get_by_role("button", name="Retry").click()
    page.wait_for_url(re.compile("/runs/2"))
    assert wait_for_end(page, 180) == "done", log_text(page)[-3000:]
    found = steps(stack)
    assert found["controlplane linux-prepare"] == ("succeeded", 0, 1)
    assert found["controlplane linux-overrides"] == ("succeeded", 1, 0)
    assert "changed: kubectl" in log_text(page)


def cancel_half_way_what_is_done_again(page: Page, stack: Stack) -> None:
    """Provision does every step a second time: nothing changes; the last one is canceled in mid-course."""
    ask(page, stack.url, "debian", "provision")
    expect(page.locator(".log-rows")).to_contain_text("tick 3", timeout=180_000)
    page.get_by_role("button", name="Cancel").click()
    assert wait_for_end(page, 90) == "canceled"
    text = log_text(page)
    for name in ("linux-prepare", "linux-overrides"):
        assert f"{name}: done, 0 change(s)" in text
    assert machine_state(stack) == "running"


def live_the_rest(page: Page, stack: Stack) -> None:
    for verb, state in (("suspend", "paused"), ("resume", "running")):
        ask(page, stack.url, "debian", verb)
        assert wait_for_end(page, 180) == "done", log_text(page)[-3000:]
        assert machine_state(stack) == state
    destroy(page, stack.url, "debian")
    assert wait_for_end(page, 60) == "done", log_text(page)[-3000:]
    assert machine_state(stack) == "not_created"
    wait_until(
        lambda: stack.query("SELECT 1 FROM webapp_lab WHERE destroyed_at IS NOT NULL"), 10, "the lab is gone"
    )
