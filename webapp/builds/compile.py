"""From a ref to binaries: mirror, tree, Go, go build. What comes out goes to `publish`.

Each step says in the log what it does; each failure is a BuildError with a sentence.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from django.conf import settings

from webapp.builds import sandbox, toolchains
from webapp.builds.children import Complaint, note, run_child
from webapp.builds.errors import BuildError, GitError
from webapp.builds.generated import overlay_flags
from webapp.builds.git import Mirror, Resolved, explain, git_env
from webapp.builds.gobuild import Bench, Made, compile_target
from webapp.builds.models import Build
from webapp.builds.programs import find_programs
from webapp.builds.progress import Progress
from webapp.builds.queries import go_table
from webapp.builds.recipe import Recipe
from webapp.builds.sources import Source
from webapp.builds.stamp import Version, version_of
from webapp.builds.trees import Tree, holding_tree, trim_trees
from webapp.builds.watch import Watch
from webapp.executions.models import Status
from webapp.logs.patience import for_ever


def work_folder(build: Build) -> Path:
    return Path(settings.BUILD_HOME) / "work" / str(build.pk)


def update(build: Build, **fields: object) -> None:
    """Store facts about a build that this worker holds."""
    for_ever(lambda: Build.objects.filter(pk=build.pk).update(**fields))
    for name, value in fields.items():
        setattr(build, name, value)


def compile_build(build: Build, watch: Watch) -> list[Made]:
    """Do everything up to the binaries in the work folder, which are the caller's to store."""
    recipe = Recipe.from_json(build.recipe)
    user = sandbox.builder_user(settings.BUILD_USER)
    home, mirror = Path(settings.BUILD_HOME), mirror_of(build)
    work = work_folder(build)
    work.mkdir(parents=True, exist_ok=True)
    user.require_entry(work, "BUILD_HOME")
    with mirror.held(watch.check):
        fetch(build, watch, mirror)
    version = version_of(mirror.describe(build.commit), build.commit, mirror.committed_s(build.commit))
    with holding_tree(home, mirror, max(settings.BUILD_AT_ONCE, 1), watch.check) as tree:
        check_out(build, watch, mirror, tree)
        with prepared(build, watch, user, work, tree, version) as bench:
            note(build, f"Version {version.text}, Go {bench.choice.toolchain.version}")
            whole = with_generated(bench, recipe)
            update(build, stage=Build.Stage.COMPILING)
            made = [one for target in recipe.targets for one in compile_target(whole, recipe, target)]
            done = bench.progress.whole()
            update(build, packages_done=done, packages_total=done)
    trim_trees(home)
    return made


def mirror_of(build: Build) -> Mirror:
    return Mirror(Path(settings.BUILD_HOME), Source(build.url, is_local=build.url.startswith("/")))


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


def check_out(build: Build, watch: Watch, mirror: Mirror, tree: Tree) -> None:
    """Move the kept tree to the build's commit."""
    update(build, stage=Build.Stage.CHECKING_OUT)
    commands = tree.commands(mirror, build.commit)
    tree.marker.unlink(missing_ok=True)
    for command in commands:
        said = Complaint()
        env = tree.env(mirror)
        ended = run_child(build, watch, command, cwd=mirror.home, env=env, translate=said.translate)
        if not ended.is_ok:
            raise GitError(f"The tree of {build.commit[:12]} could not be checked out: {explain(said.text)}")
    tree.checked_out()


@contextlib.contextmanager
def prepared(
    build: Build, watch: Watch, user: sandbox.Builder, work: Path, tree: Tree, version: Version
) -> Iterator[Bench]:
    """Choose Go and the mode, lay the tree where Go wants it; say what is missing first."""
    programs = find_programs(tree.path, Recipe.from_json(build.recipe).components)
    module = tree.path / programs.folder
    if module != tree.path:
        note(build, f"The packages are of the module in {programs.folder}")
    read = toolchains.read_tree(module)
    choice = choose_go(build, user, read, version)
    mode = toolchains.choose_mode(read, choice.toolchain.version, "")
    for path in (work / "home", work / "tmp", work / "out", cache_folder(), cache_folder() / "build"):
        user.make_folder(path)
    user.make_folder(cache_folder() / "modules")
    with where_go_wants_it(work, module, mode) as place:
        progress = Progress(usual_packages(build))
        watch.progress = progress.now
        yield Bench(build, watch, user, work, place, choice, mode, version, programs, progress)


def with_generated(bench: Bench, recipe: Recipe) -> Bench:
    """Lay what the tree keeps out of Git over it, for the go builds to come."""
    env = {
        **sandbox.go_env(Path(settings.BUILD_HOME), bench.work, bench.choice.toolchain.root),
        **bench.mode.env,
    }
    flags = overlay_flags(bench, recipe, env)
    return replace(bench, mode=replace(bench.mode, flags=(*bench.mode.flags, *flags))) if flags else bench


def choose_go(
    build: Build, user: sandbox.Builder, read: toolchains.Tree, version: Version
) -> toolchains.Choice:
    """Take the Go that fits the tree and store which; raises ToolchainError."""
    folder = Path(settings.BUILD_TOOLCHAINS) if settings.BUILD_TOOLCHAINS else None
    here = toolchains.find_toolchains(folder, os.environ.get("PATH", ""))
    wanted = toolchains.wanted_go(read, version.text, go_table())
    choice = toolchains.choose_toolchain(wanted, here, toolchains.least_go(read))
    user.require_entry(choice.toolchain.root / "bin", "BUILD_TOOLCHAINS")
    update(
        build,
        version=version.text,
        stamped_date=version.date,
        warning=choice.warning,
        go_wanted=wanted,
        go_version=choice.toolchain.version,
    )
    if choice.warning:
        note(build, f"▲ {choice.warning}")
    return choice


def cache_folder() -> Path:
    return Path(settings.BUILD_HOME) / "cache"


@contextlib.contextmanager
def where_go_wants_it(work: Path, tree: Path, mode: toolchains.Mode) -> Iterator[Path]:
    """Lay an old tree where its imports say it lies, and back again."""
    if not mode.is_gopath:
        yield tree
        return
    module = mode.prefix.removesuffix("/vendor/")
    if not module or ".." in module.split("/"):
        raise BuildError("The tree does not say its module's name in go.mod.")
    place = work / "gopath" / "src" / module
    place.parent.mkdir(parents=True, exist_ok=True)
    tree.rename(place)
    try:
        yield place
    finally:
        place.rename(tree)


def usual_packages(build: Build) -> int:
    """Return how many packages the same recipe had last time, 0 if unknown: they are then listed anew."""
    same = Build.objects.filter(url=build.url, recipe=build.recipe, packages_total__gt=0)
    last = same.filter(status=Status.SUCCEEDED).values_list("packages_total", flat=True).first()
    return last or 0
