"""The cache as a run and `make kit-cache` use it, with a mirror on loopback in the makers' place."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from django.core.management import CommandError, call_command

from tests.downloads.conftest import Publisher
from tests.factories import HostFactory, RevisionFactory, RunFactory, StepFactory
from webapp.accounts.models import User
from webapp.catalog.variables import parse
from webapp.downloads.cache import Cached
from webapp.downloads.local import write_brought
from webapp.labs.actions import lab_folder, make_lab
from webapp.labs.folder import prepare_folder
from webapp.labs.models import Lab
from webapp.management.commands.kit_cache import files_of
from webapp.planning.plan import DOWNLOADS
from webapp.runs import serving
from webapp.runs.host_steps import download, need_of
from webapp.runs.outcome import StepContext

CONTENT = b"a download" * 1000
OWN = b"a patched kubelet" * 1000
TEXT = """
provider: {name: libvirt}
build: {ref: main}
overrides:
  windows: {kubelet: {source: file, path: mine/kubelet-patched}}
  linux: {kubectl: {source: build}}
"""


@pytest.fixture
def mirror(settings, publisher: Publisher, var: Path) -> Publisher:
    """A mirror that has every file of the preset calico."""
    settings.LAB_MIRROR, settings.LAB_CACHE_DIR, settings.LAB_FILES = (
        publisher.url,
        var / "cache",
        var / "files",
    )
    own_file(var).parent.mkdir(parents=True)
    own_file(var).write_bytes(OWN)
    for one in files_of("calico"):
        publisher.files[one.url.removeprefix(publisher.url)] = CONTENT
        if one.sha256_url:
            name = one.url.rpartition("/")[2]
            publisher.files[one.sha256_url.removeprefix(publisher.url)] = checksum(name)
    return publisher


def own_file(var: Path) -> Path:
    return var / "files/mine/kubelet-patched"


def checksum(name: str) -> bytes:
    return f"{hashlib.sha256(CONTENT).hexdigest()}  {name}\n".encode()


@pytest.fixture
def context(db: None, owner: User, mirror: Publisher, settings) -> Iterator[StepContext]:
    settings.LAB_VAGRANT = "/nowhere/vagrant"  # its plugins are of no interest here
    lab = real_lab(owner, settings.ENVIRONMENTS_DIR)
    run = RunFactory(lab=lab)
    yield StepContext(run, DOWNLOADS, StepFactory(run=run, kind="download"), lambda: False)
    serving.stop(run.pk)


def real_lab(owner: User, environments: Path) -> Lab:
    """A lab for libvirt whose gateway is this computer's loopback."""
    revision = RevisionFactory(text=TEXT, spec=parse(TEXT).to_json())
    host = HostFactory(providers=["libvirt"])
    lab = make_lab(revision=revision, host=host, name="real", provider="", by=owner)
    prepare_folder(lab, lab_folder(lab), environments)
    path = lab_folder(lab) / "lab.json"
    value = json.loads(path.read_text())
    value["network"]["gateway"] = "127.0.0.1"
    path.write_text(json.dumps(value))
    return lab


def entry(context: StepContext, os: str, name: str) -> dict[str, str]:
    return serving.read_list(lab_folder(context.lab), "downloads")[os][name]


def test_a_run_serves_what_it_fetched_and_puts_the_makers_address_back(context: StepContext):
    download(context)
    here = entry(context, "windows", "kubelet")

    with urlopen(here["url"]) as answer:
        assert answer.read() == CONTENT
    serving.stop(context.run.pk)
    assert entry(context, "windows", "kubelet")["url"] == here["origin"]
    with pytest.raises(URLError, match="refused"):
        urlopen(here["url"])


def test_what_the_kits_pin_contradicts_is_left_to_the_machines_and_told(context: StepContext):
    outcome = download(context)

    assert outcome.status == "succeeded"
    assert "origin" not in entry(context, "linux", "runc")
    assert "of" in outcome.sentence
    flat = (lab_folder(context.lab) / "rendered" / "downloads.flat").read_text()
    assert f"windows.kubelet.url={entry(context, 'windows', 'kubelet')['url']}\n" in flat


def override(context: StepContext, os: str) -> dict[str, str]:
    return serving.read_list(lab_folder(context.lab), "overrides")[os][0]


