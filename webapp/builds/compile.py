"""From a ref to binaries: mirror, worktree, Go, go build. What comes out goes to `publish`.

Each step says in the log what it does; each failure is a BuildError with a sentence.
"""

import contextlib
import fcntl
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from webapp.builds import sandbox, toolchains
from webapp.builds.children import Complaint, note, run_child
from webapp.builds.compiler import CompilerOutput
from webapp.builds.errors import BuildError, GitError, RequestError
from webapp.builds.git import Mirror, Resolved, explain, git_env
from webapp.builds.models import Build
from webapp.builds.queries import go_table
from webapp.builds.recipe import ENVIRONMENT, FLAGS, Recipe
from webapp.builds.sources import Source
from webapp.builds.stamp import Version, ldflags, stamp_values, version_of
from webapp.builds.watch import Watch
from webapp.catalog.components import Component
from webapp.process import capture

COUNT_S = 120


@dataclass(frozen=True)
class Made:
    """One binary in the work folder, for `publish`."""

    component: Component
    target: str
    path: Path


@dataclass(frozen=True)
class Bench:
    """All that one go build needs to know."""

    build: Build
    watch: Watch
    user: sandbox.Builder
    work: Path
    tree: Path
    choice: toolchains.Choice
    mode: toolchains.Mode
    version: Version


def work_folder(build: Build) -> Path:
    return Path(settings.BUILD_HOME) / "work" / str(build.pk)


def update(build: Build, **fields: object) -> None:
    """Store facts about a build that this worker holds."""
    Build.objects.filter(pk=build.pk).update(**fields)
    for name, value in fields.items():
        setattr(build, name, value)


def compile_build(build: Build, watch: Watch) -> list[Made]:
    """Do everything up to the binaries in the work folder."""
    recipe = Recipe.from_json(build.recipe)
    user = sandbox.builder_user(settings.BUILD_USER)
    source = Source(build.url, is_local=build.url.startswith("/"))
    mirror = Mirror(Path(settings.BUILD_HOME), source)
    work = work_folder(build)
    work.mkdir(parents=True, exist_ok=True)
    user.require_entry(work, "BUILD_HOME")
    with holding(mirror.lock_path, watch):
        fetch(build, watch, mirror)
        version = version_of(mirror.describe(build.commit), build.commit, mirror.committed_s(build.commit))
        checked_out = check_out(build, watch, mirror, work)
    bench = prepare(build, watch, user, work, checked_out, version)
    note(build, f"Version {version.text}, Go {bench.choice.toolchain.version}")
    update(build, stage=Build.Stage.COMPILING)
    return [made for target in recipe.targets for made in compile_target(bench, recipe, target)]


@contextlib.contextmanager
def holding(path: Path, watch: Watch) -> Iterator[None]:
    """Hold a mirror for this build; another one on the same repository waits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                watch.check()
                time.sleep(0.2)
        yield


def fetch(build: Build, watch: Watch, mirror: Mirror) -> None:
    """Bring the commit into the mirror, unless it is there."""
    update(build, stage=Build.Stage.FETCHING)
    mirror.make()
    resolved = Resolved(build.commit, build.ref_name)
    if mirror.has(resolved):
        note(build, f"Commit {build.commit[:12]} is in the mirror already")
        return
    note(build, f"Fetching {build.commit[:12]} from {build.url}")
    said = Complaint()
    env = git_env(mirror.home, mirror.source)
    ended = run_child(
        build, watch, mirror.fetch_command(resolved), cwd=mirror.home, env=env, translate=said.translate
    )
    if not ended.is_ok:
        raise GitError(f"{build.url} did not give commit {build.commit[:12]}: {explain(said.text)}")


def check_out(build: Build, watch: Watch, mirror: Mirror, work: Path) -> Path:
    """Make the worktree."""
    update(build, stage=Build.Stage.CHECKING_OUT)
    tree, said = work / "tree", Complaint()
    shutil.rmtree(tree, ignore_errors=True)  # a lost worker's
    command, env = mirror.worktree_command(tree, build.commit), git_env(mirror.home, mirror.source)
    ended = run_child(build, watch, command, cwd=mirror.home, env=env, translate=said.translate)
    if not ended.is_ok:
        raise GitError(f"The tree of {build.commit[:12]} could not be checked out: {explain(said.text)}")
    return tree


def prepare(
    build: Build, watch: Watch, user: sandbox.Builder, work: Path, tree: Path, version: Version
) -> Bench:
    """Choose Go and the mode, lay the tree where Go wants it; say what is missing first."""
    read = toolchains.read_tree(tree)
    folder = Path(settings.BUILD_TOOLCHAINS) if settings.BUILD_TOOLCHAINS else None
    here = toolchains.find_toolchains(folder, os.environ.get("PATH", ""))
    wanted = toolchains.wanted_go(read, version.text, go_table())
    choice = toolchains.choose_toolchain(wanted, here)
    user.require_entry(choice.toolchain.root / "bin", "BUILD_TOOLCHAINS")
    mode = toolchains.choose_mode(read, choice.toolchain.version, "")
    update(build, version=version.text, stamped_date=version.date, warning=choice.warning)
    update(build, go_wanted=wanted, go_version=choice.toolchain.version)
    if choice.warning:
        note(build, f"▲ {choice.warning}")
    if mode.is_gopath:
        tree = move_below_gopath(work, tree, mode.prefix.removesuffix("/vendor/"))
    for path in (work / "home", work / "tmp", work / "out", cache_folder(), cache_folder() / "build"):
        user.make_folder(path)
    user.make_folder(cache_folder() / "modules")
    return Bench(build, watch, user, work, tree, choice, mode, version)


def cache_folder() -> Path:
    return Path(settings.BUILD_HOME) / "cache"


def move_below_gopath(work: Path, tree: Path, module: str) -> Path:
    """Lay an old tree where its imports say it lies."""
    if not module or ".." in module.split("/"):
        raise BuildError("The tree does not say its module's name in go.mod.")
    place = work / "gopath" / "src" / module
    place.parent.mkdir(parents=True, exist_ok=True)
    return tree.rename(place)


def compile_target(bench: Bench, recipe: Recipe, target: str) -> Iterator[Made]:
    """Run go build once for each set of linker's flags, and yield what it made."""
    system, _, machine = target.partition("/")
    env = {
        **sandbox.go_env(Path(settings.BUILD_HOME), bench.work, bench.choice.toolchain.root),
        **ENVIRONMENT,
        **bench.mode.env,
        "GOOS": system,
        "GOARCH": machine,
    }
    out = bench.user.make_folder(bench.work / "out" / f"{system}-{machine}")
    for flags, components in by_flags(bench, recipe).items():
        packages = [choose_package(bench.tree, component) for component in components]
        note(bench.build, f"▶ go build for {target}: {' '.join(packages)}")
        go_build(bench, [*FLAGS, *bench.mode.flags, "-ldflags", flags], packages, out, env)
        for component, package in zip(components, packages, strict=True):
            name = Path(package).name + (".exe" if system == "windows" else "")
            yield Made(component, target, out / name)


