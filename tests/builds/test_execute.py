"""Real builds of the small repository with a real Go: binaries, failures, cancels, reproducibility."""

import shutil
import subprocess
import threading
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.utils import timezone

from tests.builds.repository import Repository
from tests.stack import wait_until
from webapp.accounts.models import User
from webapp.builds import watch
from webapp.builds.actions import cancel_build, rebuild, request_build
from webapp.builds.artifacts import path_of
from webapp.builds.components import add_component
from webapp.builds.execute import execute_build
from webapp.builds.gobuild import Count
from webapp.builds.models import Artifact, Build
from webapp.builds.sandbox import go_env
from webapp.builds.toolchains import Toolchain
from webapp.catalog.components import Component
from webapp.executions.models import Status
from webapp.logs import store

pytestmark = pytest.mark.django_db(transaction=True)
BOTH = ["kubelet", "kube-proxy"]


def ask(
    repository: Repository, ref: str, by: User, names: list[str] = BOTH, target: str = "windows/amd64"
) -> Build:
    build, is_new = request_build(url=str(repository.path), ref=ref, names=names, targets=[target], by=by)
    assert is_new
    return build


def carried_out(build: Build) -> Build:
    execute_build(build.pk)
    return build.refreshed()


def compilers(home: Path) -> list[str]:
    """Return what still runs below this test's folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        found += [line] if str(home) in line else []
    return found


def text_of(build: Build) -> str:
    return b"".join(store.iter_text(build.log_id, stamps=False)).decode()


def test_build_makes_stamped_pe_files(home: Path, repository: Repository, member: User) -> None:
    build = carried_out(ask(repository, "v1.36.1", member))

    assert build.status == Status.SUCCEEDED, build.sentence
    artifacts = list(build.artifacts.order_by("file_name"))
    assert [artifact.file_name for artifact in artifacts] == ["kube-proxy.exe", "kubelet.exe"]
    assert artifacts[0].facts == {"format": "PE32+", "machine": "amd64", "subsystem": "windows console"}
    assert path_of(artifacts[0].sha256).stat().st_size == artifacts[0].size_bytes
    assert (build.version, build.packages_done) == ("v1.36.1", build.packages_total)
    assert build.packages_total > 0 and "go build for windows/amd64" in text_of(build)


def test_build_leaves_nothing_but_its_artifacts(home: Path, repository: Repository, member: User) -> None:
    build = carried_out(ask(repository, "v1.36.1", member, ["kubelet"]))

    assert build.status == Status.SUCCEEDED, build.sentence
    assert list((settings.BUILD_HOME / "work").iterdir()) == []
    assert not list(settings.SPOOL_DIR.iterdir())
    assert len([path for path in settings.ARTIFACT_DIR.rglob("*") if path.is_file()]) == 1


def test_two_builds_of_one_commit_are_the_same_bytes(
    home: Path, repository: Repository, member: User
) -> None:
    first = carried_out(ask(repository, "pull/7", member, ["kubelet"]))
    (settings.BUILD_HOME / "cache").unlink()  # the second build begins without anything
    again, is_new = rebuild(first, member)

    second = carried_out(again)

    assert is_new and second.pk != first.pk
    digests = set(Artifact.objects.values_list("sha256", flat=True))
    assert Artifact.objects.count() == 2 and len(digests) == 1


def test_compile_error_is_a_finding_with_its_line(home: Path, repository: Repository, member: User) -> None:
    build = carried_out(ask(repository, "broken", member, ["kubelet"]))

    assert build.status == Status.FAILED
    places = {(finding["path"], finding["line"]) for finding in build.findings}
    assert {("cmd/kubelet/main.go", 4), ("cmd/kubelet/main.go", 5)} <= places
    assert build.sentence.startswith("cmd/kubelet/main.go:4: declared and not used")
    assert not Artifact.objects.exists()


@pytest.mark.parametrize(
    ("names", "sentence"),
    [(["kubeadm"], "no package ./cmd/kubeadm"), (["kube-log-runner"], "no package ./staging")],
)
def test_tree_without_the_package_is_told(
    home: Path, repository: Repository, member: User, names: list[str], sentence: str
) -> None:
    build = carried_out(ask(repository, "v1.36.1", member, names))

    assert (build.status, sentence in build.sentence) == (Status.FAILED, True)


def test_tree_of_gopaths_time_is_stamped_below_vendor(
    home: Path, repository: Repository, member: User
) -> None:
    build = carried_out(ask(repository, "old", member, ["kubelet"]))

    assert build.status == Status.SUCCEEDED, build.sentence
    assert "it may compile and still fail" in build.warning


@pytest.mark.parametrize(
    ("variable", "status", "sentence"),
    [("main.version", Status.SUCCEEDED, ""), ("main.vresion", Status.FAILED, "does not hold its stamp")],
)
def test_own_component_is_built_and_its_stamp_is_looked_for(
    home: Path, repository: Repository, member: User, variable: str, status: str, sentence: str
) -> None:
    stamp = ((variable, "{version}"),)
    add_component(Component("shim", "", str(repository.path), ("./cmd/shim",), stamp), member)

    build = carried_out(ask(repository, "shim", member, ["shim"]))

    assert (build.status, sentence in build.sentence) == (status, True), build.sentence


def test_cancel_in_mid_compile_leaves_no_process_and_no_file(
    home: Path, repository: Repository, member: User
) -> None:
    (settings.BUILD_HOME / "cache").unlink()  # everything has to be compiled: there is time to cancel
    build = ask(repository, "v1.36.1", member)
    worker = threading.Thread(target=execute_build, args=(build.pk,))
    worker.start()
    wait_until(lambda: build.refreshed().packages_done > 3, 60, "compiling")

    assert cancel_build(build, member)
    worker.join(30)

    assert (worker.is_alive(), build.refreshed().status) == (False, Status.CANCELED)
    assert not compilers(home)
    assert not Artifact.objects.exists() and not settings.ARTIFACT_DIR.exists()
    assert list((settings.BUILD_HOME / "work").iterdir()) == []


def test_too_much_memory_stops_the_build(home: Path, repository: Repository, member: User, settings) -> None:
    (settings.BUILD_HOME / "cache").unlink()
    settings.BUILD_MEMORY_MIB = 20

    build = carried_out(ask(repository, "v1.36.1", member))

    assert (build.status, "more than 20 MiB of memory" in build.sentence) == (Status.FAILED, True), (
        build.sentence
    )
    assert not compilers(home)


def test_linux_binary_runs_and_tells_its_stamp(home: Path, repository: Repository, member: User) -> None:
    build = carried_out(ask(repository, "fix", member, ["kubelet"], "linux/amd64"))

    assert build.status == Status.SUCCEEDED, build.sentence
    artifact = build.artifacts.get()
    program = home / "kubelet"
    shutil.copy(path_of(artifact.sha256), program)
    program.chmod(0o755)
    said = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    short = repository.commits["fix"][:14]
    assert said == f"Patched v1.36.1-1+{short} {repository.commits['fix']} 1.36+\n"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("BUILD_FREE_DISK_MIB", 10**9, "MiB of disk are free"),
        ("BUILD_FREE_MEMORY_MIB", 10**9, "MiB of memory are free"),
        ("BUILD_LIMIT_S", 0, "took longer"),
        ("BUILD_USER", "nobody-of-that-name", "is no user"),
    ],
)
def test_build_ends_with_a_sentence_where_the_host_refuses(  # noqa: PLR0917
    home: Path, repository: Repository, member: User, settings, name: str, value: object, sentence: str
) -> None:
    setattr(settings, name, value)

    build = carried_out(ask(repository, "v1.36.1", member, ["kubelet"]))

    assert (build.status, sentence in build.sentence) == (Status.FAILED, True), build.sentence


def test_canceled_build_never_begins(home: Path, repository: Repository, member: User) -> None:
    build = ask(repository, "v1.36.1", member)

    assert cancel_build(build, member)
    assert not cancel_build(build, member)

    assert carried_out(build).status == Status.CANCELED
    assert text_of(build) == "Canceled by dora before it began.\n"


def test_cancel_asked_before_the_claim_is_seen_stops_it(
    home: Path, repository: Repository, member: User
) -> None:
    build = ask(repository, "v1.36.1", member, ["kubelet"])
    Build.objects.filter(pk=build.pk).update(cancel_requested_at=timezone.now())

    assert carried_out(build).status == Status.CANCELED
    assert not Artifact.objects.exists()


def test_packages_are_counted_beside_the_build(home: Path, repository: Repository, go: Toolchain) -> None:
    env = {**go_env(home, home, go.root), "GOCACHE": str(home / "cache"), "GOOS": "windows"}
    count = Count()

    count.run([str(go.go), "list", "-deps", "-mod=vendor", "./cmd/kubelet"], repository.path, env)

    assert len(count.packages) > 30


def test_build_goes_on_elsewhere_when_its_worker_is_told_to_end(
    home: Path, repository: Repository, member: User
) -> None:
    build = ask(repository, "v1.36.1", member, ["kubelet"])
    watch.SHUTTING_DOWN.set()
    try:
        carried_out(build)
    finally:
        watch.SHUTTING_DOWN.clear()

    assert [(b.status, b.continues) for b in Build.objects.all()] == [
        ("pending", build),
        ("interrupted", None),
    ]


def test_no_place_is_free_while_another_runs(home: Path, repository: Repository, member: User) -> None:
    first, second = ask(repository, "v1.36.1", member), ask(repository, "fix", member)
    first.start("somebody", timezone.now())

    assert carried_out(second).status == Status.PENDING
