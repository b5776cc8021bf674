"""The real stack with a kit whose Vagrant only talks, so that each line can be counted.

talking     talking(lines, rate) -> Talk: a stack with one run under way
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.stack import ROOT, Stack, Visitor, wait_until
from tests.viewer import Viewer

TEXT = "scope: machines\nmachines:\n- {role: control-plane, name: controlplane}\n"


@dataclass
class Talk:
    """One run whose child talks, and what it said of itself."""

    stack: Stack
    environments: Path
    ana: Visitor
    run_id: int = 0

    def orders(self, lines: int, rate: int) -> None:
        (self.environments / "rehearsal" / "chatter.json").write_text(
            json.dumps({"lines": lines, "rate": rate})
        )

    def launch(self) -> "Talk":
        self.run_id = launch(self.ana, self.stack, TEXT)
        return self

    @property
    def run(self) -> dict[str, object]:
        return dict(self.stack.query("SELECT * FROM webapp_run WHERE id = ?", self.run_id)[0])

    @property
    def log_id(self) -> int:
        return int(str(self.run["log_id"]))

    @property
    def said(self) -> int:
        """The number of the last line that the child knows it has said; -1 for none."""
        path = self.environments / "rehearsal" / "said-controlplane"
        return int(path.read_text() or -1) if path.exists() else -1

    def heard(self) -> list[int]:
        """The numbers of the child's lines in the stored log, in its order."""
        text = self.ana.open(f"/logs/{self.log_id}/raw")[2]
        return [int(number) for number in re.findall(r"chatter controlplane (\d+) ", text)]

    def wait_for_end(self, within_s: float = 90) -> dict[str, object]:
        ends = {"succeeded", "failed", "canceled", "interrupted"}
        wait_until(lambda: self.run["status"] in ends, within_s, "the run ends")
        wait_until(lambda: self.log_is_complete, within_s, "the log is complete")
        return self.run

    @property
    def log_is_complete(self) -> bool:
        return bool(
            self.stack.query("SELECT complete FROM webapp_log WHERE id = ?", self.log_id)[0]["complete"]
        )

    def viewers(self, count: int) -> list[Viewer]:
        return [Viewer(self.stack.port, self.ana.cookies, self.log_id).start() for _ in range(count)]


def launch(visitor: Visitor, stack: Stack, text: str, name: str = "try") -> int:
    """Import a definition, press Launch, return the run's id."""
    visitor.open("/definitions/new")
    status, url, page = visitor.open("/definitions/import", {"name": name, "text": text})
    assert status == 200, page[:2000]
    slug = url.rstrip("/").rsplit("/", 1)[-1]
    revision = stack.query("SELECT max(id) AS id FROM webapp_revision")[0]["id"]
    host = stack.query("SELECT id FROM webapp_host")[0]["id"]
    visitor.open(f"/labs/new?definition={slug}")
    fields = {"revision": str(revision), "host": str(host), "name": name, "provider": "rehearsal"}
    status, url, page = visitor.open("/labs/new", fields)
    assert status == 200 and "/runs/" in url, (url, page[:2000])
    return int(stack.query("SELECT max(id) AS id FROM webapp_run")[0]["id"])


@pytest.fixture
def talking(tmp_path: Path) -> Iterator[Callable[[int, int], Talk]]:
    environments = tmp_path / "environments"
    shutil.copytree(ROOT / "environments", environments)
    shutil.copy2(ROOT / "tests" / "chaos" / "chatter", environments / "rehearsal" / "vagrant")
    stack = Stack(tmp_path / "var", {"LAB_ENVIRONMENTS": str(environments)})

    def begin(lines: int, rate: int) -> Talk:
        stack.start()
        talk = Talk(stack, environments, stack.visitor())
        talk.orders(lines, rate)
        talk.launch()
        wait_until(lambda: talk.said > 50, 30, "the child talks")
        return talk

    yield begin
    stack.stop()
