"""Trees in the shape of today's Kubernetes: go.work with vendor/, .go-version, two stamped modules, tags."""

import subprocess
from pathlib import Path

import pytest

from tests.builds.repository import Repository
from tests.builds.workspace import STAGING, make_workspace
from webapp.accounts.models import User
from webapp.builds.actions import request_build
from webapp.builds.artifacts import path_of
from webapp.builds.execute import execute_build
from webapp.builds.models import Build
from webapp.executions.models import Status

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="session")
def workspace(open_folder: Path) -> Repository:
    return make_workspace(open_folder / "workspace")


@pytest.fixture
def allowed(home: Path, workspace: Repository, settings) -> Path:  # type: ignore[no-untyped-def]
    settings.BUILD_LOCAL_REPOSITORIES = [str(workspace.path)]
    return home


def built(workspace: Repository, ref: str, by: User, names: list[str], target: str) -> Build:
    given = {"url": str(workspace.path), "ref": ref, "names": names, "targets": [target], "by": by}
    build, _ = request_build(**given)
    execute_build(build.pk)
    return build.refreshed()


def said_by(build: Build, tmp_path: Path) -> str:
    """Run a Linux kubelet; return its one line."""
    program = tmp_path / "kubelet"
    program.write_bytes(path_of(build.artifacts.get().sha256).read_bytes())
    program.chmod(0o755)
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "case",
    [("v1.36.2", "v1.36.2", "36"), ("main", "v1.36.2-1+", "36+"), ("alpha", "v1.37.0-alpha.1.1+", "37+")],
)
def test_both_version_packages_are_stamped_as_upstream_does(
    allowed: Path, workspace: Repository, member: User, tmp_path: Path, case: tuple[str, str, str]
) -> None:
    ref, version, minor = case

    build = built(workspace, ref, member, ["kubelet"], "linux/amd64")

    assert build.status == Status.SUCCEEDED, build.sentence
    ahead = workspace.commits[ref][:14] if version.endswith("+") else ""
    stamp = f"{version}{ahead} 1.{minor} {workspace.commits[ref]} clean 2026-01-02T03:04:05Z"
    word = "Kubernetes" if ref == "v1.36.2" else "Patched"
    assert said_by(build, tmp_path) == f"{word} {stamp} | {stamp} | vendored selinux\n"


def test_windows_binaries_come_from_a_workspace(allowed: Path, workspace: Repository, member: User) -> None:
    names = ["kubelet", "kube-proxy", "kube-log-runner"]

    build = built(workspace, "main", member, names, "windows/amd64")

    assert build.status == Status.SUCCEEDED, build.sentence
    found = {artifact.file_name: artifact.facts["format"] for artifact in build.artifacts.all()}
    assert found == dict.fromkeys(["kubelet.exe", "kube-proxy.exe", "kube-log-runner.exe"], "PE32+")
    assert build.go_wanted == "1.26.5" and "wants Go 1.26.5" in build.warning


def plain_vendor(workspace: Repository) -> None:
    """Add the branch plain: vendored for its main module only, by links to staging, as before 1.30."""
    modules = {"client-go": "pkg/version", "component-base": "version"}
    workspace.git("checkout", "-q", "-b", "plain", "v1.36.2")
    read = {name: (workspace.path / name).read_text() for name in ("go.mod", "vendor/modules.txt")}
    files = {
        "go.mod": read["go.mod"] + "".join(f"replace k8s.io/{m} => ./{STAGING}/{m}\n" for m in modules),
        "vendor/modules.txt": read["vendor/modules.txt"].removeprefix("## workspace\n").partition("# k8s")[0],
    }
    for name, package in modules.items():
        files["vendor/modules.txt"] += (
            f"# k8s.io/{name} v0.0.0 => ./{STAGING}/{name}\n## explicit; go 1.26.0\n"
        )
        files["vendor/modules.txt"] += f"k8s.io/{name}/{package}\n"
        place = workspace.path / f"vendor/k8s.io/{name}"
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(f"../../{STAGING}/{name}")
    files["vendor/modules.txt"] += "k8s.io/component-base/logs/kube-log-runner\n"
    for name in modules:
        files["vendor/modules.txt"] += f"# k8s.io/{name} => ./{STAGING}/{name}\n"
    workspace.commit("plain", files)
    workspace.git("checkout", "-q", "main")


def test_go_work_that_vendor_was_not_made_for_does_not_count(
    allowed: Path, workspace: Repository, member: User, settings
) -> None:
    (settings.BUILD_HOME / "go.work").write_text("go 99.0\n")  # nor does one above the tree
    plain_vendor(workspace)

    build = built(workspace, "plain", member, ["kubelet", "kube-log-runner"], "linux/amd64")

    assert build.status == Status.SUCCEEDED, build.sentence
    assert build.artifacts.count() == 2
