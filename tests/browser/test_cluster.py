"""The cluster's pages in a real browser and the real stack: ladders that stop where they should, repairs
that change the state, keys only, an attached cluster.
"""

import copy
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.scene import seeded_stack, watched_page
from tests.cluster.api_server import Api, api_server
from tests.kube import shapes
from tests.stack import Stack

pytestmark = pytest.mark.timeout(300)
LOOKED_MS = 40_000  # a look comes within 5 s while the page is open; this machine may be busy


# mishap → rung where winw1 stands, words of its advice, repair that is offered
FAILURES = {
    "token": ("winw1:token-expired", "api", "token", "Join again with a new token"),
    "flag": ("winw1:kubelet-flag-unknown", "kubelet", "flag", "Reset and join again"),
    "card": ("wrong-nic", "network", "wrong card", "Reset and join again"),
}
LABS = {"whole": "", "asks": "winw1:csr-pending", **{name: case[0] for name, case in FAILURES.items()}}
# Plays launches without waiting, before anybody looks; what comes after is the product's own.
PLAY = """
from pathlib import Path
from django.conf import settings
from tests.cluster.conftest import ADDRESSES, Rehearsed
from tests.factories import LabFactory, MachineFactory
from webapp.accounts.models import User
from webapp.hosts.models import Host
host = Host.objects.create(name="local")
for name, mishap in {labs}.items():
    lab = LabFactory(name=name, owner=User.objects.get(username="ana"), host=host)
    for position, (machine, role) in enumerate((("controlplane", "control-plane"), ("winw1", "windows"))):
        MachineFactory(lab=lab, position=position, name=machine, role=role, ip=ADDRESSES[machine])
    Rehearsed(lab, Path(settings.LAB_HOME) / name).launch(*filter(None, [mishap]))
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    seed = PLAY.format(labs=LABS)
    with seeded_stack(tmp_path_factory.mktemp("cluster"), seed, "worker", "beat") as stack:
        yield stack


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    with watched_page(browser, stack) as page:
        yield page


def open_cluster(page: Page, stack: Stack, lab: str) -> None:
    page.goto(f"{stack.url}/labs/{lab}/")
    page.get_by_role("link", name="Cluster", exact=True).click()


@pytest.mark.parametrize("name", FAILURES)
def test_ladder_stops_at_its_rung_with_its_advice(page: Page, stack: Stack, name: str) -> None:
    _, rung, words, repair = FAILURES[name]

    open_cluster(page, stack, name)

    expect(page.locator(f"#rung-winw1-{rung}")).to_contain_text("failed", timeout=LOOKED_MS)
    expect(page.locator("#evidence")).to_contain_text(words)
    expect(page.locator("#evidence").get_by_role("link", name=repair)).to_be_visible()
    page.goto(stack.url)
    card = page.locator(".lab-card").filter(has=page.get_by_role("link", name=name, exact=True))
    expect(card).to_contain_text("winw1 stuck at")


def test_approving_by_keys_alone_lets_the_machine_in_and_is_audited(page: Page, stack: Stack) -> None:
    open_cluster(page, stack, "asks")
    expect(page.locator("#rung-winw1-request")).to_contain_text("failed", timeout=LOOKED_MS)

    walk_to_the_repair(page)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Approve csr-")
    expect(page.get_by_role("button", name="Approve this request")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#rung-winw1-request")).to_contain_text("done", timeout=LOOKED_MS)
    expect(page.locator("#rung-winw1-node")).to_contain_text("done", timeout=LOOKED_MS)
    expect(page.get_by_role("region", name="Repairs")).to_contain_text("is approved")
    page.goto(f"{stack.url}/activity/")
    expect(page.get_by_role("main")).to_contain_text("asked approve-request")


def walk_to_the_repair(page: Page) -> None:
    """From the table's first cell with arrows to winw1's request, open it, and go on to its repair."""
    page.locator("#rung-controlplane-machine").focus()
    page.keyboard.press("ArrowRight")
    for _ in range(20):
        if page.evaluate("document.activeElement.id") == "rung-winw1-request":
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("machine=winw1&rung=request"))
    expect(page.locator("#rung-winw1-request")).to_be_focused()
    for _ in range(20):
        if page.evaluate("document.activeElement.id") == "fix-offer":
            break
        page.keyboard.press("Tab")
    expect(page.locator("#fix-offer")).to_be_focused()


def test_stopping_a_service_shows_on_services_and_ladder(page: Page, stack: Stack) -> None:
    open_cluster(page, stack, "whole")
    expect(page.locator("#rung-winw1-smoke")).to_contain_text("done", timeout=LOOKED_MS)
    page.get_by_role("link", name="Services", exact=True).click()
    row = page.locator("#service-winw1-kubelet")

    row.get_by_role("link", name="Stop kubelet on winw1").click()
    expect(page.get_by_role("dialog")).to_contain_text("Stop kubelet on winw1")
    page.keyboard.press("Escape")
    expect(row.get_by_role("link", name="Stop kubelet on winw1")).to_be_focused()
    row.get_by_role("link", name="Stop kubelet on winw1").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()

    expect(row).to_contain_text("Stopped", timeout=LOOKED_MS)
    expect(row).to_contain_text("not as it should be")
    expect(page.locator("#service-winw1-kube-proxy")).to_contain_text("runs as a pod")
    page.get_by_role("link", name="Ladder", exact=True).click()
    expect(page.locator("#evidence")).to_contain_text("kubelet is up", timeout=LOOKED_MS)


def test_network_tells_hns_and_cni(page: Page, stack: Stack) -> None:
    open_cluster(page, stack, "whole")

    page.get_by_role("link", name="Network", exact=True).click()

    machine = page.get_by_role("region", name="winw1")
    expect(machine).to_contain_text("Overlay", timeout=LOOKED_MS)
    expect(machine).to_contain_text("whoami")
    expect(machine).to_contain_text("10-calico.conflist")
    expect(page.get_by_role("region", name="Pods that make the network")).to_contain_text(
        "calico-node-windows"
    )


# -- attached clusters --------------------------------------------------------------
@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with api_server(tmp_path) as api:
        kinds = ("nodes", "certificatesigningrequests", "pods", "events", "leases", "secrets")
        listed = shapes.listed("1.36.1")[0]["items"]
        api.objects = {kind: [item] for kind, item in zip(kinds, listed, strict=True)}
        yield api


def test_attached_cluster_is_shown_and_says_what_it_sees(page: Page, stack: Stack, api: Api) -> None:
    page.goto(f"{stack.url}/clusters/attach")
    page.fill("input[name=name]", "colleague")
    page.fill("textarea[name=text]", "not a kubeconfig")
    page.get_by_role("button", name="Check and attach").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.fill("textarea[name=text]", api.kubeconfig)
    page.get_by_role("button", name="Check and attach").click()

    expect(page.locator("#rung-winw1-node")).to_contain_text("done", timeout=LOOKED_MS)
    expect(page.locator("#rung-winw1-os")).to_contain_text("not needed")
    api.mood = {"pods": "403"}
    expect(page.locator("#ladder")).to_contain_text("The API did not tell its pods", timeout=LOOKED_MS)
    api.mood = {"*": "503"}
    expect(page.locator("#ladder")).to_contain_text("The API does not answer", timeout=LOOKED_MS)


def test_attached_cluster_is_watched_and_its_refusals_are_told(page: Page, stack: Stack, api: Api) -> None:
    api.forbidden = {("watch", "pods"), ("patch", "configmaps")}
    page.goto(f"{stack.url}/clusters/attach")
    page.fill("input[name=name]", "watched")
    page.fill("textarea[name=text]", api.kubeconfig)
    page.get_by_role("button", name="Check and attach").click()
    expect(page.locator("#ladder")).to_contain_text("jane may not watch pods", timeout=LOOKED_MS)

    node = copy.deepcopy(api.objects["nodes"][0])
    node["status"]["conditions"][0].update(status="True", reason="KubeletReady", message="ready at last")
    api.tell("nodes", "MODIFIED", node)
    expect(page.locator("#rung-winw1-ready")).to_contain_text("done", timeout=LOOKED_MS)

    page.get_by_role("link", name="Workloads", exact=True).click()
    page.fill("#own-name", "mine")
    page.fill("#own-manifest", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}")
    page.get_by_role("button", name="Check and apply").click()
    said = page.get_by_text("jane may not patch configmaps", exact=False).first
    expect(said).to_be_visible(timeout=LOOKED_MS)


def test_attached_cluster_is_detached_by_its_name(page: Page, stack: Stack, api: Api) -> None:
    page.goto(f"{stack.url}/clusters/attach")
    page.fill("input[name=name]", "for a day")
    page.fill("textarea[name=text]", api.kubeconfig)
    page.get_by_role("button", name="Check and attach").click()

    page.get_by_role("link", name="Detach…").click()
    page.fill("#confirm", "for a day")
    page.get_by_role("button", name="Detach").click()

    expect(page).to_have_url(f"{stack.url}/clusters/")
    expect(page.locator("#attached")).not_to_contain_text("for a day")
