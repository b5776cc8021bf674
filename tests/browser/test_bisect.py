"""A bisect by a workload in a real browser and the real stack: asked for, watched, found."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.scene import WIDE
from tests.builds import places
from tests.builds.repository import MAIN, Repository, make_repository
from tests.chaos.conftest import launch
from tests.chromium import leave, sign_in
from tests.stack import Stack, wait_until

pytestmark = pytest.mark.timeout(300)
SOON_MS = 60_000


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    with places.open_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def repository(open_folder: Path) -> Repository:
    """Branch long: two commits after v1.36.1."""
    made = make_repository(open_folder / "kubernetes")
    made.git("checkout", "-q", "-b", "long", "v1.36.1")
    for word in ("one", "two"):
        made.commits[word] = made.commit(word, {"cmd/kubelet/main.go": MAIN % word})
    return made


@pytest.fixture(scope="module")
def stack(open_folder: Path, repository: Repository) -> Iterator[Stack]:
    """A stack with a lab that was launched."""
    places.make_home(open_folder / "var" / "builds")
    speed = {"LAB_REHEARSAL_SPEED": "600", "LAB_VAGRANT": "/nowhere/vagrant"}
    with places.building_stack(open_folder / "var", repository, **speed) as stack:
        launch(stack.visitor(), stack, "cni: calico\n", "hunt")
        ended = "SELECT 1 FROM webapp_run WHERE status = 'succeeded'"
        wait_until(lambda: stack.query(ended), 120, "the launch ends")
        yield stack


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    context = browser.new_context(viewport=WIDE)
    context.set_default_timeout(SOON_MS)
    yield sign_in(context.new_page(), stack.url)
    leave(context)


def test_bisect_by_a_workload_is_asked_for_and_watched_to_its_end(
    page: Page, stack: Stack, repository: Repository
) -> None:
    page.goto(f"{stack.url}/builds/bisects/new?lab=hunt")
    page.get_by_label("Repository").fill(str(repository.path))
    page.get_by_label("Good ref").fill("v1.36.1")
    page.get_by_label("Bad ref").fill("long")
    page.get_by_label("Workload").select_option("whoami")
    page.get_by_label("Trust the two refs").check()
    page.get_by_role("button", name="Begin").click()

    trials = page.locator("#bisect-trials")
    expect(trials).to_contain_text("whoami on both systems: 2 of 2 pods ready.", timeout=3 * SOON_MS)
    expect(trials).to_contain_text(
        f"{repository.commits['two'][:12]} is the first bad commit", timeout=SOON_MS
    )
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
