"""Published binaries from a server on loopback: checksums, archives, bombs."""

import gzip
import hashlib
import io
import shutil
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from tests.builds.test_artifacts import pe
from webapp.accounts.models import User
from webapp.builds.errors import BuildError, RequestError
from webapp.builds.execute import execute_build
from webapp.builds.fetch import check_address
from webapp.builds.models import Artifact, Build
from webapp.builds.uploads import request_fetch
from webapp.executions.models import Status
from webapp.logs import store

pytestmark = pytest.mark.django_db(transaction=True)
TARGETS = ["windows/amd64"]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def published(home: Path, settings) -> Iterator[Path]:
    """A folder that is served, and a kit whose addresses lead there."""
    folder = home / "published"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    kit = shutil.copytree(Path(django_settings.ENVIRONMENTS_DIR) / "kit", home / "env" / "kit")
    text = (kit / "components.yaml").read_text()
    nightly = "https://github.com/kubernetes-sigs/sig-windows-tools/releases/download"
    calico = "https://github.com/projectcalico/calico/releases/download"
    containerd = "https://github.com/containerd/containerd/releases/download"
    for host in ("https://dl.k8s.io", containerd, calico, nightly):
        text = text.replace(host, f"http://127.0.0.1:{server.server_port}")
    (kit / "components.yaml").write_text(text)
    settings.ENVIRONMENTS_DIR = home / "env"
    yield folder
    server.shutdown()
    server.server_close()


def publish(folder: Path, path: str, content: bytes, checksum: str = "") -> None:
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    suffix = ".sha256sum" if path.endswith(".tar.gz") else ".sha256"
    digest = checksum or hashlib.sha256(content).hexdigest()
    Path(f"{place}{suffix}").write_text(f"{digest}  {place.name}\n" if ".tar" in path else digest)


def fetched(source: str, names: list[str], by: User) -> Build:
    build, _ = request_fetch(source=source, version="1.36.1", names=names, targets=TARGETS, by=by)
    execute_build(build.pk)
    return build.refreshed()


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(f"bin/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_release_is_fetched_and_checked(published: Path, member: User) -> None:
    publish(published, "v1.36.1/bin/windows/amd64/kubelet.exe", pe())

    build = fetched("kubernetes-release", ["kubelet"], member)

    assert build.status == Status.SUCCEEDED, build.sentence
    assert build.artifacts.get().sha256 == hashlib.sha256(pe()).hexdigest()
    again, is_new = request_fetch(
        source="kubernetes-release", version="v1.36.1", names=["kubelet"], targets=TARGETS, by=member
    )
    assert (again.pk, is_new) == (build.pk, False)


@pytest.mark.parametrize(
    ("content", "checksum", "sentence"),
    [
        (pe(), "0" * 64, "published is 000"),
        (b"#!/bin/sh", "", "no executable"),
        (pe(0x14C), "", "not for windows/amd64"),
        (pe(), "none", "holds no checksum"),
        (pe(), f"{hashlib.sha256(pe()).hexdigest()}  another.exe", "holds no checksum"),
    ],
    ids=["changed", "script", "other machine", "no checksum", "of another file"],
)
def test_wrong_file_is_not_kept(
    published: Path, member: User, content: bytes, checksum: str, sentence: str
) -> None:
    publish(published, "v1.36.1/bin/windows/amd64/kubelet.exe", content, checksum)

    build = fetched("kubernetes-release", ["kubelet"], member)

    assert (build.status, sentence in build.sentence) == (Status.FAILED, True), build.sentence
    assert not Artifact.objects.exists()


def test_version_that_is_not_published_is_told(published: Path, member: User) -> None:
    build = fetched("kubernetes-release", ["kubelet"], member)

    assert "answered 404" in build.sentence


def test_archive_gives_its_members(published: Path, member: User) -> None:
    content = archive(**{"containerd.exe": pe() + b"1", "ctr.exe": pe() + b"2", "other": b"x"})
    publish(published, "v1.36.1/containerd-1.36.1-windows-amd64.tar.gz", content)

    build = fetched("containerd-release", ["containerd", "ctr"], member)

    assert build.status == Status.SUCCEEDED, build.sentence
    assert set(build.artifacts.values_list("file_name", flat=True)) == {"containerd.exe", "ctr.exe"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (archive(**{"bomb": bytes(30_000_000)}), "far more than it is"),
        (archive(**{"other": b"x"}), "holds no containerd.exe"),
        (gzip.compress(b"no tar"), "no archive"),
        (b"nothing", "no archive"),
    ],
    ids=["bomb", "without", "no tar", "no gzip"],
)
def test_bad_archive_is_told(published: Path, member: User, content: bytes, sentence: str) -> None:
    publish(published, "v1.36.1/containerd-1.36.1-windows-amd64.tar.gz", content)

    build = fetched("containerd-release", ["containerd"], member)

    assert (build.status, sentence in build.sentence) == (Status.FAILED, True), build.sentence


