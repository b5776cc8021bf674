"""Pages with more on them than their makers had in mind: long names, twelve machines, forty steps, five
hundred labs, long errors, looks of an hour ago. They fit at both widths, and axe shuts nobody out.

The usual pages are asked in tests/flow/test_pictures.py, where they are all made anyway.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.axe import violations
from tests.browser.scene import seeded_stack
from tests.chromium import leave, sign_in
from tests.stack import Stack

pytestmark = pytest.mark.timeout(300)
SEED = """
from datetime import timedelta
from django.utils import timezone
from tests.factories import LabFactory, MachineFactory, RevisionFactory, RunFactory, StepFactory
from webapp.accounts.models import User
from webapp.builds.models import Follow
from webapp.hosts.models import Host
from webapp.labs.models import Lab
from webapp.logs import store
from webapp.logs.lines import LogLine
from webapp.runs.models import Run

ana, hour_ago = User.objects.get(username="ana"), timezone.now() - timedelta(hours=1)
User.objects.create(username="b" * 63, role="viewer")
host = Host.objects.create(name="h" * 40, seen_at=hour_ago, checked_at=hour_ago)
revision = RevisionFactory(definition__name="d" * 60, definition__owner=ana)
big = LabFactory(name="n" * 40, slug="big", owner=ana, host=host, revision=revision)
for number in range(12):
    MachineFactory(lab=big, position=number, name=f"winw{number:011}", ip=f"10.9.9.{number + 10}",
                   box="publisher/" + "x" * 80 + " 1.0", state="running", seen_at=hour_ago)
error = "x" * 120 + " the token of the machine " + "was refused again and again, " * 5
run = RunFactory(lab=big, number=1, status="failed", started_at=hour_ago, finished_at=hour_ago,
                 sentence=error)
for number in range(40):
    StepFactory(run=run, number=number + 1, machine=f"winw{number % 12:011}", title="Install " + "y" * 70,
                status="succeeded" if number < 20 else "failed" if number == 20 else "skipped",
                sentence=error if number == 20 else "", started_at=hour_ago, finished_at=hour_ago)
store.append(run.log_id, [LogLine("winw00000000001", "output", "z" * 3000)] * 50, at_ms=0)
store.finish(run.log_id, "failed")
others = [LabFactory.build(name=f"lab-{n:03}", owner=ana, host=host, revision=revision, name_prefix=f"{n}-",
                           subnet=f"172.{n // 250}.{n % 250}.0/24") for n in range(500)]
Lab.objects.bulk_create(others)
Follow.objects.create(url="https://github.com/" + "o" * 60, ref="r" * 63, commit="a" * 40, added_by=ana,
                      recipe={}, sentence="e" * 150, asked_at=hour_ago)
"""
PAGES = {
    "500 labs": "/",
    "lab": "/labs/big/",
    "run": "/labs/big/runs/1/",
    "binaries": "/labs/big/binaries/",
    "terminals": "/labs/big/shells/",
    "ladder": "/labs/big/cluster/",
    "services": "/labs/big/cluster/services",
    "pairing": "/labs/big/pairings/new",
    "destroy": "/labs/big/destroy",
    "hosts": "/hosts/",
    "host": f"/hosts/{'h' * 40}/",
    "definitions": "/definitions/",
    "follows": "/builds/follows/",
    "people": "/people/",
    "no page": "/labs/none/",
}
TOO_WIDE = """width => document.documentElement.scrollWidth <= width ? []
  : [...document.querySelectorAll("body *")]
  .filter(element => element.getBoundingClientRect().right > width + 1)
  .map(element => `${element.tagName}.${element.className}`).slice(0, 9)"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with seeded_stack(tmp_path_factory.mktemp("axe"), SEED) as stack:
        yield stack


@pytest.fixture(scope="module")
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    context = browser.new_context()
    yield sign_in(context.new_page(), stack.url)
    leave(context)


@pytest.mark.parametrize("name", PAGES)
def test_page_full_of_long_things_fits_and_shuts_nobody_out(page: Page, stack: Stack, name: str) -> None:
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and "status of 404" not in message.text:
            complaints.append(message.text)

    page.on("console", hear)
    for width, scheme in ((400, "light"), (1400, "light"), (1400, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        if (width, scheme) != (1400, "dark"):
            page.goto(f"{stack.url}{PAGES[name]}")
        complaints += page.evaluate(TOO_WIDE, width)
        complaints += violations(page, *(("color-contrast",) if scheme == "dark" else ()))
    page.remove_listener("console", hear)

    assert not complaints, "\n".join(complaints)
