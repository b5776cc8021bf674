"""What Kubernetes before 1.24 keeps out of Git and kube-apiserver links: made by the tree's own generator.

After build/root/Makefile.generated_files of 1.20: openapi-gen reads every package with the tag and writes one
file. It lies beside the tree and is laid over it (go build -overlay): the tree stays as its commit is.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from webapp.builds.children import Complaint, note, run_child
from webapp.builds.errors import BuildError
from webapp.builds.gobuild import Bench
from webapp.builds.recipe import ENVIRONMENT, Recipe
from webapp.process import capture

FOLDER = "pkg/generated/openapi"
FILE = "zz_generated.openapi"
GENERATOR = "vendor/k8s.io/kube-openapi/cmd/openapi-gen"
LICENSE = "vendor/k8s.io/code-generator/hack/boilerplate.go.txt"
TAG = r"^// \+k8s:openapi-gen="
STAGING = "staging/src/"
NOT_READ = ("staging/src/k8s.io/code-generator/", "staging/src/k8s.io/sample-apiserver/")
LIST_S = 120


def overlay_flags(bench: Bench, recipe: Recipe, env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the flags that lay generated files over the tree; none where nothing is missing.

    Raises BuildError, watch.Stopped.
    """
    if not is_missing(bench.tree) or not is_linked(bench, recipe, env):
        return ()
    note(bench.build, f"▶ {FOLDER}/{FILE}.go is kept out of Git: it is generated as the tree's make does")
    made = generate(bench, env)
    overlay = bench.work / "overlay.json"
    overlay.write_text(json.dumps({"Replace": {str(bench.tree / FOLDER / f"{FILE}.go"): str(made)}}))
    return ("-overlay", str(overlay))


def is_missing(tree: Path) -> bool:
    """Tell whether the tree has the generator and the package, and not what the one writes into the other."""
    has_both = (tree / GENERATOR).is_dir() and (tree / FOLDER / "doc.go").is_file()
    return has_both and not (tree / FOLDER / f"{FILE}.go").exists()


def is_linked(bench: Bench, recipe: Recipe, env: Mapping[str, str]) -> bool:
    """Tell whether any of the components needs the package; what cannot be listed fails when it is built."""
    packages = bench.programs.packages.values()
    argv = [*bench.go, "list", "-deps", *bench.flags("-buildvcs=false"), *packages]
    system, _, machine = recipe.targets[0].partition("/")
    targeted = {**env, **ENVIRONMENT, "GOOS": system, "GOARCH": machine}
    said = capture(argv, cwd=bench.tree, env=targeted, timeout_s=LIST_S)
    return any(line.endswith(f"/{FOLDER}") for line in said.output.splitlines())


def generate(bench: Bench, env: Mapping[str, str]) -> Path:
    """Build the generator, run it as its own make does, and return the file."""
    out = bench.user.make_folder(bench.work / "generated")
    tool = out / "openapi-gen"
    run(bench, [*bench.go, "build", *bench.flags("-trimpath"), "-o", tool, f"./{GENERATOR}"], env)
    place = bench.work / "gopath" / "src" / "k8s.io" / "kubernetes"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(bench.tree)  # the generator knows no modules
    packages = tagged_packages(bench, env)
    inputs = ",".join(f"k8s.io/kubernetes/{package}" for package in packages)
    words: list[str | Path] = [
        "-i",
        inputs,
        "-p",
        f"k8s.io/kubernetes/{FOLDER}",
        "-O",
        FILE,
        "-h",
        place / LICENSE,
    ]
    outputs: list[str | Path] = ["--output-base", out, "-r", out / "violations.report", "--logtostderr"]
    run(bench, [*bench.user.prefix, tool, *words, *outputs], {**env, "GO111MODULE": "off"}, cwd=place)
    return out / "k8s.io" / "kubernetes" / FOLDER / f"{FILE}.go"


def run(bench: Bench, argv: Sequence[str | Path], env: Mapping[str, str], *, cwd: Path | None = None) -> None:
    said = Complaint()
    ended = run_child(
        bench.build, bench.watch, argv, cwd=cwd or bench.tree, env=env, translate=said.translate
    )
    if not ended.is_ok:
        raise BuildError(f"{FOLDER}/{FILE}.go could not be generated: {said.text or ended}")


def tagged_packages(bench: Bench, env: Mapping[str, str]) -> list[str]:
    """Return the packages whose types are wanted, those of staging by their place below vendor."""
    places = [name for name in ("pkg", "cmd", "plugin", "staging") if (bench.tree / name).is_dir()]
    argv = ["grep", "-rlE", "--include=*.go", TAG, *places]
    files = capture(argv, cwd=bench.tree, env=env, timeout_s=LIST_S).output.splitlines()
    return packages_of(files)


def packages_of(files: Sequence[str]) -> list[str]:
    """Return folders in their order, without examples, tests' data and what is no part of the server."""
    kept = {
        str(Path(file).parent)
        for file in files
        if not file.startswith(NOT_READ) and "/testdata/" not in file and "/_" not in file
    }
    return sorted(f"vendor/{p.removeprefix(STAGING)}" if p.startswith(STAGING) else p for p in kept)