def test_names_that_are_no_text_are_shown_as_such(published: Path, member: User) -> None:
    strange = "docs/caf\udce9\nBuild #1 succeeded"
    content = archive(**{"containerd.exe": pe(), strange: b"x"})
    publish(published, "v1.36.1/containerd-1.36.1-windows-amd64.tar.gz", content)

    build = fetched("containerd-release", ["containerd"], member)

    assert build.status == Status.SUCCEEDED, build.sentence
    log = b"".join(store.iter_text(build.log_id, stamps=False)).decode()
    assert "docs/caf\ufffd\ufffdBuild #1 succeeded 0.0 MiB\n" in log


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


def locked(content: bytes) -> bytes:
    """Set the bit that says "encrypted" of the first member, in both of its headers."""
    central = content.index(b"PK\x01\x02")
    return content[:6] + b"\x01" + content[7 : central + 8] + b"\x01" + content[central + 9 :]


CALICO = ("CalicoWindows/cni/calico.exe", pe() + b"1")


def ask_calico(folder: Path, content: bytes, by: User, names: list[str]) -> Build:
    publish(folder, "v3.32.1/calico-windows-v3.32.1.zip", content)
    digest = hashlib.sha256(content).hexdigest()
    build, _ = request_fetch(
        source="calico-release", version="3.32.1", names=names, targets=TARGETS, by=by, sha256=digest
    )
    execute_build(build.pk)
    return build.refreshed()


def test_zip_gives_its_members_and_says_what_is_inside(published: Path, member: User) -> None:
    node = ("CalicoWindows/calico-node.exe", pe() + b"2")
    content = zipped(("CalicoWindows/", b""), CALICO, node, ("CalicoWindows/README.txt", b"x"))

    build = ask_calico(published, content, member, ["calico", "calico-node"])

    assert build.status == Status.SUCCEEDED, build.sentence
    found = {artifact.file_name: artifact.facts["member"] for artifact in build.artifacts.all()}
    assert found == {"calico.exe": CALICO[0], "calico-node.exe": node[0]}
    log = b"".join(store.iter_text(build.log_id, stamps=False)).decode()
    assert "In the archive are 3 files:" in log and "CalicoWindows/README.txt 0.0 MiB\n" in log
    assert "CalicoWindows/cni/calico.exe 0.0 MiB (taken)" in log


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (zipped(("bomb", bytes(30_000_000)), CALICO), "far more than it is"),
        (zipped((link("calico.exe"), b"/etc/passwd")), "holds no calico.exe"),
        (locked(zipped(CALICO)), "is encrypted"),
        (zipped(CALICO)[:-30], "no archive"),
        (b"nothing", "no archive"),
    ],
    ids=["bomb", "link", "encrypted", "cut", "no zip"],
)
def test_bad_zip_is_told(published: Path, member: User, content: bytes, sentence: str) -> None:
    build = ask_calico(published, content, member, ["calico"])

    assert (build.status, sentence in build.sentence) == (Status.FAILED, True), build.sentence
    assert not Artifact.objects.exists()


@pytest.mark.parametrize("url", ["http://example.org/x", "file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_only_https_is_fetched(url: str) -> None:
    with pytest.raises(BuildError, match="not an https"):
        check_address(url)


def ask_nightly(by: User, sha256: str, source: str = "containerd-nightly") -> Build:
    names = {"containerd-nightly": ["containerd", "containerd-shim-runhcs-v1"]}.get(source, ["antctl"])
    given = {"source": source, "version": "", "names": names, "targets": TARGETS, "by": by}
    build, _ = request_fetch(**given, sha256=sha256)
    execute_build(build.pk)
    return build.refreshed()


def test_nightly_is_held_against_the_sha256_that_somebody_trusts(published: Path, member: User) -> None:
    shim = "containerd-shim-runhcs-v1.exe"
    content = archive(**{"containerd.exe": pe(), shim: pe()})
    publish(published, "windows-containerd-nightly/windows-containerd.tar.gz", content)
    right = hashlib.sha256(content).hexdigest()

    build = ask_nightly(member, right.upper())

    assert build.status == Status.SUCCEEDED, build.sentence
    assert {artifact.file_name for artifact in build.artifacts.all()} == {"containerd.exe", shim}
    assert build.version == f"nightly-{right[:12]}"
    assert ask_nightly(member, "0" * 64).status == Status.FAILED


def test_source_without_checksum_wants_one(published: Path, member: User) -> None:
    for sha256 in ("", "abc"):
        with pytest.raises(RequestError, match="give the sha256 that you trust"):
            ask_nightly(member, sha256)
    with pytest.raises(RequestError, match="no exact version"):
        ask_nightly(member, "0" * 64, "antrea-release")
    with pytest.raises(RequestError, match="one file at a time"):
        request_fetch(
            source="antrea-release",
            version="2.7.0",
            names=["antctl", "antrea-cni"],
            targets=TARGETS,
            by=member,
            sha256="0" * 64,
        )
