"""One go build per target and set of flags: its argument list, its packages, its failure in a sentence.

`compile` prepares the `Bench`; `compiler` reads what Go says; what is made goes to `publish`.
"""

import contextlib
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from webapp.builds import sandbox, toolchains
from webapp.builds.children import note, run_child
from webapp.builds.compiler import CompilerOutput
from webapp.builds.errors import BuildError
from webapp.builds.models import Build
from webapp.builds.programs import Programs, batches
from webapp.builds.progress import Progress
from webapp.builds.recipe import ENVIRONMENT, FLAGS, Recipe
from webapp.builds.stamp import Version, ldflags, stamp_values
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
    """All that one go build needs to know. `tree`: the folder of the module that is built."""

    build: Build
    watch: Watch
    user: sandbox.Builder
    work: Path
    tree: Path
    choice: toolchains.Choice
    mode: toolchains.Mode
    version: Version
    programs: Programs
    progress: Progress

    def flags(self, *flags: str) -> list[str]:
        """Return flags that the chosen Go knows, with those of the mode."""
        return toolchains.flags_for([*flags, *self.mode.flags], self.choice.toolchain.version)

    @property
    def go(self) -> list[str]:
        return [*self.user.prefix, str(self.choice.toolchain.go)]


def compile_target(bench: Bench, recipe: Recipe, target: str) -> Iterator[Made]:
    """Run go build once for each set of flags and each name that is not its own; yield what it made."""
    system, _, machine = target.partition("/")
    env = {
        **sandbox.go_env(Path(settings.BUILD_HOME), bench.work, bench.choice.toolchain.root),
        **ENVIRONMENT,
        **bench.mode.env,
        "GOOS": system,
        "GOARCH": machine,
    }
    known, exe = bench.programs.packages, ".exe" if system == "windows" else ""
    groups = by_flags(bench, recipe).items()
    calls = [(flags, batch) for flags, components in groups for batch in batches(components, known)]
    for number, (flags, batch) in enumerate(calls):
        out = bench.user.make_folder(bench.work / "out" / f"{system}-{machine}-{number}")
        packages = [known[component.name] for component in batch.components]
        note(bench.build, f"▶ go build for {target}: {' '.join(packages)}")
        go_build(bench, flags, packages, f"{out}/{batch.name}{exe if batch.name else ''}", env)
        for component, package in zip(batch.components, packages, strict=True):
            yield Made(component, target, out / f"{batch.name or Path(package).name}{exe}")


def by_flags(bench: Bench, recipe: Recipe) -> Mapping[tuple[str, ...], list[Component]]:
    """Group components that are stamped and tagged alike: they are built in one go."""
    groups: dict[tuple[str, ...], list[Component]] = {}
    for component in recipe.components:
        linker = ldflags(stamp_values(component, bench.version), bench.mode.prefix)
        tags = ("-tags", ",".join(component.tags)) if component.tags else ()
        groups.setdefault((*tags, "-ldflags", linker), []).append(component)
    return groups


def go_build(
    bench: Bench, flags: Sequence[str], packages: list[str], out: str, env: Mapping[str, str]
) -> None:
    """Compile; raises BuildError with the first finding. `flags`: tags, then the linker's.

    `out`: a file, or a folder that ends in "/".
    """
    said, counted = CompilerOutput(bench.programs.folder), Count()
    tags = flags[: flags.index("-ldflags")]
    bench.progress.begin(" ".join((env["GOOS"], env["GOARCH"], *tags)), said.packages, counted)
    if not bench.progress.usual:
        counted.start(
            [*bench.go, "list", "-deps", *bench.flags("-buildvcs=false", *tags), *packages], bench.tree, env
        )
    argv = [*bench.go, "build", *bench.flags(*FLAGS, *flags), "-o", out, *packages]
    ended = run_child(bench.build, bench.watch, argv, cwd=bench.tree, env=env, translate=said.translate)
    if not ended.is_ok:
        Build.objects.filter(pk=bench.build.pk).update(findings=said.findings)
        raise BuildError(failure(said, str(ended)))
    bench.progress.end()


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
        self.packages: Collection[str] = frozenset()

    def start(self, argv: list[str], cwd: Path, env: Mapping[str, str]) -> None:
        threading.Thread(target=self.run, args=(argv, cwd, env), name="count", daemon=True).start()

    def run(self, argv: list[str], cwd: Path, env: Mapping[str, str]) -> None:
        with contextlib.suppress(OSError):  # without a count there is no bar, and that is all
            done = capture(argv, cwd=cwd, env=env, timeout_s=COUNT_S)
            if done.code == 0:
                self.packages = frozenset(done.output.splitlines())