def test_a_file_of_this_host_is_served_under_the_binarys_name_and_leaves_the_list_at_the_end(
    context: StepContext, var: Path
):
    download(context)
    here = override(context, "windows")
    own_file(var).write_bytes(b"built anew while the lab is made")

    with urlopen(here["url"]) as answer:
        assert answer.read() == OWN
    assert here["url"].endswith("/kubelet.exe")
    assert here["sha256"] == hashlib.sha256(OWN).hexdigest()
    flat = (lab_folder(context.lab) / "rendered" / "overrides.flat").read_text()
    assert f"windows.0.sha256={here['sha256']}\n" in flat
    serving.stop(context.run.pk)
    assert (override(context, "windows")["url"], override(context, "windows")["sha256"]) == ("", "")


def test_what_a_build_brought_is_served_and_a_build_that_is_not_there_yet_is_not(
    context: StepContext, var: Path
):
    download(context)
    assert override(context, "linux")["url"] == ""
    (var / "artifact").write_bytes(OWN)
    sha256 = hashlib.sha256(OWN).hexdigest()
    write_brought(lab_folder(context.lab), "linux", "kubectl", Cached(var / "artifact", sha256))

    download(context)

    assert override(context, "linux")["sha256"] == sha256
    with urlopen(override(context, "linux")["url"]) as answer:
        assert answer.read() == OWN


@pytest.mark.parametrize("spoil", ["gone", "changed"])
def test_a_build_that_is_not_what_it_was_fails_the_step(context: StepContext, var: Path, spoil: str):
    if spoil == "changed":
        (var / "artifact").write_bytes(b"other")
    write_brought(lab_folder(context.lab), "linux", "kubectl", Cached(var / "artifact", "0" * 64))

    outcome = download(context)

    assert outcome.status == "failed"
    assert outcome.sentence.startswith("overrides.linux.kubectl: ")


@pytest.mark.parametrize("text", ["", "[]", '{"linux": {"kubectl": {"path": "/x"}}}', '{"linux": 1}'])
def test_what_was_brought_and_cannot_be_read_says_what_to_do(context: StepContext, text: str):
    (lab_folder(context.lab) / "brought.json").write_text(text)

    outcome = download(context)

    assert outcome.status == "failed"
    assert "brought.json cannot be read: delete it and press Retry" in outcome.sentence


def test_a_file_that_is_not_there_fails_before_the_first_machine_and_says_where_it_belongs(
    context: StepContext, var: Path
):
    own_file(var).unlink()

    outcome = download(context)

    assert need_of(context.lab).missing_files == (outcome.sentence,)
    assert outcome.status == "failed"
    assert f"no readable file mine/kubelet-patched below {var}/files" in outcome.sentence


def test_any_step_may_offer_a_file_and_begins_the_server(context: StepContext, var: Path):
    (var / "artifact").write_bytes(OWN)
    file = Cached(var / "artifact", "a" * 64)

    url = serving.offer(context.run.pk, lab_folder(context.lab), file, "kube-proxy.exe")

    with urlopen(url) as answer:
        assert answer.read() == OWN
    assert url.endswith(f"/files/{'a' * 64}/kube-proxy.exe")


def test_a_second_lab_finds_everything_there(context: StepContext, mirror: Publisher):
    download(context)
    asked = len([path for path, _ in mirror.asked if path.endswith("kubelet.exe")])

    download(context)

    assert asked == 1
    assert len([path for path, _ in mirror.asked if path.endswith("kubelet.exe")]) == 1


def test_a_closed_network_is_no_failure_of_the_step(context: StepContext, mirror: Publisher):
    mirror.files.clear()

    outcome = download(context)

    assert outcome.status == "succeeded"
    assert outcome.sentence.startswith("1 of ")  # this host's own file


def test_kit_cache_fills_the_cache_and_fails_for_what_is_wrong(
    mirror: Publisher, var: Path, capsys: pytest.CaptureFixture[str]
):
    pinned = [one for one in files_of("calico") if one.sha256]  # by the kit, to what the mirror has not

    with pytest.raises(CommandError, match=f"{len(pinned)} files cannot be had"):
        call_command("kit_cache", "calico")

    assert "checksum wrong" in capsys.readouterr().err
    assert next((var / "cache").rglob("kubelet.exe")).read_bytes() == CONTENT


def test_kit_cache_names_the_presets_that_there_are(var: Path):
    with pytest.raises(CommandError, match=r"there are .*calico"):
        call_command("kit_cache", "nothing")