def by_flags(bench: Bench, recipe: Recipe) -> Mapping[str, list[Component]]:
    """Group components that are stamped alike: they are built in one go."""
    groups: dict[str, list[Component]] = {}
    for component in recipe.components:
        flags = ldflags(stamp_values(component, bench.version), bench.mode.prefix)
        groups.setdefault(flags, []).append(component)
    return groups


def choose_package(tree: Path, component: Component) -> str:
    """Return the first of the component's packages that the tree has as its own."""
    for package in component.packages:
        if any((tree / package).glob("*.go")) and belongs(tree, package):
            return package
    asked = " or ".join(component.packages)
    raise RequestError(f"This tree has no package {asked}; {component.name} cannot be built from it.")


def belongs(tree: Path, package: str) -> bool:
    """Tell whether the package is the main module's: another go.mod above it needs a workspace."""
    nearest = next((p for p in (tree / package, *(tree / package).parents) if (p / "go.mod").exists()), tree)
    return nearest == tree or (tree / "go.work").exists()


def go_build(bench: Bench, flags: list[str], packages: list[str], out: Path, env: Mapping[str, str]) -> None:
    """Compile; raises BuildError with the first finding."""
    said = CompilerOutput()
    before = (bench.build.packages_done, bench.build.packages_total)
    count = Count()
    bench.watch.progress = lambda: (
        before[0] + len(said.packages),
        before[1] + max(count.total, len(said.packages)) if count.total else before[1],
    )
    go = str(bench.choice.toolchain.go)
    listing = [go, "list", "-deps", "-buildvcs=false", *bench.mode.flags, *packages]
    count.start([*bench.user.prefix, *listing], bench.tree, env)
    argv = [*bench.user.prefix, go, "build", *flags, "-o", f"{out}/", *packages]
    ended = run_child(bench.build, bench.watch, argv, cwd=bench.tree, env=env, translate=said.translate)
    if not ended.is_ok:
        update(bench.build, findings=said.findings)
        raise BuildError(failure(said, str(ended)))
    total = before[1] + max(count.total, len(said.packages))  # what was not compiled came from the cache
    bench.watch.progress = lambda: (total, total)
    update(bench.build, packages_done=total, packages_total=total)


def failure(said: CompilerOutput, ended: str) -> str:
    """Return the sentence for a go build that did not work."""
    if said.findings:
        first, more = said.findings[0], len(said.findings) - 1
        where = f"{first['path']}:{first['line']}: " if first["path"] else ""
        return f"{where}{first['text']}" + (f" (and {more} more)" if more else "")
    return f"go build {ended}: {said.last_line[:300] or 'it gave no reason'}"


class Count:
    """Counts the packages of a build beside it, so that nothing waits for it."""

    def __init__(self) -> None:
        self.total = 0

    def start(self, argv: list[str], cwd: Path, env: Mapping[str, str]) -> None:
        threading.Thread(target=self.run, args=(argv, cwd, env), name="count", daemon=True).start()

    def run(self, argv: list[str], cwd: Path, env: Mapping[str, str]) -> None:
        with contextlib.suppress(OSError):  # without a count there is no bar, and that is all
            done = capture(argv, cwd=cwd, env=env, timeout_s=COUNT_S)
            if done.code == 0:
                self.total = len(done.output.splitlines())
