"""Trees that keep a generated file out of Git, as Kubernetes did before 1.24: the build makes it."""

import subprocess
from pathlib import Path

import pytest

from tests.builds.repository import Repository, commit, git
from webapp.accounts.models import User
from webapp.builds.actions import request_build
from webapp.builds.artifacts import path_of
from webapp.builds.components import add_component
from webapp.builds.execute import execute_build
from webapp.builds.generated import FOLDER, GENERATOR, packages_of
from webapp.builds.models import Build
from webapp.catalog.components import Component
from webapp.executions.models import Status

pytestmark = pytest.mark.django_db(transaction=True)

WRITER = """package main

import (
\t"flag"
\t"os"
\t"path/filepath"
)

func main() {
\tin, pkg, file := flag.String("i", "", ""), flag.String("p", "", ""), flag.String("O", "", "")
\tbase := flag.String("output-base", "", "")
\tflag.String("h", "", "")
\tflag.String("r", "", "")
\tflag.Bool("logtostderr", false, "")
\tflag.Parse()
\tfolder := filepath.Join(*base, *pkg)
\tos.MkdirAll(folder, 0o755)
\ttext := "package openapi\\n\\nconst Made = \\"" + *in + "\\"\\n"
\tif err := os.WriteFile(filepath.Join(folder, *file+".go"), []byte(text), 0o644); err != nil {
\t\tpanic(err)
\t}
}
"""
SERVER = """package main

import "k8s.io/kubernetes/pkg/generated/openapi"

func main() { print(openapi.Made) }
"""
FILES = {
    "go.mod": "module k8s.io/kubernetes\n\ngo 1.15\n",
    f"{FOLDER}/doc.go": "package openapi\n",
    f"{GENERATOR}/main.go": WRITER,
    "pkg/apis/doc.go": "// +k8s:openapi-gen=true\n\npackage apis\n",
    "cmd/kube-apiserver/main.go": SERVER,
    "cmd/kubelet/main.go": "package main\n\nfunc main() {}\n",
}


@pytest.fixture
def old(home: Path, settings) -> Repository:  # type: ignore[no-untyped-def]
    path = home / "old"
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    settings.BUILD_LOCAL_REPOSITORIES = [str(path)]
    return Repository(path, {"main": commit(path, "old", FILES)})


def built(old: Repository, by: User, program: str) -> Build:
    component = Component(program, program, str(old.path), (f"./cmd/{program}",), targets=("linux/amd64",))
    name = f"own-{program}"
    add_component(Component(**{**vars(component), "name": name}), by)
    given = {"url": str(old.path), "ref": "main", "names": [name], "targets": ["linux/amd64"], "by": by}
    build, _ = request_build(**given)
    execute_build(build.pk)
    return build.refreshed()


def test_file_that_is_kept_out_of_git_is_generated(old: Repository, member: User, tmp_path: Path) -> None:
    build = built(old, member, "kube-apiserver")

    assert build.status == Status.SUCCEEDED, build.sentence
    program = tmp_path / "program"
    program.write_bytes(path_of(build.artifacts.get().sha256).read_bytes())
    program.chmod(0o755)
    said = subprocess.run([program], capture_output=True, text=True, check=True).stderr
    assert said == "k8s.io/kubernetes/pkg/apis"


def test_nothing_is_generated_for_who_does_not_link_it(old: Repository, member: User) -> None:
    old.commit("broken", {f"{GENERATOR}/main.go": "package main\n\nfunc main() { nothing }\n"})

    assert built(old, member, "kubelet").status == Status.SUCCEEDED


def test_generator_that_fails_is_named(old: Repository, member: User) -> None:
    old.commit("broken", {f"{GENERATOR}/main.go": 'package main\n\nfunc main() { panic("no types") }\n'})

    build = built(old, member, "kube-apiserver")

    assert build.status == Status.FAILED
    assert build.sentence.startswith(f"{FOLDER}/zz_generated.openapi.go could not be generated")


def test_packages_are_those_of_kubernetes_own_make() -> None:
    staging = "staging/src/k8s.io"
    files = [
        f"{staging}/api/core/v1/doc.go",
        f"{staging}/api/core/v1/types.go",
        f"{staging}/code-generator/_examples/apiserver/apis/doc.go",
        f"{staging}/sample-apiserver/pkg/apis/doc.go",
        "pkg/apis/abac/v0/types.go",
    ]

    assert packages_of(files) == ["pkg/apis/abac/v0", "vendor/k8s.io/api/core/v1"]
